"""Exports: asked for, found, shown and downloaded; ``running.py`` makes their files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, ScopeMissing, WrongState
from gateway.exports import files, vouchers
from gateway.exports.kinds import KINDS, readable
from gateway.exports.models import Export, VoucherAccounts
from gateway.ledger import certificates
from gateway.outbox import service as outbox
from gateway.web.idempotency import FileAnswer
from gateway.web.paging import of_tenant

TOPIC = "export.make"
KEPT = timedelta(days=7)
MOST_KEPT = 50
"""Files of a merchant at once, so that a program in a loop fills no disk."""
MEDIA_TYPES = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "pdf": ("application/pdf", "pdf"),
    "camt.053": ("application/xml", "xml"),
    "hledger": ("text/plain; charset=utf-8", "journal"),
    "beancount": ("text/plain; charset=utf-8", "beancount"),
    "vouchers": ("text/csv; charset=gb18030", "csv"),
}
"""By format the media type of its files, and how their names end."""


def create(tx: Transaction, tenant: Tenant, *, scopes: frozenset[str], body: Mapping[str, Any]) -> Export:
    """Queue an export.

    Raises ``ScopeMissing`` for rows that the caller may not read, ``WrongState``, and ``MonthOpen``.
    """
    scope = KINDS[body["kind"]].scope
    if scope not in scopes:
        raise ScopeMissing(f"An export of {body['kind']} requires the scope {scope}.")
    if body["kind"] == "certificates":
        certificates.refuse_open(tx, body["first"])
    _refuse_too_many(tx, tenant)
    row = Export(
        id=tx.new_id("exp"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        kind=body["kind"],
        format=body["format"],
        first_day=body["first"],
        last_day=body["last"],
        filters={name: value for name, value in body["filter"].items() if value is not None},
        status="running",
        created_at=tx.wall,
        expires_at=tx.wall + KEPT,
    )
    tx.add(row)
    tx.flush()
    outbox.put(tx, TOPIC, {"export": row.id}, tenant=tenant)
    return row


def _refuse_too_many(tx: Transaction, tenant: Tenant) -> None:
    kept = of_tenant(Export, tenant).where(col(Export.file_deleted_at).is_(None), Export.status != "failed")
    first = tx.exec(kept.order_by(col(Export.id)).limit(1)).first()
    count = tx.exec(select(func.count()).select_from(kept.subquery())).one()
    if first is not None and count >= MOST_KEPT:
        raise WrongState(
            f"There are {count} exports already, and at most {MOST_KEPT} are kept at once. Delete one "
            f"(DELETE /v1/exports/{first.id}), or wait until it expires on {first.expires_at.date()}."
        )


def listed(
    tenant: Tenant, scopes: frozenset[str], *, kind: str | None, status: str | None
) -> SelectOfScalar[Export]:
    """The merchant's exports of what the caller may read."""
    query = of_tenant(Export, tenant, kind=kind, status=status)
    return query.where(col(Export.kind).in_(readable(scopes)))


def get(
    tx: Transaction, tenant: Tenant, export_id: str, *, scopes: frozenset[str], lock: bool = False
) -> Export:
    """The merchant's export of what the caller may read. Raises ``NotFound``."""
    row = owned(
        tx.get(Export, export_id, with_for_update=True if lock else None, populate_existing=lock),
        tenant,
        "export",
        export_id,
    )
    if row.kind not in readable(scopes):
        raise NotFound(f"There is no export {export_id!r} that your token may read.")
    return row


def download(tx: Transaction, row: Export) -> FileAnswer:
    """The file of a completed export. Raises ``WrongState`` while it runs, when it failed, and once it is deleted."""
    state = status_of(tx, row)
    if state == "expired":
        raise WrongState(f"The file was deleted on {row.expires_at.date()}: create the export again.")
    if state != "completed":
        raise WrongState(
            f"The export is {state}: its file is there once it is completed. {row.fault or ''}".strip()
        )
    media_type, _ = MEDIA_TYPES[row.format]
    return FileAnswer.of(files.pieces(tx, row.id), media_type, name_of(row))


def delete(tx: Transaction, row: Export) -> Export:
    """Delete the file before its time; one that is being made is given up."""
    if row.file_deleted_at is None:
        row.expires_at = min(row.expires_at, tx.wall)
        row.ended_at = row.ended_at or tx.wall
        files.forget(tx, row)
    return row


def status_of(tx: Transaction, row: Export) -> str:
    """The status; a file whose time is over is not given out, also before it is deleted."""
    over = row.status == "completed" and row.expires_at <= tx.wall
    return "expired" if over else row.status


def name_of(row: Export) -> str:
    """What the file is called."""
    days = [f"{day:%Y%m%d}" for day in (row.first_day, row.last_day) if day is not None]
    return (
        "-".join(["fenqi", row.kind.replace("_", "-"), *days, row.id[-6:]]) + f".{MEDIA_TYPES[row.format][1]}"
    )


def view(tx: Transaction, row: Export) -> dict[str, Any]:
    """The export as the API shows it."""
    status = status_of(tx, row)
    file = {
        "name": name_of(row),
        "media_type": MEDIA_TYPES[row.format][0],
        "bytes": row.file_bytes,
        "sha256": row.file_sha256,
    }
    return {
        "id": row.id,
        "mode": row.mode,
        "kind": row.kind,
        "format": row.format,
        "first": row.first_day and row.first_day.isoformat(),
        "last": row.last_day and row.last_day.isoformat(),
        "filter": row.filters,
        "status": status,
        "lines": row.lines_done,
        "file": file if status == "completed" else None,
        "error": row.fault,
        "created_at": row.created_at,
        "ended_at": row.ended_at,
        "expires_at": row.expires_at,
    }


def voucher_codes(tx: Transaction, tenant: Tenant) -> vouchers.Codes:
    """The code and name of each of the merchant's accounts."""
    own = tx.get(VoucherAccounts, (tenant.merchant_id, tenant.mode))
    return vouchers.codes(own.accounts if own is not None else {})


def change_accounts(tx: Transaction, tenant: Tenant, accounts: Mapping[str, Mapping[str, str]]) -> None:
    """Take other codes and names for some of the merchant's accounts."""
    key = (tenant.merchant_id, tenant.mode)
    own = tx.get(VoucherAccounts, key, with_for_update=True)
    if own is None:
        own = VoucherAccounts(
            merchant_id=tenant.merchant_id, mode=tenant.mode, accounts={}, changed_at=tx.wall
        )
    own.accounts, own.changed_at = {**own.accounts, **accounts}, tx.wall
    tx.add(own)


def accounts_view(tx: Transaction, tenant: Tenant) -> dict[str, Any]:
    """All accounts as the API shows them."""
    shown = {role: {"code": code, "name": name} for role, (code, name) in voucher_codes(tx, tenant).items()}
    return {"mode": tenant.mode, "accounts": shown}
