"""What the team's routes take and give."""

from marshmallow import fields

from gateway.core.roles import ROLES
from gateway.web.fields import Choice, Line, Strict


class InvitationRequest(Strict):
    """The person to invite, and their role."""

    email = Line(longest=254, personal=True, required=True)  # some are a mobile number before the @
    name = Line(longest=100, required=True)
    role = Choice(*ROLES, required=True)


class RoleRequest(Strict):
    """Another role."""

    role = Choice(*ROLES, required=True)


class MemberAnswer(Strict):
    """Somebody on the team."""

    object = fields.Constant("team_member")
    id = fields.String()
    email = fields.String()
    name = fields.String()
    role = fields.String()
    second_factor = fields.Boolean(
        metadata={
            "description": "Whether a second factor is set up, so that a "
            "password alone is not enough to log in."
        }
    )
    created_at = fields.DateTime()


class RemovedAnswer(Strict):
    """What was removed."""

    object = fields.String()
    id = fields.String()
    deleted = fields.Constant(True)


class InvitationAnswer(Strict):
    """An invitation; its link goes to the invited address alone."""

    object = fields.Constant("invitation")
    id = fields.String()
    email = fields.String()
    name = fields.String()
    role = fields.String()
    expires_at = fields.DateTime()
    sent = fields.Boolean(
        metadata={"description": "Whether the message with the link has been sent; until then it waits."}
    )


class PasskeyAnswer(Strict):
    """A passkey."""

    object = fields.Constant("passkey")
    id = fields.String()
    name = fields.String()
    created_at = fields.DateTime()
    last_used_at = fields.DateTime(allow_none=True)


class AccountAnswer(Strict):
    """The person behind the token and their second factors."""

    object = fields.Constant("account")
    member = fields.String()
    email = fields.String()
    name = fields.String()
    role = fields.String()
    authenticator = fields.Boolean()
    passkeys = fields.List(fields.Nested(PasskeyAnswer))
    recovery_codes_left = fields.Integer()
    enrol_url = fields.String(
        metadata={"description": "Page on which second factors are set up, to be opened in the same browser."}
    )


class SessionAnswer(Strict):
    """A login of the person that is still open."""

    object = fields.Constant("session")
    id = fields.String()
    device = fields.String()
    methods = fields.List(fields.String())
    current = fields.Boolean()
    authenticated_at = fields.DateTime()
    last_seen_at = fields.DateTime()
    expires_at = fields.DateTime()
