"""What a caller learns about itself."""

from marshmallow import fields

from gateway.web.fields import Strict


class MeAnswer(Strict):
    """The caller, with mode, scopes and limits."""

    object = fields.Constant("me")
    merchant = fields.String()
    name = fields.String()
    name_en = fields.String()
    category = fields.String()
    mode = fields.String()
    client_id = fields.String()
    role = fields.String(allow_none=True, metadata={"description": "Role of the person; null for a server."})
    scopes = fields.List(fields.String())
    frame_origins = fields.List(
        fields.String(),
        metadata={"description": "Origins of pages that may show checkouts of this mode inside themselves."},
    )
    publishable_key = fields.String()
    api_version = fields.String()
    limits = fields.Dict(metadata={"description": "Largest amount in fen and terms in months."})
