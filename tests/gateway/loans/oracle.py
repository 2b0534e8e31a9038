"""An independent model of the books: plain dictionaries and fractions, nothing of the gateway.

It is written from the design alone: what each event posts, what falls due when, who pays what first. ``accounts`` holds
signed balances by kind (debit above 0, fen), as the ledger must show them.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

RETRY_DAYS = (1, 3, 7, 14, 30)
RETURN_AGAIN_DAYS = (1, 3, 7, 14, 30)
GRACE = 3
DAILY = Fraction(5, 10_000)
WRITE_OFF = 180
PARTS = ("late", "fee", "interest", "principal")
KEEPS_LATE = ("price_adjustment", "goodwill")


def half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def month_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def split(total: int, parts: int) -> list[int]:
    return [total // parts] * (parts - 1) + [total - total // parts * (parts - 1)]


def amortised(balance: int, price: dict[str, Any], periods: int) -> list[tuple[int, int]]:
    """Principal and interest of each of ``periods`` by the method and rate of ``price``."""
    if price["annual_rate"] is None:
        return [(part, 0) for part in split(balance, periods)]
    i = Fraction(price["annual_rate"]) / 12
    rows, left = [], balance
    equal = split(balance, periods)
    payment = half_up(balance * i * (1 + i) ** periods / ((1 + i) ** periods - 1))
    for k in range(periods):
        interest = half_up(left * i)
        principal = equal[k] if price["method"] == "equal_principal" else payment - interest
        principal = left if k == periods - 1 else min(principal, left)
        rows.append((principal, interest))
        left -= principal
    return rows


def whole(principal: int, price: dict[str, Any], start: date) -> list[dict[str, Any]]:
    fee = half_up(principal * Fraction(price["fee_rate_total"] or "0"))
    n = price["term"]
    return [
        {"period": k, "due": month_after(start, k), "principal": p, "interest": i, "fee": f}
        for k, ((p, i), f) in enumerate(
            zip(amortised(principal, price, n), split(fee, n), strict=True), start=1
        )
    ]


class Oracle:
    """One merchant's payments, loans, settlements and books."""

    def __init__(self) -> None:
        self.accounts: dict[str, int] = defaultdict(int)
        self.payments: dict[str, dict[str, Any]] = {}
        self.loans: dict[str, dict[str, Any]] = {}
        self.lines: list[dict[str, Any]] = []
        self.batches: set[date] = set()
        self.closing = 0
        self.instructions: list[dict[str, Any]] = []
        self.disputes: dict[str, dict[str, Any]] = {}
        self.payouts: list[dict[str, Any]] = []

    def post(self, **amounts: int) -> None:
        assert sum(amounts.values()) == 0, amounts
        for kind, amount in amounts.items():
            self.accounts[kind] += amount

    # -- before the loan

    def authorise(self, payment: str, amount: int, price: dict[str, Any]) -> None:
        self.payments[payment] = {"amount": amount, "captured": 0, "gone": 0, "price": price, "loans": []}
        self.post(limit_committed=amount, authorised_commitments=-amount)

    def void(self, payment: str, amount: int) -> None:
        self.payments[payment]["gone"] += amount
        self.post(limit_committed=-amount, authorised_commitments=amount)

    def capture(self, payment: str, loan: str, amount: int, today: date, settles: date) -> None:
        pay = self.payments[payment]
        price, before, after = pay["price"], pay["captured"], pay["captured"] + amount
        fee, subsidy = (
            half_up(after * Fraction(price[name])) - half_up(before * Fraction(price[name]))
            for name in ("merchant_fee_rate", "merchant_subsidy_rate")
        )
        rows = whole(after, price, today)
        if before:
            for row, old in zip(rows, whole(before, price, today), strict=True):
                for part in ("principal", "interest", "fee"):
                    row[part] -= old[part]
        vat = half_up(Fraction(fee * 6, 106))
        pay["captured"] = after
        pay["loans"].append(loan)
        self.loans[loan] = {
            "payment": payment, "amount": amount, "fee": fee, "vat": vat, "subsidy": subsidy, "start": today,
            "price": price, "rows": rows, "base": [dict(row) for row in rows], "base_unearned": subsidy,
            "unearned": subsidy, "bills": {}, "credit": 0, "status": "active", "refunded": 0, "settles": settles,
            "settled": False, "refund_fee": 0, "refund_vat": 0, "refund_total": 0, "with_fee": 0, "paid_in": 0,
            "recovered": 0, "written_off": 0, "lost_in_all": 0, "sent": 0, "lost": False,
            "earned": defaultdict(int), "money": [], "taken": [], "waived_on": None,
        }  # fmt: skip
        self.post(
            loan_principal=amount,
            merchant_pending=-(amount - fee - subsidy),
            merchant_fee_income=-(fee - vat),
            vat_payable=-vat,
            unearned_merchant_subsidy=-subsidy,
        )
        self.post(limit_committed=-amount, authorised_commitments=amount)
        self.lines.append(
            {"net": amount - fee - subsidy, "pending": amount - fee - subsidy, "on": settles, "loan": loan}
        )

    # -- figures of a loan

    def outstanding(self, loan: dict[str, Any]) -> int:
        if loan["status"] in ("unwound", "written_off"):
            return 0
        billed = sum(self.open(bill, "principal") for bill in loan["bills"].values())
        return sum(row["principal"] for row in loan["rows"]) + billed

    def held(self) -> int:
        """What is held of the shoppers' limits."""
        total = sum(pay["amount"] - pay["captured"] - pay["gone"] for pay in self.payments.values())
        for loan in self.loans.values():
            lost = max(0, loan["written_off"] - loan["recovered"])
            total += lost if loan["status"] == "written_off" else self.outstanding(loan)
        return total

    @staticmethod
    def open(bill: dict[str, Any], part: str) -> int:
        return bill[part] - bill["paid"][part] - bill["gone"][part] - (part == "principal" and bill["taken"])

    def owed(self, bill: dict[str, Any]) -> int:
        return sum(self.open(bill, part) for part in PARTS)

    @staticmethod
    def late_days(due: date, day: date) -> int:
        days = (day - due).days
        return days if days > GRACE else 0

    # -- time

    def weighted(self, bill: dict[str, Any], day: date) -> int:
        """Late interest of a bill on a day: of what is paid to its payment, of what is owed to the day."""
        left = bill["principal"] - bill["taken"] - sum(amount for _, amount in bill["payments"])
        parts = [*bill["payments"], *bill["taken_late"], (day, left)]
        return half_up(sum(amount * self.late_days(bill["due"], on) for on, amount in parts) * DAILY)

    def restate(self, loan: dict[str, Any], today: date) -> None:
        """Where the loan stands, told anew from its first day on; the books get the difference."""
        before = self.told(loan)
        for bill in loan["bills"].values():
            bill.update(
                paid=dict.fromkeys(PARTS, 0),
                gone=dict.fromkeys(PARTS, 0),
                taken=0,
                taken_late=[],
                payments=[],
                late=0,
                done=False,
            )
        purse = 0
        days = {bill["due"] for bill in loan["bills"].values()} | {on for on, _ in loan["money"]} | {today}
        for day in sorted(days | {on for on, *_ in loan["taken"]} | ({loan["waived_on"]} - {None})):
            bills = [bill for _, bill in sorted(loan["bills"].items()) if bill["due"] <= day]
            purse += sum(amount for on, amount in loan["money"] if on == day)
            for on, period, amount, waives_late in loan["taken"]:
                if on == day:
                    purse += self.take_off(loan["bills"][period], bills, amount, None if waives_late else day)
            for bill in bills:
                if not bill["done"]:
                    bill["late"] = self.weighted(bill, day)
                    over = max(0, bill["paid"]["late"] + bill["gone"]["late"] - bill["late"])
                    bill["paid"]["late"] -= over
                    purse += over
            if day == loan["waived_on"]:
                for bill in bills:
                    bill["gone"] = {
                        part: 0 if part == "principal" else self.open(bill, part) for part in PARTS
                    }
            purse = self.pay(bills, purse, day)
        loan["credit"] = purse
        self.post_difference(loan, before)
        if loan["status"] in ("active", "overdue"):
            unpaid = [bill["due"] for bill in loan["bills"].values() if not bill["done"]]
            overdue = any(self.late_days(due, today) for due in unpaid)
            loan["status"] = "overdue" if overdue else "active"
            if not self.to_fall_due(loan) and not unpaid:
                loan["status"] = "settled"

    @staticmethod
    def to_fall_due(loan: dict[str, Any]) -> bool:
        """Whether a row above nothing is still to come."""
        return any(row["principal"] + row["interest"] + row["fee"] for row in loan["rows"])

    def take_off(
        self, meant: dict[str, Any], bills: list[dict[str, Any]], amount: int, late_until: date | None
    ) -> int:
        for bill in [meant, *(bill for bill in bills if bill is not meant)]:
            part = min(amount, self.open(bill, "principal"))
            bill["taken"] += part
            if late_until is not None:
                bill["taken_late"].append((late_until, part))
            amount -= part
        return amount

    @staticmethod
    def told(loan: dict[str, Any]) -> dict[str, int]:
        """What the books hold of the bills and of the credit of a loan."""
        told = {"credit": loan["credit"], "earned_late": 0}
        for part in PARTS:
            told[part] = sum(
                bill["paid"][part] + (part == "principal" and bill["taken"])
                for bill in loan["bills"].values()
            )
            told[f"gone_{part}"] = sum(bill["gone"][part] for bill in loan["bills"].values())
        told["earned_late"] = sum(bill["late"] - bill["gone"]["late"] for bill in loan["bills"].values())
        return told

    def post_difference(self, loan: dict[str, Any], before: dict[str, int]) -> None:
        after = self.told(loan)
        d = {name: after[name] - before[name] for name in after}
        loan["earned"]["late_interest_income"] += d["earned_late"]
        loan["earned"]["interest_income"] -= d["gone_interest"]
        loan["earned"]["fee_income"] -= d["gone_fee"]
        self.post(
            late_interest_receivable=d["earned_late"] - d["late"],
            late_interest_income=-d["earned_late"],
            interest_receivable=-d["interest"] - d["gone_interest"],
            interest_income=d["gone_interest"],
            fee_receivable=-d["fee"] - d["gone_fee"],
            fee_income=d["gone_fee"],
            loan_principal=-d["principal"],
            shopper_credit=-d["credit"],
            funder_clearing=d["credit"] + sum(d[part] for part in PARTS),
        )

    def bill_next(self, loan: dict[str, Any]) -> dict[str, Any]:
        row = loan["rows"].pop(0)
        to_come = sum(other["principal"] for other in loan["rows"])
        earned = loan["unearned"]
        if self.to_fall_due(loan):
            earned = half_up(Fraction(loan["unearned"] * row["principal"], row["principal"] + to_come))
        self.earn(loan, row["interest"], row["fee"], earned)
        loan["base"], loan["base_unearned"] = [dict(other) for other in loan["rows"]], loan["unearned"]
        bill = self.new_bill(row["due"], row["principal"], row["interest"], row["fee"])
        loan["bills"][row["period"]] = bill
        return bill

    def new_bill(self, due: date, principal: int, interest: int, fee: int) -> dict[str, Any]:
        bill = {
            "due": due, "principal": principal, "interest": interest, "fee": fee, "late": 0, "attempts": 0,
            "paid": dict.fromkeys(PARTS, 0), "gone": dict.fromkeys(PARTS, 0), "taken": 0, "payments": [],
            "taken_late": [],
            "done": principal + interest + fee == 0,
        }  # fmt: skip
        return bill

    def earn(self, loan: dict[str, Any], interest: int, fee: int, subsidy: int) -> None:
        loan["unearned"] -= subsidy
        loan["earned"]["interest_income"] += interest
        loan["earned"]["fee_income"] += fee
        loan["earned"]["merchant_subsidy_income"] += subsidy
        self.post(
            interest_receivable=interest,
            interest_income=-interest,
            fee_receivable=fee,
            fee_income=-fee,
            unearned_merchant_subsidy=subsidy,
            merchant_subsidy_income=-subsidy,
        )

    def run_day(self, today: date) -> None:
        """The jobs of a day, however many days after the last."""
        while self.bill_all(today):
            pass
        for loan in self.running():
            if any(not bill["done"] and bill["due"] < today for bill in loan["bills"].values()):
                self.restate(loan, today)
        for name, loan in sorted(self.loans.items()):
            for period, bill in sorted(loan["bills"].items()):
                if loan["status"] in ("active", "overdue") and not bill["done"] and bill["due"] < today:
                    passed = sum((today - bill["due"]).days >= days for days in RETRY_DAYS)
                    waiting = any(i.get("bill") == (name, period) for i in self.instructions)
                    if not waiting and bill["attempts"] < 1 + passed:
                        self.collect(name, period, self.owed(bill), today)
        for loan in self.running():
            since = [bill["due"] for bill in loan["bills"].values() if not bill["done"]]
            if loan["status"] == "overdue" and min(since) < today - timedelta(days=WRITE_OFF):
                self.write_off(loan, today)
        for name, dispute in self.disputes.items():
            if dispute["status"] == "needs_response" and dispute["by"] <= today:
                self.lose(name, today)
        self.close_batch(today)

    def running(self) -> list[dict[str, Any]]:
        return [loan for _, loan in sorted(self.loans.items()) if loan["status"] in ("active", "overdue")]

    def bill_all(self, today: date) -> bool:
        """One period of every loan that is due."""
        due = [
            (loan["rows"][0]["due"], name, loan)
            for name, loan in self.loans.items()
            if loan["status"] in ("active", "overdue")
            and self.to_fall_due(loan)
            and loan["rows"][0]["due"] <= today
        ]
        for _, name, loan in sorted(due, key=lambda item: item[:2]):
            period = loan["rows"][0]["period"]
            bill = self.bill_next(loan)
            if loan["credit"]:
                self.restate(loan, today)
                self.return_of_ended(name, today)
            if not bill["done"]:
                self.collect(name, period, self.owed(bill), today)
        return bool(due)

    def collect(self, loan: str, period: int, amount: int, on: date) -> None:
        bill = self.loans[loan]["bills"][period]
        bill["attempts"] += 1
        self.instructions.append(
            {
                "what": "collection",
                "bill": (loan, period),
                "amount": amount,
                "first": bill["attempts"] == 1,
                "on": on,
            }
        )

    # -- money of the shopper

    def pay(self, bills: list[dict[str, Any]], purse: int, day: date) -> int:
        """Past due first, then due; late, fee, interest, principal; the oldest first. Returns what is left."""
        for timing in ([b for b in bills if b["due"] < day], [b for b in bills if b["due"] == day]):
            for part in PARTS:
                for bill in timing:
                    paid = max(0, min(purse, self.open(bill, part)))
                    bill["paid"][part] += paid
                    purse -= paid
                    if paid and part == "principal":
                        bill["payments"].append((day, paid))
        for bill in bills:
            bill["done"] = not self.owed(bill)
        return purse

    def receive(self, name: str, amount: int, on: date, today: date) -> None:
        loan = self.loans[name]
        loan["paid_in"] += amount
        while (
            loan["status"] in ("active", "overdue")
            and self.to_fall_due(loan)
            and loan["rows"][0]["due"] <= today
        ):
            self.bill_next(loan)
            if loan["credit"]:
                self.restate(loan, today)
        if loan["status"] in ("written_off", "unwound"):
            back = min(amount, max(0, loan["lost_in_all"] - loan["recovered"]))
            loan["recovered"] += back
            loan["credit"] += amount - back
            self.post(funder_clearing=amount, recovery_income=-back, shopper_credit=back - amount)
        else:
            loan["money"].append((on, amount))
            self.restate(loan, today)
        self.return_of_ended(name, today)

    def settlement_amount(self, loan: dict[str, Any], today: date) -> tuple[int, int, int]:
        """Principal to come, interest of the running period by days, and its fee."""
        row = loan["rows"][0]
        start, end = month_after(loan["start"], row["period"] - 1), month_after(loan["start"], row["period"])
        elapsed = (today - start).days
        interest = half_up(Fraction(row["interest"] * elapsed, (end - start).days))
        return sum(other["principal"] for other in loan["rows"]), interest, row["fee"] if elapsed else 0

    def settle_early(self, name: str, today: date) -> None:
        loan = self.loans[name]
        principal, interest, fee = self.settlement_amount(loan, today)
        period = loan["rows"][0]["period"]
        loan["bills"][period] = self.new_bill(today, principal, interest, fee)
        loan["rows"], loan["base"] = [], []
        self.earn(loan, interest, fee, loan["unearned"])
        loan["base_unearned"] = 0
        self.restate(loan, today)
        left = sum(self.owed(bill) for bill in loan["bills"].values())
        if left:
            self.receive(name, left, today, today)
        self.return_of_ended(name, today)

    def return_of_ended(self, name: str, today: date, after: date = date.min) -> None:
        loan = self.loans[name]
        if loan["credit"] and loan["status"] not in ("active", "overdue"):
            self.return_credit(name, loan["credit"], today, after)

    def return_credit(self, name: str, amount: int, today: date, after: date = date.min) -> None:
        loan = self.loans[name]
        loan["credit"] -= amount
        loan["money"].append((today, -amount))
        loan["sent"] += amount
        self.post(shopper_credit=amount, refund_in_transit=-amount)
        self.instructions.append({"what": "return", "loan": name, "amount": amount, "after": after})

    # -- money of the merchant

    def bear(self, net: int, loan: dict[str, Any] | None) -> dict[str, int]:
        if loan is not None and not loan["settled"]:
            return {"merchant_pending": net}
        available = min(net, max(0, -self.accounts["merchant_available"]))
        return {"merchant_available": available, "merchant_receivable": net - available}

    def lower(self, loan: dict[str, Any], amount: int, today: date, kind: str = "") -> tuple[int, int]:
        """What a refund takes off the loan, and the subsidy that goes back with it."""
        if loan["status"] not in ("active", "overdue"):
            return 0, 0
        to_come = sum(row["principal"] for row in loan["rows"])
        applied, back = min(amount, to_come), 0
        if applied:
            at_base = sum(row["principal"] for row in loan["base"])
            after = to_come - applied
            fees = sum(row["fee"] for row in loan["base"])
            periods = [(row["period"], row["due"]) for row in loan["base"]]
            loan["rows"] = []
            if after:
                fee = half_up(Fraction(fees * after, at_base))
                amounts = amortised(after, loan["price"], len(periods))
                loan["rows"] = [
                    {"period": k, "due": due, "principal": p, "interest": i, "fee": f}
                    for (k, due), (p, i), f in zip(periods, amounts, split(fee, len(periods)), strict=True)
                ]
            returned = half_up(Fraction(loan["base_unearned"] * (at_base - after), at_base))
            back = returned - (loan["base_unearned"] - loan["unearned"])
            loan["unearned"] -= back
        left = amount - applied
        for period, bill in sorted(loan["bills"].items()):
            part = min(left, self.open(bill, "principal"))
            if part:
                bill["taken"] += part
                loan["taken"].append((today, period, part, kind not in KEEPS_LATE))
                left -= part
        self.restate(loan, today)
        if loan["status"] == "settled":
            loan["status"] = "refunded"
        return amount - left, back

    def refund(self, name: str, amount: int, kind: str, today: date) -> None:
        loan = self.loans[name]
        if loan["refund_total"] + amount == loan["amount"] and self.may_unwind(loan, today):
            return self.unwind(name, today)
        loan["refund_total"] += amount
        reduced, subsidy = self.lower(loan, amount, today, kind)
        fee, vat = self.fee_of_refunds(loan, amount) if kind != "goodwill" else (0, 0)
        if kind == "goodwill":
            loan["unearned"] += subsidy
            self.earn(loan, 0, 0, subsidy)
            subsidy = 0
        net = amount - fee - subsidy
        bearing = self.bear(net, loan)
        recovered = self.recover(loan, amount)
        self.post(
            **bearing,
            merchant_fee_income=fee - vat,
            vat_payable=vat,
            unearned_merchant_subsidy=subsidy,
            loan_principal=-reduced,
            recovery_income=-recovered,
            refund_in_transit=-(amount - reduced - recovered),
        )
        reduced += recovered
        self.lines.append(
            {
                "net": -net,
                "pending": -bearing.get("merchant_pending", 0),
                "on": today if loan["settled"] else loan["settles"],
            }
        )
        if amount > reduced:
            loan["sent"] += amount - reduced
            self.instructions.append({"what": "return", "loan": name, "amount": amount - reduced})
        self.return_of_ended(name, today)

    @staticmethod
    def recover(loan: dict[str, Any], amount: int) -> int:
        """What of ``amount`` recovers what was written off."""
        lost = loan["lost_in_all"] - loan["recovered"] if loan["status"] == "written_off" else 0
        loan["recovered"] += min(amount, lost)
        return min(amount, lost)

    @staticmethod
    def fee_of_refunds(loan: dict[str, Any], amount: int) -> tuple[int, int]:
        """The merchant's fee, and the VAT in it, that belong to ``amount`` more of what was refunded."""
        fee, vat = loan["refund_fee"], loan["refund_vat"]
        loan["with_fee"] += amount
        loan["refund_fee"] = half_up(Fraction(loan["fee"] * loan["with_fee"], loan["amount"]))
        loan["refund_vat"] = half_up(Fraction(loan["refund_fee"] * 6, 106))
        return loan["refund_fee"] - fee, loan["refund_vat"] - vat

    @staticmethod
    def may_unwind(loan: dict[str, Any], today: date) -> bool:
        """Inside 7 days, and nothing of it was decided otherwise."""
        inside = today <= loan["start"] + timedelta(days=7)
        return inside and not loan["lost"] and loan["status"] != "written_off"

    def unwind(self, name: str, today: date) -> None:
        """Everything the loan ever posted is undone; what was paid goes back; the merchant bears what it had got."""
        loan = self.loans[name]
        amount = loan["amount"] - loan["refund_total"]
        fee, vat = loan["fee"] - loan["refund_fee"], loan["vat"] - loan["refund_vat"]
        earned = loan["earned"]
        subsidy = loan["unearned"] + earned["merchant_subsidy_income"]
        net = amount - fee - subsidy
        owed = {
            part: sum(self.open(bill, part) for bill in loan["bills"].values())
            for part in ("late", "fee", "interest")
        }
        bearing = self.bear(net, loan)
        self.post(
            **bearing,
            merchant_fee_income=fee - vat,
            vat_payable=vat,
            unearned_merchant_subsidy=loan["unearned"],
            merchant_subsidy_income=earned["merchant_subsidy_income"],
            interest_income=earned["interest_income"],
            fee_income=earned["fee_income"],
            late_interest_income=earned["late_interest_income"],
            interest_receivable=-owed["interest"],
            fee_receivable=-owed["fee"],
            late_interest_receivable=-owed["late"],
            loan_principal=-self.outstanding(loan),
            shopper_credit=loan["credit"],
            refund_in_transit=-(loan["paid_in"] - loan["sent"]),
        )
        self.lines.append(
            {
                "net": -net,
                "pending": -bearing.get("merchant_pending", 0),
                "on": today if loan["settled"] else loan["settles"],
            }
        )
        loan.update(status="unwound", rows=[], credit=0, unearned=0, refund_total=loan["amount"])
        if loan["paid_in"] > loan["sent"]:
            left = loan["paid_in"] - loan["sent"]
            self.instructions.append({"what": "return", "loan": name, "amount": left})

    def write_off(self, loan: dict[str, Any], today: date) -> None:
        self.restate(loan, today)
        owed = {
            part: sum(self.open(bill, part) for bill in loan["bills"].values())
            for part in ("late", "fee", "interest")
        }
        principal = self.outstanding(loan)
        self.earn(loan, 0, 0, loan["unearned"])
        total = principal + sum(owed.values())
        self.post(credit_loss=total, **{
            "loan_principal": -principal,
            "interest_receivable": -owed["interest"],
            "fee_receivable": -owed["fee"],
            "late_interest_receivable": -owed["late"],
        })  # fmt: skip
        loan.update(status="written_off", written_off=principal, lost_in_all=total, rows=[])

    # -- disputes

    def dispute(self, name: str, loan: str, amount: int, by: date, today: date) -> None:
        self.disputes[name] = {"loan": loan, "amount": amount, "by": by, "status": "needs_response"}
        self.post(**self.bear(amount, None), dispute_hold=-amount)
        self.lines.append({"net": -amount, "pending": 0, "on": today})

    def win(self, name: str, today: date) -> None:
        dispute = self.disputes[name]
        dispute["status"] = "won"
        self.post(dispute_hold=dispute["amount"], merchant_available=-dispute["amount"])
        self.lines.append({"net": dispute["amount"], "pending": 0, "on": today})

    def lose(self, name: str, today: date) -> None:
        dispute = self.disputes[name]
        dispute["status"] = "lost"
        loan, amount = self.loans[dispute["loan"]], dispute["amount"]
        loan["lost"] = True
        reduced, subsidy = self.lower(loan, amount, today)
        loan["refund_total"] += amount  # the fee of a lost dispute stays
        recovered = self.recover(loan, amount)
        self.post(
            dispute_hold=amount,
            loan_principal=-reduced,
            recovery_income=-recovered,
            shopper_credit=-(amount - reduced - recovered),
        )
        reduced += recovered
        loan["unearned"] += subsidy
        self.earn(loan, 0, 0, subsidy)
        if loan["status"] in ("active", "overdue") and not self.outstanding(loan):
            loan["waived_on"] = today
            self.restate(loan, today)
            loan["status"] = "refunded"
        if amount > reduced:
            self.owe(loan, amount - reduced, today)
            self.return_credit(dispute["loan"], amount - reduced, today)
        self.return_of_ended(dispute["loan"], today)

    def owe(self, loan: dict[str, Any], amount: int, today: date) -> None:
        """It stands in the books as owed to the shopper, and pays what is open."""
        loan["credit"] += amount
        loan["money"].append((today, amount))
        if loan["status"] not in ("written_off", "unwound"):
            self.restate(loan, today)

    # -- settlement

    def close_batch(self, today: date) -> None:
        open_lines = [line for line in self.lines if "batch" not in line and line["on"] <= today]
        if today in self.batches or not open_lines:
            return
        self.batches.add(today)
        for line in open_lines:
            line["batch"] = today
            if "loan" in line:
                self.loans[line["loan"]]["settled"] = True
        moved = sum(line["pending"] for line in open_lines)
        self.post(merchant_pending=moved, merchant_available=-moved)
        offset = min(self.accounts["merchant_receivable"], max(0, -self.accounts["merchant_available"]))
        self.post(merchant_available=offset, merchant_receivable=-offset)
        position = self.closing + sum(line["net"] for line in open_lines)
        payout = max(0, position)
        self.closing = position - payout
        if payout:
            self.post(merchant_available=payout, payout_in_transit=-payout)
            self.instructions.append({"what": "payout", "amount": payout})

    # -- the institution answers

    def answer(self, works: dict[str, bool], today: date) -> None:
        """Everything instructed is carried out or fails, by what it is; what that instructs, too."""
        while ready := [item for item in self.instructions if item.get("after", today) <= today]:
            item = ready[0]
            self.instructions.remove(item)
            works_out, amount = works[item["what"]], item["amount"]
            if item["what"] == "collection":
                name, period = item["bill"]
                loan = self.loans[name]
                bill = loan["bills"][period]
                running = loan["status"] in ("active", "overdue")
                if not running or not self.owed(bill) or not works_out:
                    continue
                on = item["on"]  # a slow institution makes nobody late
                self.receive(name, amount, min(bill["due"], on) if item["first"] else on, today)
            elif item["what"] == "payout":
                if works_out:
                    self.post(payout_in_transit=amount, funder_clearing=-amount)
                    self.payouts.append({"amount": amount, "status": "paid"})
                else:
                    self.post(payout_in_transit=amount, merchant_available=-amount)
                    self.lines.append({"net": amount, "pending": 0, "on": today})
            elif works_out:
                self.post(refund_in_transit=amount, funder_clearing=-amount)
            else:
                self.loans[item["loan"]]["sent"] -= amount
                self.post(refund_in_transit=amount, shopper_credit=-amount)
                loan = self.loans[item["loan"]]
                loan["failed_returns"] = loan.get("failed_returns", 0) + 1
                wait = RETURN_AGAIN_DAYS[min(loan["failed_returns"], 5) - 1]
                self.owe(loan, amount, today)
                self.return_of_ended(item["loan"], today, today + timedelta(days=wait))
