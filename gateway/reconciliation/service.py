"""Reconciliations: uploaded, their columns confirmed, their differences shown and resolved by one person or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.errors import (
    FileAlreadyUploaded,
    FileUnreadable,
    NotFound,
    SecondPersonRequired,
    WrongState,
)
from gateway.outbox import service as outbox
from gateway.reconciliation import files
from gateway.reconciliation.models import (
    Reconciliation,
    ReconciliationColumns,
    ReconciliationItem,
)
from gateway.reconciliation.reading import headings, sheet, typed
from gateway.reconciliation.reading.headings import FIELDS, Headings
from gateway.reconciliation.reading.sheet import Unreadable
from gateway.web.bodies import Upload

if TYPE_CHECKING:
    from gateway.privacy.vault import Vault

TOPIC = "reconciliation.run"
WINDOWS: dict[str, int | None] = {"shop_orders": None, "bank_statement": 5, "institution_file": None}
"""Days between the file's date and ours, unless the merchant says otherwise."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a first look at a file found: its form and headings, and its parts ready to be sealed."""

    form: str
    headings: Headings
    parts: list[bytes]


def look(upload: Upload) -> Looked | Unreadable:
    """Look at a file before any transaction; what is wrong with it is returned, to be raised later."""
    try:
        opened = sheet.opened(upload.content)
        return Looked(opened.form, headings.find(opened.rows()), files.packed(upload.content))
    except Unreadable as error:
        return error


