"""A payment: its contract, its plan and price, the lines of its order, its captures, and its running totals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from gateway.core import merchant_settlement, money, order_lines, schedule
from gateway.core.money import split_by_largest_remainder
from gateway.payments.charges import VAT_RATE
from gateway.payments.moments import AUTHORIZATION_LIFE, first_after, moments
from gateway.payments.refunds.kinds import COMES_BACK
from gateway.plans.pricing import quote_hash
from gateway.proof.entries import Entry
from gateway.proof.findings import Findings, Row
from gateway.proof.lives import terms_of
from gateway.proof.purchases import Purchase

BUILT = ("principal", "interest", "fee", "payment", "balance")


def prove(findings: Findings, purchase: Purchase, *, now: datetime) -> None:
    """Compare the payment, its captures and its lines with what follows from the contract and the books."""
    _prove_owner(findings, purchase)
    _prove_contract(findings, purchase)
    _prove_price(findings, purchase)
    _prove_order(findings, purchase)
    _prove_captures(findings, purchase)
    _prove_captured_lines(findings, purchase)
    _prove_totals(findings, purchase)
    _prove_moments(findings, purchase, now=now)


def of_payment(purchase: Purchase) -> Row:
    """How the payment is named."""
    return purchase.row("payment", purchase.payment.id)


def refunds_of(purchase: Purchase, capture: Any) -> list[tuple[Entry, str | None]]:
    """The refunds and lost disputes of a capture that were booked, each with the refund's kind; none for a dispute."""
    lines = {
        line.entry_id
        for line in purchase.rows["settlement_line"]
        if line.kind == "refund" and line.capture_id == capture.id
    }
    kinds = {refund.id: refund.kind for refund in purchase.rows["refund"]}
    booked: list[tuple[Entry, str | None]] = [
        (entry, kinds[entry.about])
        for entry in purchase.entries.about(*kinds)
        if entry.kind == "refund" and (entry.touches(capture.loan_id) or entry.id in lines)
    ]
    lost = purchase.entries.about(capture.loan_id)
    return [*booked, *((entry, None) for entry in lost if entry.kind == "dispute_lost")]


def given_fen(entry: Entry) -> int:
    """What a refund or a lost dispute gives back in all."""
    return -entry.of("loan_principal", "recovery_income", "refund_in_transit", "shopper_credit")


def is_unwound(purchase: Purchase, capture: Any) -> bool:
    """Whether the drawdown of a capture was reversed."""
    drawn = purchase.entries.by_key.get(f"capture:{capture.id}")
    return drawn is not None and drawn.id in purchase.entries.reversed_by


def _prove_owner(findings: Findings, purchase: Purchase) -> None:
    """Every row of a purchase belongs to its merchant and mode."""
    payment, wanted = purchase.payment, (purchase.payment.merchant_id, purchase.payment.mode)
    tables = [*purchase.rows.items(), *(pair for rows in purchase.of_loan.values() for pair in rows.items())]
    for table, rows in tables:
        if not rows or "merchant_id" not in rows[0]._fields:
            continue
        for row in rows:
            if (row.merchant_id, row.mode) != wanted:
                key = row.id if hasattr(row, "id") else f"{getattr(row, 'capture_id', payment.id)}:{row.line}"
                column = "mode" if row.merchant_id == payment.merchant_id else "merchant_id"
                got = getattr(row, column)
                name = purchase.row(table, key)
                right = getattr(payment, column)
                findings.note(name, column, wanted=right, got=got, computed_from=f"payment {payment.id}")


