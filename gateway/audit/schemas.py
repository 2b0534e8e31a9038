"""What goes out of the audit log."""

from __future__ import annotations

from marshmallow import Schema, fields

from gateway.web.fields import Choice, Line, Moment
from gateway.web.paging import PageQuery


class AuditQuery(PageQuery):
    """Entries of one action, or about one object."""

    action = Line(longest=100, load_default=None)
    about = Line(longest=100, load_default=None)


class AuditEntryAnswer(Schema):
    """One privileged action: who did what to what, and when. The hash continues the log's chain."""

    object = fields.Constant("audit_entry")
    number = fields.Integer()
    at = Moment()
    actor = fields.Function(
        lambda row: {"kind": row.actor_kind, "id": row.actor_id},
        metadata={"type": "object", "properties": {"kind": {"type": "string"}, "id": {"type": "string"}}},
    )
    action = fields.String()
    about = fields.String()
    mode = Choice("test", "live", allow_none=True)
    facts = fields.Dict(keys=fields.String())
    before_sha256 = fields.String(allow_none=True)
    after_sha256 = fields.String(allow_none=True)
    previous_hash = fields.String()
    hash = fields.String()
