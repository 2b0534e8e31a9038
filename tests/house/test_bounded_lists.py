"""No question grows with what somebody else may write: a list of values in a question is bounded, or asked in parts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import gateway
from tests.house.sources import nodes

PRODUCT = Path(gateway.__file__).parent
BOUNDED = {
    "identity/service.py: numbers": "one hash for each key of look-ups",
    "identity/service.py: phones": "one hash for each key of look-ups",
    "identity/service.py: vault.lookups(phone, 'phone')": "one hash for each key of look-ups",
    "reconciliation/running.py: ids": "a batch of items",
    "messages/service.py: sorted(shopper_ids)": "the rows of one person: the claims that a reviewer found to be them",
    "messages/sending.py: identity.with_phone(row.mode, recipient)": "a question",
    "exports/service.py: readable(scopes)": "the kinds of exports",
    "ledger/certificates.py: select(POSTING.c.entry_id).where(POSTING.c.account_id.in_(sorted(names)))": "a question",
    "ledger/certificates.py: sorted(names)": "the accounts of one merchant, one of each kind",
    "ledger/reports/own_side.py: _concerning(tenant)": "a question",
    "ledger/reports/own_side.py: names": "the accounts of one merchant, one of each kind",
    "ledger/reports/statements.py: names": "the loans of a part of a list",
    "ledger/reports/statements.py: sorted(moves)": "the loans of a part of a list",
    "settlement/lists.py: of_days": "a question",
    "settlement/service.py: payments": "the payments of a part of a list of captures",
    "reconciliation/service.py: item_ids": "the schema allows 200",
    "checkout/consents.py: claims.rows_of(tx, shopper_id)": "the claims that a reviewer found to be one person",
    "db/keyed.py: keys": "a page of rows",
    "decision/lists.py: lookups": "the two hashes of one person",
    "decision/score_log.py: decisions": "a page of decisions",
    "ledger/service.py: found": "the accounts of one merchant, one of each kind",
    "ledger/service.py: wanted": "the entries of one batch",
    "ledger/reports/statements.py: object_ids": "an object and what was made of it, such as the captures of a payment",
    "ledger/booking/writing.py: written": "the entries of one batch",
    "loans/billing.py: ids": "a step of the job",
    "loans/service.py: loan_ids": "a part of a list (payments.orders)",
    "loans/standing.py: ids": "a step of the job",
    "oauth/authorize/par.py: names": "the limit of the question before",
    "oauth/tokens/revocation.py: [name for name in names if name]": "token and family",
    "payments/contents.py: subsidised": "a page of payments",
    "payments/milestones/events.py: found": "a page of milestones, or those of one payment, which has at most 100",
    "payments/milestones/holding.py: states.OPEN": "three states",
    "payments/collections/service.py: loan_ids": "a part of a list",
    "payments/quotas.py: categories": "the lines of one order",
    "proof/entries.py: some": "a part of a list",
    "proof/purchases.py: ids": "a page of payments",
    "proof/purchases.py: loans": "the loans of a page of payments",
    "proof/settlements.py: ids": "a page of batches",
    "proof/told.py: list(events)": "a page of events",
    "proof/told.py: payments": "the payments of a page of events",
    "outbox/setbacks.py: ids": "a page of leases",
    "webhooks/delivery/history.py: ids": "a page, or the limit of the question before",
    "webhooks/delivery/history.py: types": "types of events",
    "webhooks/delivery/history.py: {row.event_id for row in deliveries}": "a page",
    "webhooks/delivery/sending.py: claims": "one run",
    "outbox/service.py: besides": "merchants with half of a lane's hands",
    "outbox/service.py: topics": "topics",
    "webhooks/service.py: types": "types of events",
    "webhooks/delivery/queue.py: busy": "endpoints with all the threads they may have",
    "webhooks/delivery/queue.py: {row.event_id for row in deliveries}": "one run",
    "webhooks/delivery/queue.py: {row.object_id for row in due}": "at most LOOKED_AT",
}
"""Lists in questions by file and expression, and what bounds each."""


def lists(path: Path) -> Iterator[str]:
    """Every list that is given to ``in_`` or ``not_in``, but constants, questions, and parts of a list."""
    for function in nodes(path):
        if not isinstance(function, ast.FunctionDef):
            continue
        calls = [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("in_", "not_in")
        ]
        asked = {name for node in (ast.walk(function) if calls else ()) for name in questions(node)}
        for node in calls:
            if not is_harmless(node.args[0], asked):
                yield f"{path.relative_to(PRODUCT)}: {ast.unparse(node.args[0])}"


def questions(node: ast.AST) -> Iterator[str]:
    """Names that stand for a question, or for a part of a list."""
    if (
        isinstance(node, ast.Assign)
        and "select(" in ast.unparse(node.value)
        and "exec" not in ast.unparse(node.value)
    ):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    if isinstance(node, (ast.For, ast.comprehension)) and ast.unparse(node.iter).startswith("in_parts("):
        yield ast.unparse(node.target)
    if isinstance(node, ast.arg) and node.annotation and "Select" in ast.unparse(node.annotation):
        yield node.arg


def is_harmless(given: ast.expr, asked: set[str]) -> bool:
    if isinstance(given, (ast.Tuple, ast.List, ast.Set)):
        return all(isinstance(one, ast.Constant) for one in given.elts)
    if isinstance(given, ast.Name):
        return given.id in asked or given.id.isupper()
    return isinstance(given, ast.Call) and ast.unparse(given.func) in ("union", "select", "loans.captures_of")


def test_every_list_in_a_question_is_bounded_or_asked_in_parts() -> None:
    found = {one for path in PRODUCT.rglob("*.py") if "migrations" not in path.parts for one in lists(path)}
    assert sorted(found - BOUNDED.keys()) == [], (
        "ask it in parts (gateway.db.parts), by a question, or say its bound"
    )
    assert sorted(BOUNDED.keys() - found) == [], "these are gone"