def _prove_contract(findings: Findings, purchase: Purchase) -> None:
    payment, row = purchase.payment, of_payment(purchase)
    contract = next(iter(purchase.rows["contract"]), None)
    checkout = purchase.checkout
    if contract is None:
        if checkout is not None and checkout.prices is None:
            return  # from before revision 0004, which brought contracts
        name = purchase.row("contract", payment.id)
        findings.note(
            name, "payment_id", wanted="a contract", got="none", computed_from=f"payment {payment.id}"
        )
        return
    plan = {key: value for key, value in payment.plan.items() if key != "quote_hash"}
    source = f"contract {contract.id}"
    findings.same(row, "plan", wanted=contract.quote_sha256, got=quote_hash(plan), computed_from=source)
    principal = contract.text.partition("Principal: ")[2].partition(" fen)")[0].rpartition("(")[2]
    findings.same(row, "amount_fen", wanted=principal, got=str(payment.amount_fen), computed_from=source)
    for column, wanted in (
        ("term", payment.plan.get("term")),
        ("checkout_id", contract.checkout_id),
        ("merchant_id", contract.merchant_id),
        ("mode", contract.mode),
        ("shopper_id", contract.shopper_id),
        ("created_at", contract.concluded_at),
    ):
        findings.same(row, column, wanted=wanted, got=getattr(payment, column), computed_from=source)
    if checkout is None:
        findings.note(row, "checkout_id", wanted="a checkout", got="none", computed_from=source)
        return
    name = purchase.row("checkout", checkout.id)
    for column, wanted in (
        ("status", "approved"),
        ("payment_id", payment.id),
        ("merchant_id", payment.merchant_id),
        ("mode", payment.mode),
        ("shopper_id", contract.shopper_id),
        ("term", payment.plan.get("term")),
        ("confirmed_quote_hash", contract.quote_sha256),
        ("amount_fen", payment.plan.get("amount")),
        ("down_payment_fen", payment.plan.get("amount", 0) - payment.amount_fen),
        ("government_subsidy", payment.government_subsidy),
    ):
        findings.same(name, column, wanted=wanted, got=getattr(checkout, column), computed_from=source)


def _prove_price(findings: Findings, purchase: Purchase) -> None:
    """The price behind the plan gives the plan's schedule and what the merchant bears of it."""
    payment, row, plan = purchase.payment, of_payment(purchase), purchase.payment.plan
    checkout, terms = purchase.checkout, terms_of(purchase.payment)
    if checkout is not None and checkout.prices is not None:
        wanted = checkout.prices.get(str(payment.term))
        findings.same(row, "price", wanted=wanted, got=payment.price, computed_from=f"checkout {checkout.id}")
    if terms is None:
        findings.note(row, "price", wanted="a price", got=payment.price, computed_from="its own rules")
        return
    built = schedule.build(payment.amount_fen, terms, date(2000, 1, 1))
    right = [tuple(getattr(one, name) for name in BUILT) for one in built.rows]
    shown = [tuple(one[name] for name in BUILT) for one in plan["schedule"]]
    for period in range(max(len(right), len(shown)) if right != shown else 0):
        wanted, got = (rows[period] if period < len(rows) else "no such period" for rows in (shown, right))
        source = f"period {period + 1} of the plan in the signed contract"
        if not findings.same(row, "price", wanted=wanted, got=got, computed_from=source):
            break
    subsidy = money.share(payment.amount_fen, payment.price["merchant_subsidy_rate"])
    findings.same(
        row,
        "price",
        wanted=plan["merchant_subsidy"],
        got=subsidy,
        computed_from="the plan's merchant subsidy",
    )


def _prove_order(findings: Findings, purchase: Purchase) -> None:
    """The lines of the order are worth what the checkout's items say."""
    checkout, payment = purchase.checkout, purchase.payment
    if checkout is None:
        return
    subsidy = checkout.government_subsidy or {}
    wanted = order_lines.of_order(
        checkout.items,
        category=checkout.category,
        discount_fen=checkout.merchant_discount_fen,
        subsidy_fen=subsidy.get("amount", 0),
        down_payment_fen=checkout.down_payment_fen,
    )
    stored = {row.line: row for row in purchase.rows["payment_line"]}
    source = f"the items of checkout {checkout.id}"
    for number, line in enumerate(wanted, start=1):
        name, got = purchase.row("payment_line", f"{payment.id}:{number}"), stored.pop(number, None)
        if got is None:
            findings.note(name, "line", wanted="a row", got="no row", computed_from=source)
            continue
        for column in ("ordered", "amount_fen", "subsidy_fen"):
            findings.same(
                name, column, wanted=getattr(line, column), got=getattr(got, column), computed_from=source
            )
    for number in stored:
        name = purchase.row("payment_line", f"{payment.id}:{number}")
        findings.note(name, "line", wanted="no row", got="a row", computed_from=source)


