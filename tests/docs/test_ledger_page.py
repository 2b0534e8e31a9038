"""The page of the ledger: every line of the purchase is what the posting functions write, and the balances follow."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main
from gateway.core import allocation, early_settlement, late_interest, merchant_settlement, refunding
from gateway.core.money import half_up
from gateway.core.schedule import Terms, build, due_date
from gateway.ledger.booking import postings
from gateway.ledger.booking.accounts import CHART, CLEARING_KINDS, MEMO_KINDS
from gateway.ledger.booking.postings import Entries, Parts

P = 599_900
DRAWN = date(2026, 11, 23)
TERMS = Terms("equal_installment", 12, annual_rate="0.18")
SCHEDULE = build(P, TERMS, DRAWN)
DAILY_RATE, GRACE = "0.0005", 3
REFUND = 100_000
SALE = merchant_settlement.settle(P, merchant_fee_rate="0.006", merchant_subsidy_rate="0.01")
NET, VAT = merchant_settlement.net_and_vat(SALE.merchant_fee, "0.06")
LOAN = {"loan": "loan_1", "funder": "bank"}
GIVEN = {"5999.00", "0.6", "0.05", "1000.00", "200.00", "2027-04-30"}
Rows = list[list[str]]


@dataclass(frozen=True)
class Step:
    """What happens on a day, and the entries it writes, by their kind."""

    name: str
    on: date
    what: str
    entries: dict[str, Entries]

    @property
    def lines(self) -> list[postings.Line]:
        return [line for lines in self.entries.values() for line in lines]


def subsidy_earned(unearned_fen: int, principal_fen: int, balance_fen: int) -> int:
    return half_up(Fraction(unearned_fen * principal_fen, principal_fen + balance_fen))


def purchase() -> list[Step]:
    one, two = SCHEDULE.rows[:2]
    drawn = postings.drawdown(
        **LOAN,
        payment="pay_1",
        merchant="shop",
        principal_fen=P,
        fee_net_fen=NET,
        vat_fen=VAT,
        subsidy_fen=SALE.merchant_subsidy,
    )
    released = postings.release_authorisation(amount_fen=P, payment="pay_1")
    earned = [subsidy_earned(SALE.merchant_subsidy, one.principal, one.balance)]
    earned.append(subsidy_earned(SALE.merchant_subsidy - earned[0], two.principal, two.balance))
    unearned = SALE.merchant_subsidy - sum(earned)

    days = [date(2027, 1, 27), date(2027, 1, 28)]
    late = [
        late_interest.of_instalment(
            two.principal, [], due_date=two.due_date, as_of=day, daily_rate=DAILY_RATE, grace_days=GRACE
        )
        for day in days
    ]

    rest = SCHEDULE.rows[2:]
    lowered = refunding.lower(rest, terms=TERMS, contract_date=DRAWN, refund_fen=REFUND)
    subsidy_back = half_up(Fraction(unearned * REFUND, two.balance))
    fee_back = half_up(Fraction(SALE.merchant_fee * REFUND, P))
    net_back, vat_back = merchant_settlement.net_and_vat(fee_back, "0.06")
    refunded = postings.refund(
        **LOAN,
        payment="pay_1",
        merchant="shop",
        institution="payer",
        loan_reduction_fen=lowered.applied_to_principal,
        to_shopper_fen=lowered.returned_to_shopper,
        fee_net_returned_fen=net_back,
        vat_returned_fen=vat_back,
        subsidy_returned_fen=subsidy_back,
        from_pending_fen=0,
        from_available_fen=0,
        from_receivable_fen=REFUND - fee_back - subsidy_back,
    )
    settled_on = date(2027, 2, 15)
    found = early_settlement.settle_rest(
        lowered.rows,
        start=due_date(DRAWN, 2),
        end=due_date(DRAWN, 3),
        settle_date=settled_on,
        interest_policy="pro_rata_day",
    )

    def bill(interest_fen: int, subsidy_fen: int) -> Entries:
        return postings.instalment_due(**LOAN, interest_fen=interest_fen, fee_fen=0, subsidy_fen=subsidy_fen)

    def paid(principal_fen: int, interest_fen: int, late_fen: int = 0) -> Entries:
        parts = {"principal": principal_fen, "interest": interest_fen, "late_interest": late_fen}
        claims = [allocation.Claim(1, "past_due", part, owed) for part, owed in parts.items()]
        done, left = allocation.allocate(sum(parts.values()), claims)
        assert not left
        return postings.repayment(
            **LOAN, parts=Parts(**{f"{part.part}_fen": part.amount_fen for part in done}), credit_fen=0
        )

    def late_by(difference_fen: int) -> Entries:
        return postings.late_interest(**LOAN, difference_fen=difference_fen)

    payout = {"payout": "po_1", "institution": "payer", "amount_fen": SALE.settlement_amount}
    next_day = date(2026, 11, 24)
    batch = {"settlement": "set_1", "merchant": "shop"}
    return [
        Step(
            "authorise",
            DRAWN,
            "the lender approves",
            {"authorize": postings.authorise(amount_fen=P, payment="pay_1")},
        ),
        Step("capture", DRAWN, "the merchant ships and captures", {"capture": drawn, "captured": released}),
        Step(
            "settle",
            next_day,
            "the batch of the day closes",
            {
                "settlement": postings.settlement(
                    **batch, pending_fen=SALE.settlement_amount, receivable_offset_fen=0
                )
            },
        ),
        Step(
            "payout_instructed",
            next_day,
            "the institution is told to pay",
            {"payout_instructed": postings.payout_instructed(**payout, merchant="shop")},
        ),
        Step(
            "payout_confirmed",
            next_day,
            "the institution has paid",
            {"payout_confirmed": postings.payout_confirmed(**payout, funder="bank")},
        ),
        Step(
            "first_due",
            one.due_date,
            "instalment 1 falls due",
            {"instalment_due": bill(one.interest, earned[0])},
        ),
        Step("first_paid", one.due_date, "it is collected", {"repayment": paid(one.principal, one.interest)}),
        Step(
            "second_due",
            two.due_date,
            "instalment 2 falls due",
            {"instalment_due": bill(two.interest, earned[1])},
        ),
        Step("late", days[0], "it is late beyond the grace", {"late_interest": late_by(late[0])}),
        Step("later", days[1], "it is late one day more", {"late_interest": late_by(late[1] - late[0])}),
        Step("second_paid", days[1], "it is paid", {"repayment": paid(two.principal, two.interest, late[1])}),
        Step("refund", date(2027, 2, 5), "the merchant refunds 1,000.00 yuan", {"refund": refunded}),
        Step(
            "early_due",
            settled_on,
            "the shopper settles early: the last bill",
            {"settled_early": bill(found.interest_due, unearned - subsidy_back)},
        ),
        Step(
            "early_paid",
            settled_on,
            "it is paid",
            {"repayment": paid(found.outstanding_principal, found.interest_due)},
        ),
    ]


STEPS = purchase()


def text(value: Any) -> str:
    return f"{value:,}" if type(value) is int else str(value)


def amounts(amount_fen: int) -> list[str]:
    return [text(amount_fen), ""] if amount_fen > 0 else ["", text(-amount_fen)]


def step_tables() -> dict[str, Rows]:
    balances: Counter[str] = Counter()
    tables = {}
    for step in STEPS:
        rows = []
        for line in step.lines:
            balances[line.kind] += line.amount_fen
            rows.append([line.kind, *amounts(line.amount_fen), text(balances[line.kind])])
        tables[step.name] = rows
    return tables


def lines_of(*entries: tuple[str, Entries]) -> Rows:
    return [[what, line.kind, *amounts(line.amount_fen)] for what, lines in entries for line in lines]


def overview() -> Rows:
    return [
        [text(number), text(step.on), step.what, kind, text(lines.gross_fen)]
        for number, step in enumerate(STEPS, 1)
        for kind, lines in step.entries.items()
    ]


def end() -> Rows:
    balances: Counter[str] = Counter()
    for step in STEPS:
        for line in step.lines:
            balances[line.kind] += line.amount_fen
    used = [kind for kind in CHART if kind in balances]
    assert sum(balances.values()) == 0
    assert not any(balances[kind] for kind in (*CLEARING_KINDS, *MEMO_KINDS, "loan_principal"))
    assert not balances["unearned_merchant_subsidy"]
    rows = [[kind, *amounts(balances[kind])] for kind in used if balances[kind]]
    debits = sum(amount for amount in balances.values() if amount > 0)
    return [*rows, ["sum", text(debits), text(debits)]]


def zero() -> Rows:
    balances: Counter[str] = Counter()
    for step in STEPS:
        for line in step.lines:
            balances[line.kind] += line.amount_fen
    return [[kind] for kind in CHART if kind in balances and not balances[kind]]


def chart() -> Rows:
    owners = {"funder": "lender", "none": ""}
    return [[kind.name, owners.get(kind.owner, kind.owner), kind.side, kind.means] for kind in CHART.values()]


def unwound() -> Rows:
    drawdown = STEPS[1].entries["capture"]
    ahead = postings.repayment(**LOAN, parts=Parts(), credit_fen=20_000)
    back = {"institution": "payer", "refund": "ref_1", "amount_fen": 20_000}
    return lines_of(
        ("drawdown", drawdown),
        ("200.00 paid ahead", ahead),
        ("drawdown reversed", drawdown.opposite()),
        ("payment reversed", ahead.opposite()),
        ("payment on its way back", postings.paid_returned(**LOAN, **back)),
        ("confirmed", postings.refund_confirmed(funder="bank", **back)),
    )


def written_off() -> Rows:
    on = date(2027, 4, 30)
    bills = SCHEDULE.rows[1:5]
    late = sum(
        late_interest.of_instalment(
            row.principal, [], due_date=row.due_date, as_of=on, daily_rate=DAILY_RATE, grace_days=GRACE
        )
        for row in bills
    )
    parts = Parts(late, 0, sum(row.interest for row in bills), SCHEDULE.rows[0].balance)
    return lines_of(
        ("provision", postings.provision(**LOAN, amount_fen=parts.total_fen)),
        ("write-off", postings.write_off(**LOAN, parts=parts)),
        ("1,000.00 comes after all", postings.recovery(**LOAN, amount_fen=100_000)),
    )


def disputed() -> Rows:
    one = SCHEDULE.rows[0]
    about = {"dispute": "dp_1", "merchant": "shop"}
    back = {"institution": "payer", "refund": "ref_1", "amount_fen": one.principal}
    return lines_of(
        ("opened", postings.dispute_opened(**about, available_fen=0, receivable_fen=P)),
        (
            "lost",
            postings.dispute_lost(**about, **LOAN, principal_fen=one.balance, to_shopper_fen=one.principal),
        ),
        ("on its way", postings.credit_returned(loan="loan_1", **back)),
        ("confirmed", postings.refund_confirmed(funder="bank", **back)),
    )


def netted() -> Rows:
    owed = sum(line.amount_fen for line in STEPS[11].lines if line.kind == "merchant_receivable")
    return lines_of(
        (
            "next batch",
            postings.settlement(
                settlement="set_2",
                merchant="shop",
                pending_fen=SALE.settlement_amount,
                receivable_offset_fen=owed,
            ),
        )
    )


TABLES: dict[str, Callable[[], Rows]] = {
    "chart": chart,
    "overview": overview,
    **{step.name: lambda name=step.name: step_tables()[name] for step in STEPS},
    "end": end,
    "zero": zero,
    "netted": netted,
    "unwound": unwound,
    "written_off": written_off,
    "disputed": disputed,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_postings_write(read_page: Callable[[str], Any], name: str) -> None:
    assert read_page("ledger").tables[name] == TABLES[name]()


def test_every_marked_table_is_computed_here(read_page: Callable[[str], Any]) -> None:
    assert set(read_page("ledger").tables) == {*TABLES, "checks"}


def test_the_invariants_are_those_that_verify_prints(
    read_page: Callable[[str], Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "--data", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["ledger", "verify", "--data", str(tmp_path)]) == 0
    printed = re.findall(r"^ok +(\w+) +(.*)$", capsys.readouterr().out, re.MULTILINE)
    assert read_page("ledger").tables["checks"] == [list(check) for check in printed]


def test_the_examples_print_what_they_say(
    read_page: Callable[[str], Any], run_examples: Callable[[Any], int]
) -> None:
    assert run_examples(read_page("ledger")) > 5


def test_no_figure_in_the_prose_is_made_up(read_page: Callable[[str], Any]) -> None:
    page = read_page("ledger")
    assert sorted(page.claimed - page.computed - GIVEN) == []


def test_the_books_balance_after_every_step() -> None:
    balances: Counter[str] = Counter()
    for step in STEPS:
        for line in step.lines:
            balances[line.kind] += line.amount_fen
        assert sum(balances.values()) == 0


def test_a_loan_that_never_was_leaves_nothing() -> None:
    balances: Counter[str] = Counter()
    for _, kind, debit, credit in unwound():
        balances[kind] += int(debit.replace(",", "") or 0) - int(credit.replace(",", "") or 0)
    assert not any(balances.values())


def test_what_the_purchase_earned_is_what_its_parties_are_owed() -> None:
    """Income and tax are what the lender's account and the merchant's debt come to: no fen is left unexplained."""
    balances = dict(zip(*[iter(flat(end()))] * 2, strict=True))
    income = sum(value for kind, value in balances.items() if kind.endswith("_income"))
    assert -income - balances["vat_payable"] == balances["funder_clearing"] + balances["merchant_receivable"]


def flat(rows: Iterable[list[str]]) -> Iterable[Any]:
    for kind, debit, credit in list(rows)[:-1]:
        yield kind
        yield -int(credit.replace(",", "")) if credit else int(debit.replace(",", ""))
