"""Statements: a settlement with the proof of each line, which anybody can check without asking us.

A statement is a file of JSON lines: what was settled; each line of it after the ledger entries it stands on, each
with its way to the root of a tree (``ledger.integrity.trees``); those trees; the signed root of the last of them; and
a signature over all lines before. ``fenqi verify-statement`` in the SDK checks it offline, and docs/statements.md says
how to do the same without it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from sqlmodel import col, select

from gateway.core.signing import Signature, SigningAuthority
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import StatementNotReady
from gateway.ledger import service as ledger
from gateway.ledger.integrity import trees
from gateway.ledger.integrity.trees import Proven, Tree
from gateway.roots import service as roots
from gateway.settlement import service, terms
from gateway.settlement.models import SettlementBatch, SettlementLine
from gateway.settlement.schemas import SettlementAnswer, SettlementLineAnswer
from gateway.web.columns import columns_of

VERSION = 2
MEDIA_TYPE = "application/jsonl"
LINES_A_PAGE = 500
SETTLEMENT, LINE = SettlementAnswer(), columns_of(SettlementLineAnswer())
CLOSING_KINDS = ("settlement", "reserve_released", "payout_instructed")
"""Entries that a batch itself books."""


def statement(
    tx: Transaction, tenant: Tenant, batch: SettlementBatch, authority: SigningAuthority
) -> Iterator[bytes]:
    """The statement of a settlement, line by line. Raises ``StatementNotReady``."""
    running = hashlib.sha256()
    for content in _contents(tx, tenant, batch):
        line = orjson.dumps(content) + b"\n"
        running.update(line)
        yield line
    signature = authority.sign(signed_text(batch.id, running.hexdigest()))
    yield orjson.dumps({"signature": _shown_signature(signature)}) + b"\n"


def signed_text(settlement_id: str, sha256: str) -> bytes:
    """What the last line of a statement signs."""
    return f"fenqi statement\nsettlement: {settlement_id}\nsha256: {sha256}\n".encode()


def _contents(tx: Transaction, tenant: Tenant, batch: SettlementBatch) -> Iterator[dict[str, Any]]:
    closing = _closing_entries(tx, tenant, batch)
    yield {
        "statement": VERSION,
        "merchant": tenant.merchant_id,
        "settlement": SETTLEMENT.dump(service.view(batch)),
        "minimum_payout": terms.minimum_payout_fen(tx, batch),
        "entries": closing,
    }
    used: set[int] = set()
    told: set[str] = set()
    yield from _proofs(tx, closing, used, told)
    for lines in _pages(tx, batch):
        entries = _entries_of(tx, tenant, lines)
        yield from _proofs(tx, [one for ids in entries.values() for one in ids], used, told)
        for line in lines:
            shown = service.line_view(line)
            yield {"line": {one.name: one.cell(shown) for one in LINE}, "entries": entries[line.id]}
    yield from _signed_trees(tx, used)


def _proofs(
    tx: Transaction, entry_ids: Iterable[str], used: set[int], told: set[str]
) -> Iterator[dict[str, Any]]:
    """Each entry once, with its proof; ``used`` collects the trees. Raises ``StatementNotReady``."""
    wanted = [one for one in dict.fromkeys(entry_ids) if one not in told]
    proven = trees.prove(tx, wanted)
    for entry_id in wanted:
        if entry_id not in proven:
            raise StatementNotReady(
                "Some of its entries are under no signed root yet. It can be proved within a minute after the "
                "settlement has closed: ask again then."
            )
        told.add(entry_id)
        used.add(proven[entry_id].tree)
        yield {"entry": entry_id} | _shown_proof(proven[entry_id])


def _signed_trees(tx: Transaction, used: set[int]) -> Iterator[dict[str, Any]]:
    """The trees from the first that is used to one whose head is signed, and that root."""
    signed = roots.signed_from(tx, trees.TREES.name, max(used, default=1))
    if signed is None:
        raise StatementNotReady("Its last tree is not signed yet. Ask again in a minute.")
    for tree in trees.between(tx, min(used, default=signed.number), signed.number):
        yield {"tree": _shown_tree(tree)}
    yield {"root": signed.as_json()}


def _pages(tx: Transaction, batch: SettlementBatch) -> Iterator[Sequence[SettlementLine]]:
    after = ""
    query = select(SettlementLine).where(SettlementLine.batch_id == batch.id)
    while True:
        page = query.where(col(SettlementLine.id) > after).order_by(col(SettlementLine.id))
        lines = list(tx.exec(page.limit(LINES_A_PAGE)))
        yield lines
        if len(lines) < LINES_A_PAGE:
            return
        after = lines[-1].id


def _closing_entries(tx: Transaction, tenant: Tenant, batch: SettlementBatch) -> list[str]:
    about = [batch.id, *([batch.payout_id] if batch.payout_id else [])]
    return [one.id for one in ledger.entries_about(tx, tenant, about) if one.kind in CLOSING_KINDS]


def _entries_of(tx: Transaction, tenant: Tenant, lines: Sequence[SettlementLine]) -> dict[str, list[str]]:
    """By line the entries that make it: one, but for an unwinding, which reverses all that was booked of a loan."""
    kinds = ledger.kinds_of(tx, tenant, [line.entry_id for line in lines if line.kind == "refund"])
    unwound = [line for line in lines if line.kind == "refund" and kinds.get(line.entry_id) != "refund"]
    found = {line.id: [line.entry_id] for line in lines}
    if unwound:
        booked = service.entries_of_captures(tx, {line.capture_id for line in unwound})
        entries = ledger.unwindings_of(tx, tenant, booked.values())
        found |= {line.id: entries[booked[line.capture_id][0]] for line in unwound}
    return found


def _shown_proof(proven: Proven) -> dict[str, Any]:
    return {
        "in_tree": proven.tree,
        "position": proven.position,
        "path": [base64.b64encode(one).decode() for one in proven.path],
        "content": list(proven.content),
    }


def _shown_tree(tree: Tree) -> dict[str, Any]:
    return {
        "number": tree.number,
        "first": tree.first,
        "last": tree.last,
        "root": tree.root,
        "previous": tree.previous_hash,
        "created_at": tree.created_at.isoformat(timespec="microseconds"),
    }


def _shown_signature(signature: Signature) -> dict[str, str]:
    return {
        "algorithm": signature.algorithm,
        "key_id": signature.key_id,
        "signature": signature.value,
    }