def _prove_captures(findings: Findings, purchase: Purchase) -> None:
    """Every capture is the entry that booked it, and drew one loan."""
    before, known = 0, {capture.id for capture in purchase.rows["capture"]}
    loans = {loan.id: loan for loan in purchase.rows["loan"]}
    for capture, entry in purchase.captures_in_order():
        row = purchase.row("capture", capture.id)
        if entry is None:
            source = f"the entries about {purchase.payment.id}"
            findings.note(row, "id", wanted="no row", got="a row", computed_from=source)
            continue
        _prove_booked(findings, purchase, capture, entry, before_fen=before)
        if capture.loan_id not in loans or loans[capture.loan_id].capture_id != capture.id:
            name, source = purchase.row("loan", capture.loan_id), f"the ledger entry {entry.key}"
            findings.note(name, "capture_id", wanted=capture.id, got="no loan", computed_from=source)
        before += entry.of("loan_principal")
        _prove_refunded(findings, purchase, capture, entry.of("loan_principal"))
    for loan in loans.values():
        if loan.capture_id not in known:
            name, got = purchase.row("loan", loan.id), loan.capture_id
            findings.note(name, "capture_id", wanted="a capture", got=got, computed_from="the captures")


def _prove_booked(
    findings: Findings, purchase: Purchase, capture: Any, entry: Entry, *, before_fen: int
) -> None:
    """The amounts of a capture, at the fee and subsidy of the captured total."""
    row, source = purchase.row("capture", capture.id), f"the ledger entry {entry.key}"
    amount, vat = entry.of("loan_principal"), -entry.of("vat_payable")
    fee, subsidy = vat - entry.of("merchant_fee_income"), -entry.of("unearned_merchant_subsidy")
    for column, wanted in (
        ("amount_fen", amount),
        ("merchant_fee_fen", fee),
        ("vat_fen", vat),
        ("merchant_subsidy_fen", subsidy),
        ("captured_at", entry.recorded_at),
    ):
        findings.same(row, column, wanted=wanted, got=getattr(capture, column), computed_from=source)
    of_fee = merchant_settlement.net_and_vat(fee, VAT_RATE)[1]
    findings.same(row, "vat_fen", wanted=of_fee, got=vat, computed_from="the merchant fee")
    price = purchase.payment.price
    for rate, booked in (("merchant_fee_rate", fee), ("merchant_subsidy_rate", subsidy)):
        after, before = (money.share(total, price[rate]) for total in (before_fen + amount, before_fen))
        name = of_payment(purchase)
        findings.same(name, f"price.{rate}", wanted=booked, got=after - before, computed_from=source)


def _prove_refunded(findings: Findings, purchase: Purchase, capture: Any, amount: int) -> None:
    """What of a capture was refunded, with its fee, and because goods came back."""
    row, booked = purchase.row("capture", capture.id), refunds_of(purchase, capture)
    refunded = sum(given_fen(entry) for entry, _ in booked)
    with_fee = sum(given_fen(entry) for entry, kind in booked if kind and COMES_BACK[kind].merchant_fee)
    goods = [given_fen(entry) for entry, kind in booked if kind and COMES_BACK[kind].trade_in_subsidy]
    source = f"the entries of the refunds and disputes of {capture.id}"
    returned = {sum(goods)}
    if is_unwound(purchase, capture):
        returned = {sum(goods) + amount - refunded}
        # The kind of the refund that became an unwinding is not kept: it may have left the goods with the shopper.
        returned |= {sum(goods) + amount - refunded - given_fen(e) for e, kind in booked if kind == "unwind"}
        refunded = with_fee = amount
    findings.same(row, "refunded_fen", wanted=refunded, got=capture.refunded_fen, computed_from=source)
    findings.same(
        row, "refunded_with_fee_fen", wanted=with_fee, got=capture.refunded_with_fee_fen, computed_from=source
    )
    findings.among(
        row, "goods_returned_fen", wanted=returned, got=capture.goods_returned_fen, computed_from=source
    )


def _prove_captured_lines(findings: Findings, purchase: Purchase) -> None:
    """What the pieces of each line were captured for, capture by capture."""
    lines = {row.line: row for row in purchase.rows["payment_line"]}
    gone = dict.fromkeys(lines, 0)
    gone_fen = dict.fromkeys(lines, 0)
    total = 0
    for capture, entry in purchase.captures_in_order():
        total += entry.of("loan_principal") if entry else capture.amount_fen
        taken = {row.line: row for row in purchase.rows["captured_line"] if row.capture_id == capture.id}
        if not taken or taken.keys() - lines.keys():
            continue
        left = {number: lines[number].ordered - gone[number] for number in lines}
        if all(
            number in taken and taken[number].quantity == count for number, count in left.items() if count
        ):
            unnamed = total - sum(gone_fen.values())
            worths = [lines[number].amount_fen - gone_fen[number] for number in taken]
            amounts = split_by_largest_remainder(unnamed, worths) if unnamed else [0] * len(taken)
        else:
            amounts = [
                order_lines.of_pieces(
                    lines[number].amount_fen,
                    lines[number].ordered,
                    before=gone[number],
                    quantity=row.quantity,
                )
                for number, row in taken.items()
            ]
        for (number, row), amount in zip(taken.items(), amounts, strict=True):
            name = purchase.row("captured_line", f"{capture.id}:{number}")
            findings.same(
                name, "amount_fen", wanted=amount, got=row.amount_fen, computed_from="the lines of the order"
            )
            gone[number] += row.quantity
            gone_fen[number] += amount
    _prove_returned_lines(findings, purchase)


