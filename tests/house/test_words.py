"""Wherever a page makes a word out of a value, every value that the code can give has words in both languages.

A template that looks up ``t("result." ~ status)`` or ``word("line", kind)`` must stand here with what tells all its
values; a new kind, state or reason without words fails here, wherever it is added.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

import pytest

from gateway.checkout import pages as checkout_pages
from gateway.checkout import standing
from gateway.contracts import clauses
from gateway.core.identifiers import ID_NUMBER_INVALID, PAPERS_NOT_SERVED
from gateway.core.roles import ROLES
from gateway.core.scopes import OPERATOR_SCOPES
from gateway.errors import (
    ConsentMissing,
    CostAboveCeiling,
    DuplicateReference,
    InstitutionUnavailable,
    NotFound,
    QuoteChanged,
    ReadingTimeShort,
    TermUnavailable,
    TooManyRequests,
    ValidationFailed,
    WrongState,
)
from gateway.exports.kinds import KINDS as EXPORT_KINDS
from gateway.exports.schemas import FORMATS as EXPORT_FORMATS
from gateway.ledger.booking.accounts import MERCHANT_KINDS
from gateway.loans import amendments
from gateway.merchants.service import CATEGORIES
from gateway.messages.service import SHOWN
from gateway.payments.disputes.by_shopper import REASONS
from gateway.payments.telling.kinds import KINDS
from gateway.settlement import payout_accounts, payouts
from gateway.settlement.batch import SIGNS
from gateway.web import i18n
from merchant_portal import in_store as portal_in_store
from merchant_portal import payouts as portal_payouts
from merchant_portal import people, views, wording
from tests.house.kinds_of_code import ROOT, allowed, entry_kinds
from tests.merchant_portal.invented import PAYMENT_STATES

LOOKUP = re.compile(
    r"""\bt\(\s*["']([a-z_.]+)["']\s*~\s*[^,)"'~]+(?:~\s*["'](\.[a-z_.]+)["'])?|\bword\("([a-z_.]+)","""
)
Values = Callable[[], set[str]]


def constants(path: str, function: str | None, kind: type[ast.AST], name: str = "") -> set[str]:
    """Texts in a module: what a function returns, what is passed by a keyword, or what a dictionary has under a key."""
    module: Any = ast.parse((ROOT / path).read_text("utf-8"))
    if function is not None:
        module = next(node for node in ast.walk(module) if getattr(node, "name", "") == function)
    found = set()
    for node in ast.walk(module):
        if not isinstance(node, kind):
            continue
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found |= {value for key, value in pairs if isinstance(key, ast.Constant) and key.value == name}
        elif isinstance(node, ast.Return) or getattr(node, "arg", None) == name:
            found |= {node.value}  # type: ignore[attr-defined]
    branches = [part for node in found for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return {part.value for part in branches if isinstance(part.value, str) and part.value.isidentifier()}


def refusals() -> set[str]:
    """Why a field of the identity form can be refused."""
    reasons = constants("gateway/identity/service.py", None, ast.keyword, "reason")
    return reasons | set(PAPERS_NOT_SERVED) | {ID_NUMBER_INVALID, "term_unavailable", "rate_limited"}


def charges() -> set[str]:
    return constants("gateway/plans/pricing.py", "disclosure", ast.Dict, "name") - {"late_interest"}


def consents() -> set[str]:
    return {*checkout_pages.REQUIRED_CONSENTS, *checkout_pages.OPTIONAL_CONSENTS}


def loan_states() -> set[str]:
    """Where a loan stands for its shopper: running ones are told apart by what is due."""
    return allowed("loan", "status") | {"due"}


GATEWAY: dict[str, Values] = {
    "unavailable.": lambda: constants("gateway/plans/pricing.py", "_plan_or_reason", ast.Return) - {"price"},
    "field.": lambda: set(checkout_pages.FORM_FIELDS) - {"term"},
    "result.*.title": lambda: {*standing.STATES, *allowed("checkout", "status")} - {"open", "identified"},
    "result.*.text": lambda: (
        {"canceled_to_pay", *standing.STATES, *allowed("checkout", "status")} - {"open", "identified"}
    ),
    "standing.status.": lambda: allowed("loan", "status"),
    "amendment.why.": lambda: set(amendments.LOWERING),
    "steps.": lambda: {"choose", "review", "done"},
    "review_request.*.title": lambda: allowed("human_review", "status"),
    "review.": lambda: {
        error.code for error in (ConsentMissing, CostAboveCeiling, QuoteChanged, ReadingTimeShort)
    },
    "charge.": charges,
    "charge.rate.": lambda: charges() | {"per_period"},
    "charge.how.": lambda: (
        constants("gateway/plans/pricing.py", "disclosure", ast.Dict, "how") - {"with_overdue_instalment"}
    ),
    "clause.": lambda: {
        name for name, _ in clauses.of_plan({"disclosure": {"charges": [], "contingent": []}}, "en")
    },
    "review.paid_by_merchant.": lambda: {"free", "part"},
    "review_request.": lambda: {
        "overdue",
        *(f"{status}.text" for status in allowed("human_review", "status")),
    },
    "offer.": lambda: {error.code for error in (DuplicateReference, TermUnavailable, WrongState)},
    "my.state.": loan_states,
    "my.loan.says.": loan_states,
    "my.dispute.": lambda: allowed("dispute", "status"),
    "my.message.kind.": lambda: set(KINDS),
    "my.message.status.": lambda: set(SHOWN),
    "my.done.": lambda: {"paying", "proved", "withdrawn", "filed", "disputed"},
    "my.contest.reason.": lambda: set(REASONS),
    "my.help.kind.": lambda: allowed("complaint", "kind"),
    "my.help.status.": lambda: {*allowed("complaint", "status"), "late"},
    "my.failure.": lambda: {"insufficient_funds", "account_closed", "other"},
    "my.hold.": lambda: {
        "live_loan",
        "retention_law",
        "open_application",
        "open_payment",
        "open_dispute",
        "open_complaint",
        "pending_return",
    },
    "my.receipt.": lambda: {"principal", "interest", "fee", "late_interest", "recovered", "credit"},
    "stages.kind.": lambda: allowed("milestone", "kind"),
    "stages.status.": lambda: allowed("milestone", "status"),
    "stages.error.": lambda: {error.code for error in (NotFound, ValidationFailed, WrongState)},
    "method.": lambda: {"ending", "expired"},
    "method.expires.": lambda: {"good", "ending", "expired"},
    "method.error.": lambda: {error.code for error in (InstitutionUnavailable, TooManyRequests)},
    "method.failed.": lambda: {"canceled", "expired", "refused"},
    "consent.": consents,
    "consent.read.": consents,
    "operator.": lambda: constants("gateway/oauth/operators/login.py", None, ast.keyword, "error"),
    "operator.scope.": lambda: {scope.partition(":")[2] for scope in OPERATOR_SCOPES},
    "continue.mode.": lambda: {"test", "live"},
    "continue.role.": lambda: set(ROLES),
    "login.": lambda: constants("gateway/oauth/authorize/login.py", None, ast.keyword, "error"),
    "invitation.": lambda: constants("gateway/team/pages.py", "accept", ast.keyword, "error"),
    "security.error.": lambda: (
        constants("gateway/team/enrolment.py", None, ast.keyword, "error")
        | constants("gateway/team/pages.py", "change", ast.keyword, "error")
    ),
}
PORTAL: dict[str, Values] = {
    "line.": lambda: set(SIGNS),
    "event.": lambda: set(entry_kinds()),
    "account.": lambda: set(MERCHANT_KINDS),
    "payment_status.": lambda: set(PAYMENT_STATES),
    "loan_status.": lambda: allowed("loan", "status"),
    "refund_status.": lambda: allowed("refund", "status"),
    "payout_status.": lambda: allowed("payout", "status"),
    "invoice_status.": lambda: {"open", "overdue", "paid"},
    "terms.days.": lambda: allowed("settlement_terms", "days"),
    "dispute_status.": lambda: allowed("dispute", "status"),
    "export_kind.": lambda: set(EXPORT_KINDS),
    "export_format.": lambda: set(EXPORT_FORMATS),
    "export_status.": lambda: allowed("export", "status"),
    "milestone_status.": lambda: allowed("milestone", "status"),
    "milestone_kind.": lambda: allowed("milestone", "kind"),
    "dispute_reason.": lambda: set(REASONS),
    "dispute.error.": lambda: {"wrong_state", "validation_failed"},
    "payout_failure.": lambda: {"account_closed", "refused", "no_account", "returned"},
    "payout_says.": lambda: {*payouts.SAID.values(), payouts.UNKNOWN},
    "payout_problem.": lambda: constants("gateway/settlement/service.py", "problem_of", ast.Return),
    "in_store.wrong.": lambda: {*portal_in_store.WRONG.values(), "name", "serial", "other"},
    "in_store_status.": lambda: allowed("checkout", "status"),
    "payout_account.error.": lambda: {*portal_payouts.FIELDS, "wrong_state", "validation_failed"},
    "account_kind.": lambda: set(payout_accounts.KINDS),
    "account_status.": lambda: constants("gateway/settlement/payout_accounts.py", "_status", ast.Return),
    "reason.": lambda: {"portal"},
    "method.": lambda: allowed("plan_price", "method"),
    "category.": lambda: set(CATEGORIES),
    "role.": lambda: set(ROLES),
    "amr.": lambda: {"pwd", "otp", "hwk"},
    "team.error.": lambda: {"conflict", "validation_failed", "last_owner"},
    "filter.": lambda: {"order", "created_from", "created_to", "amount_min", "amount_max"},
    "filter.wrong.": lambda: {name.partition("_")[0] for name in views.FILTERS},
    "task.": lambda: {"dispute", "ship", "payout", "invoice"},
    "eq.": lambda: {name for name, _ in views.EQUATION} | {"opening", "closing", "payout"},
    "may.": lambda: set(people.MAY),
    "balance.": lambda: {"pending", "staged", "available", "reserve", "in_dispute", "receivable"},
    "payment.": lambda: {
        f"{name}_amount" for name in ("captured", "refunded", "voided", "capturable", "refundable")
    },
    **{prefix: lambda: {"capture", "refund", "void"} for prefix in ("do.", "cannot.", "ask.", "ask.text.")},
    "nav.": lambda: {
        *(
            "home",
            "payments",
            "settlements",
            "balance",
            "rates",
            "exports",
            "payout_account",
            "team",
            "security",
        )
    },
}
HOUSES = {
    "gateway": (GATEWAY, i18n.catalogue, "gateway/*/templates/**/*.html"),
    "merchant_portal": (PORTAL, wording.catalogue, "merchant_portal/templates/*.html"),
}
STATUS_WORDS = {
    f"{noun}_status." for noun in ("payment", "loan", "refund", "payout", "dispute", "export", "milestone")
}
"""The macro for a state makes these out of the name of a table."""


@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_value_has_words(house, language):
    values, catalogue, _ = HOUSES[house]
    words = catalogue(language)
    missing = []
    for key, told in values.items():
        start, _, end = key.partition("*")
        assert told(), f"nothing tells the values of {key}"
        missing += [name for value in sorted(told()) if (name := start + value + end) not in words]
    assert missing == []


@pytest.mark.parametrize("house", HOUSES)
def test_every_word_that_a_page_makes_out_of_a_value_is_known_here(house):
    values, _, templates = HOUSES[house]
    used = set()
    for path in ROOT.glob(templates):
        for prefix, suffix, kind in LOOKUP.findall(path.read_text("utf-8")):
            used.add(f"{kind}." if kind else f"{prefix}*{suffix}" if suffix else prefix)
    assert used
    assert used - set(values) == set(), "say above which values there can be"
    assert {key for key in set(values) - used if key not in STATUS_WORDS | {"event."}} == set()


def test_every_payment_status_is_one_that_the_amounts_can_give():
    """The states are a function of the amounts, not a column."""
    returned = constants("gateway/core/payment_status.py", "payment_status", ast.Return)
    assert returned == set(PAYMENT_STATES)


def test_a_cancelled_entry_has_words_of_its_own():
    for language in ("zh-CN", "en"):
        assert "{event}" in wording.catalogue(language)["event.reversed"]


def test_pages_that_ask_for_a_permission_or_data_say_what_for_in_both_languages():
    """Applications of a person are linked and limits are shared: what was entered serves more than one application."""
    english, chinese = i18n.catalogue("en"), i18n.catalogue("zh-CN")
    assert "only" not in english["checkout.private"]
    assert "仅" not in chinese["checkout.private"]
    assert "view and manage" in english["continue.why"]
    assert "查看和操作" in chinese["continue.why"]