def create(
    tx: Transaction, tenant: Tenant, vault: Vault, *, body: Mapping[str, Any], looked: Looked | Unreadable
) -> Reconciliation:
    """Keep a file; it is compared at once where columns of files like it were confirmed before.

    Raises ``FileUnreadable`` and, for a file that the merchant has uploaded before, ``FileAlreadyUploaded``.
    """
    upload: Upload = body["file"]
    if isinstance(looked, Unreadable):
        raise _refused(looked, upload.name)
    before = _without_file(tx, tenant, body["kind"], upload)
    remembered = tx.get(
        ReconciliationColumns,
        (tenant.merchant_id, tenant.mode, body["kind"], looked.headings.fingerprint()),
    )
    window = body["window_days"]
    row = Reconciliation(
        id=before or tx.new_id("rec"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        kind=body["kind"],
        status="running" if remembered else "mapping",
        file_name=upload.name,
        file_form=looked.form,
        file_sha256=str(upload),
        file_bytes=len(upload.content),
        heading_row=looked.headings.row,
        headings=list(looked.headings.names),
        columns=remembered.columns if remembered else looked.headings.guessed(),
        columns_from="remembered" if remembered else "guessed",
        tolerance=body["tolerance"],
        window_days=WINDOWS[body["kind"]] if window is None else window,
        memo_contains=body["memo_contains"],
        faults=[],
        created_at=tx.wall,
    )
    if before is not None:
        row.file_deleted_at, row.ended_at, row.done, row.counts = None, None, 0, None
        row = tx.merge(row)
    else:
        tx.add(row)
    tx.flush()
    files.keep(tx, vault, row.id, looked.parts)
    if remembered:
        outbox.put(tx, TOPIC, {"reconciliation": row.id}, tenant=tenant)
    return row


def confirm(
    tx: Transaction, tenant: Tenant, reconciliation_id: str, *, body: Mapping[str, Any]
) -> Reconciliation:
    """Confirm the columns, remember them for files like it, and compare; also again, after it failed.

    Raises ``NotFound``, ``WrongState`` and, for columns that cannot be read, ``FileUnreadable``.
    """
    wanted = {name: body["columns"][name] for name in FIELDS}
    columns = {name: heading for name, heading in wanted.items() if heading is not None}
    rules = {name: body[name] for name in ("tolerance", "window_days", "memo_contains")}
    row = get(tx, tenant, reconciliation_id, lock=True)
    if row.status not in ("mapping", "failed") or row.file_deleted_at is not None:
        raise WrongState(f"The reconciliation is {row.status}: only one that waits or failed can be started.")
    heading = Headings(row.heading_row, tuple(row.headings))
    try:
        typed.check_columns(columns)
        heading.places(columns)
    except Unreadable as error:
        raise _refused(error, row.file_name) from None
    row.columns, row.columns_from, row.status = columns, "confirmed", "running"
    for name, value in rules.items():
        if value is not None:
            setattr(row, name, value)
    row.faults, row.ended_at, row.done, row.counts = [], None, 0, None
    tx.add(row)
    _remember(tx, tenant, row, heading.fingerprint())
    outbox.put(tx, TOPIC, {"reconciliation": row.id}, tenant=tenant)
    return row


def _remember(tx: Transaction, tenant: Tenant, row: Reconciliation, fingerprint: str) -> None:
    key = (tenant.merchant_id, tenant.mode, row.kind, fingerprint)
    known = tx.get(ReconciliationColumns, key, with_for_update=True)
    if known is None:
        known = ReconciliationColumns(
            merchant_id=tenant.merchant_id,
            mode=tenant.mode,
            kind=row.kind,
            fingerprint=fingerprint,
            columns=row.columns,
            confirmed_at=tx.wall,
        )
    known.columns, known.confirmed_at = row.columns, tx.wall
    tx.add(known)


def _without_file(tx: Transaction, tenant: Tenant, kind: str, upload: Upload) -> str | None:
    """The reconciliation that lost these bytes before it was compared, and takes them back. Refuses a second one."""
    first = tx.exec(
        select(Reconciliation).where(
            Reconciliation.merchant_id == tenant.merchant_id,
            Reconciliation.mode == tenant.mode,
            Reconciliation.kind == kind,
            Reconciliation.file_sha256 == str(upload),
        )
    ).first()
    if first is not None and first.file_deleted_at is not None and first.status in ("mapping", "failed"):
        return first.id
    if first is not None:
        raise FileAlreadyUploaded(
            f"The same bytes were uploaded before, as {first.id}: nothing was doubled. Read that one, or confirm its "
            "columns again if it failed.",
            param="file",
            reconciliation=first.id,
        )
    return None


def _refused(error: Unreadable, name: str) -> FileUnreadable:
    row = f", row {error.row}" if error.row else ""
    column = f", column {error.column!r}" if error.column else ""
    return FileUnreadable(
        f"In {name}{row}{column}: {error.detail} Nothing was imported.",
        param="file",
        file=name,
        row=error.row,
        column=error.column,
    )


def get(tx: Transaction, tenant: Tenant, reconciliation_id: str, *, lock: bool = False) -> Reconciliation:
    """The merchant's reconciliation. Raises ``NotFound``."""
    row = tx.get(
        Reconciliation, reconciliation_id, with_for_update=True if lock else None, populate_existing=lock
    )
    return owned(row, tenant, "reconciliation", reconciliation_id)


def completed(tx: Transaction, tenant: Tenant, reconciliation_id: str) -> Reconciliation:
    """The merchant's reconciliation, once its differences stand. Raises ``NotFound`` or ``WrongState``."""
    row = get(tx, tenant, reconciliation_id)
    if row.status != "completed":
        raise WrongState(f"The reconciliation is {row.status}: its items are there once it is completed.")
    return row


def resolve(
    tx: Transaction,
    tenant: Tenant,
    reconciliation_id: str,
    item_ids: Sequence[str],
    *,
    note: str,
    actor: str,
    four_eyes_fen: int,
) -> list[ReconciliationItem]:
    """Resolve differences, all or none; from ``four_eyes_fen`` on the first person proposes and another confirms.

    Raises ``NotFound``, ``WrongState`` for one that is resolved, and ``SecondPersonRequired``.
    """
    row = completed(tx, tenant, reconciliation_id)
    query = select(ReconciliationItem).where(
        ReconciliationItem.reconciliation_id == row.id, col(ReconciliationItem.id).in_(item_ids)
    )
    locked = {item.id: item for item in tx.exec(query.order_by(col(ReconciliationItem.id)).with_for_update())}
    for item_id in item_ids:
        if item_id not in locked:
            raise NotFound(f"There is no item {item_id!r} in {row.id}.", param="items")
        _resolve(tx, locked[item_id], note=note, actor=actor, four_eyes_fen=four_eyes_fen)
    return [locked[item_id] for item_id in item_ids]


def _resolve(tx: Transaction, item: ReconciliationItem, *, note: str, actor: str, four_eyes_fen: int) -> None:
    if item.resolved_at is not None:
        raise WrongState(f"The item {item.id} was already resolved by {item.resolved_by}.")
    if needs_two(item, four_eyes_fen):
        if item.proposed_by is None:
            item.proposed_by, item.proposed_at, item.note = actor, tx.wall, note
            tx.add(item)
            return
        if item.proposed_by == actor:
            raise SecondPersonRequired(
                f"You have proposed to resolve {item.id} yourself. From {four_eyes_fen} fen on, another person "
                "confirms it with the same request."
            )
    item.resolved_by, item.resolved_at, item.note = actor, tx.wall, note
    tx.add(item)


def needs_two(item: ReconciliationItem, four_eyes_fen: int) -> bool:
    """Whether two people must resolve a difference."""
    return abs(item.difference) >= four_eyes_fen


def view(row: Reconciliation) -> dict[str, Any]:
    """The reconciliation as the API shows it."""
    return {
        "id": row.id,
        "mode": row.mode,
        "kind": row.kind,
        "status": row.status,
        "columns": row.columns,
        "columns_from": row.columns_from,
        "tolerance": row.tolerance,
        "window_days": row.window_days,
        "memo_contains": row.memo_contains,
        "progress": row.done,
        "counts": row.counts,
        "errors": row.faults,
        "file": {
            "name": row.file_name,
            "form": row.file_form,
            "bytes": row.file_bytes,
            "sha256": row.file_sha256,
            "rows": row.rows,
            "first_day": row.first_day and row.first_day.isoformat(),
            "last_day": row.last_day and row.last_day.isoformat(),
            "heading_row": row.heading_row,
            "headings": row.headings,
            "deleted_at": row.file_deleted_at,
        },
        "created_at": row.created_at,
        "ended_at": row.ended_at,
    }


def item_view(item: ReconciliationItem, four_eyes_fen: int) -> dict[str, Any]:
    """A difference as the API shows it."""
    by, at = (
        (item.resolved_by, item.resolved_at) if item.resolved_at else (item.proposed_by, item.proposed_at)
    )
    return {
        "id": item.id,
        "reconciliation": item.reconciliation_id,
        "line": item.line,
        "verdict": item.verdict,
        "theirs": None if item.theirs is None else {"amount": item.theirs},
        "ours": None if item.ours_id is None else {"id": item.ours_id, "amount": item.ours},
        "difference": item.difference,
        "suggestion": item.suggestion,
        "needs_second_person": needs_two(item, four_eyes_fen),
        "resolved": None
        if by is None
        else {
            "by": by,
            "at": at,
            "note": item.note,
            "proposed_by": item.proposed_by,
            "confirmed": item.resolved_at is not None,
        },
    }