def _prove_returned_lines(findings: Findings, purchase: Purchase) -> None:
    """Pieces that came back, as the refunds name them; their worth where one capture took the line."""
    refunds = sorted(purchase.rows["refund"], key=lambda row: row.id)
    if any(refund.items is None for refund in refunds):
        return  # from before refunds named pieces
    by_line: dict[int, list[Any]] = {}
    for row in purchase.rows["captured_line"]:
        by_line.setdefault(row.line, []).append(row)
    for number, rows in by_line.items():
        came = [item["quantity"] for refund in refunds for item in refund.items if item["line"] == number]
        name = purchase.row("captured_line", f"{rows[0].capture_id}:{number}")
        got = sum(row.returned for row in rows)
        source = f"the pieces of the refunds of {purchase.payment.id}"
        if (
            not findings.same(name, "returned", wanted=sum(came), got=got, computed_from=source)
            or len(rows) > 1
        ):
            continue
        left, worth, back = rows[0].quantity, rows[0].amount_fen, 0
        for quantity in came:
            if left:
                back += order_lines.of_rest(worth - back, left, quantity=quantity)
                left -= quantity
        findings.same(name, "returned_fen", wanted=back, got=rows[0].returned_fen, computed_from=source)


def _prove_totals(findings: Findings, purchase: Purchase) -> None:
    """Authorised, captured, voided, expired and refunded, from the entries."""
    payment, row = purchase.payment, of_payment(purchase)
    entries = purchase.entries.about(payment.id)
    authorised = purchase.entries.by_key.get(f"authorize:{payment.id}")
    if authorised is None:
        findings.note(
            row, "id", wanted="no row", got="a row", computed_from="the ledger, which has no authorisation"
        )
        return
    drawn = [entry for _, entry in purchase.captures_in_order() if entry]
    refunded = 0
    for capture in purchase.rows["capture"]:
        booked = sum(given_fen(entry) for entry, _ in refunds_of(purchase, capture))
        refunded += capture.amount_fen if is_unwound(purchase, capture) else booked
    for column, wanted in (
        ("amount_fen", authorised.of("limit_committed")),
        ("captured_fen", sum(entry.of("loan_principal") for entry in drawn)),
        ("captured_fen", _released(entries, "captured")),
        ("voided_fen", _released(entries, "voided")),
        ("expired_fen", _released(entries, "expired")),
        ("refunded_fen", refunded),
        ("created_at", authorised.recorded_at),
        ("expires_at", authorised.recorded_at + AUTHORIZATION_LIFE),
    ):
        source = f"the entries about {payment.id}, its captures and its refunds"
        findings.same(row, column, wanted=wanted, got=getattr(payment, column), computed_from=source)


def _released(entries: Sequence[Entry], kind: str) -> int:
    return -sum(entry.of("limit_committed") for entry in entries if entry.kind == kind)


def _prove_moments(findings: Findings, purchase: Purchase, *, now: datetime) -> None:
    """The next deadline is one of the authorisation's, and none that has not passed is left out."""
    payment = purchase.payment
    if payment.acknowledge_by is not None:
        days = (payment.acknowledge_by - payment.created_at) % timedelta(days=1)
        source = "whole days after the approval"
        findings.same(
            of_payment(purchase), "acknowledge_by", wanted=timedelta(), got=days, computed_from=source
        )
    planned = moments(
        created_at=payment.created_at,
        acknowledge_by=payment.acknowledge_by,
        expires_at=payment.extended_to or payment.expires_at,
    )
    left = payment.amount_fen - payment.captured_fen - payment.voided_fen - payment.expired_fen
    choices = {moment.at for moment in planned if moment.at <= now} | {first_after(planned, now)}
    if left <= 0:
        choices |= {moment.at for moment in planned} | {None}
    findings.among(
        of_payment(purchase),
        "next_moment_at",
        wanted=choices,
        got=payment.next_moment_at,
        computed_from="the deadlines of the authorisation",
    )
