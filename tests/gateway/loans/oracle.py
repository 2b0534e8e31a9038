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
GRACE = 3
DAILY = Fraction(5, 10_000)
WRITE_OFF = 180
PARTS = ("late", "fee", "interest", "principal")
WAIVES_LATE = ("return", "unused_lessons")


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
            "recovered": 0, "written_off": 0, "sent": 0, "lost": False, "earned": defaultdict(int),
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
        billed = sum(bill["principal"] - bill["paid"]["principal"] for bill in loan["bills"].values())
        return sum(row["principal"] for row in loan["rows"]) + billed

    def held(self) -> int:
        """What is held of the shoppers' limits."""
        total = sum(pay["amount"] - pay["captured"] - pay["gone"] for pay in self.payments.values())
        for loan in self.loans.values():
            lost = max(0, loan["written_off"] - loan["recovered"])
            total += lost if loan["status"] == "written_off" else self.outstanding(loan)
        return total

    @staticmethod
    def owed(bill: dict[str, Any]) -> int:
        return sum(bill[part] - bill["paid"][part] for part in PARTS)

    @staticmethod
    def late_days(due: date, day: date) -> int:
        days = (day - due).days
        return days if days > GRACE else 0

    # -- time

    def late(self, loan: dict[str, Any], as_of: date) -> None:
        """Late interest from scratch: what is right, less what is booked."""
        for bill in loan["bills"].values():
            if bill["done"]:
                continue
            day = max(as_of, bill["due"])
            weighted, left = 0, bill["principal"]
            for on, amount in bill["reductions"]:
                weighted += amount * self.late_days(bill["due"], min(on, day))
                left -= amount
            right = half_up((weighted + left * self.late_days(bill["due"], day)) * DAILY)
            difference, over = right - bill["late"], max(0, bill["paid"]["late"] - right)
            bill["late"], bill["paid"]["late"] = right, min(bill["paid"]["late"], right)
            loan["credit"] += over
            loan["earned"]["late_interest_income"] += difference
            self.post(
                late_interest_receivable=difference + over,
                late_interest_income=-difference,
                shopper_credit=-over,
            )

    def bill_next(self, loan: dict[str, Any]) -> dict[str, Any]:
        row = loan["rows"].pop(0)
        to_come = sum(other["principal"] for other in loan["rows"])
        earned = loan["unearned"]
        if loan["rows"]:
            earned = half_up(Fraction(loan["unearned"] * row["principal"], row["principal"] + to_come))
        self.earn(loan, row["interest"], row["fee"], earned)
        loan["base"], loan["base_unearned"] = [dict(other) for other in loan["rows"]], loan["unearned"]
        bill = self.new_bill(row["due"], row["principal"], row["interest"], row["fee"])
        loan["bills"][row["period"]] = bill
        return bill

    def new_bill(self, due: date, principal: int, interest: int, fee: int) -> dict[str, Any]:
        bill = {
            "due": due, "principal": principal, "interest": interest, "fee": fee, "late": 0, "attempts": 0,
            "paid": dict.fromkeys(PARTS, 0), "reductions": [], "done": principal + interest + fee == 0,
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
                self.late(loan, today)
                self.follow(loan, today)
        for name, loan in sorted(self.loans.items()):
            for period, bill in sorted(loan["bills"].items()):
                if loan["status"] in ("active", "overdue") and not bill["done"] and bill["due"] < today:
                    passed = sum((today - bill["due"]).days >= days for days in RETRY_DAYS)
                    waiting = any(i.get("bill") == (name, period) for i in self.instructions)
                    if not waiting and bill["attempts"] < 1 + passed:
                        self.collect(name, period, self.owed(bill))
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
            if loan["status"] in ("active", "overdue") and loan["rows"] and loan["rows"][0]["due"] <= today
        ]
        for on, name, loan in sorted(due, key=lambda item: item[:2]):
            period = loan["rows"][0]["period"]
            bill = self.bill_next(loan)
            if loan["credit"]:
                self.apply_credit(loan, on, today)
                self.return_of_ended(name)
            if not bill["done"]:
                self.collect(name, period, self.owed(bill))
        return bool(due)

    def collect(self, loan: str, period: int, amount: int) -> None:
        bill = self.loans[loan]["bills"][period]
        bill["attempts"] += 1
        self.instructions.append(
            {"what": "collection", "bill": (loan, period), "amount": amount, "first": bill["attempts"] == 1}
        )

    def follow(self, loan: dict[str, Any], today: date) -> None:
        """The state of a loan that runs, from its bills."""
        if loan["status"] not in ("active", "overdue"):
            return
        unpaid = [bill for bill in loan["bills"].values() if not bill["done"]]
        overdue = any(self.late_days(bill["due"], today) for bill in unpaid)
        loan["status"] = "overdue" if overdue else "active"
        if not loan["rows"] and not unpaid:
            loan["status"] = "settled"

    # -- money of the shopper

    def pay(self, loan: dict[str, Any], amount: int, on: date) -> tuple[dict[str, int], int]:
        """Past due first, then due, then what is billed ahead; late, fee, interest, principal; the oldest first."""
        totals, left = dict.fromkeys(PARTS, 0), amount
        bills = sorted(loan["bills"].items())
        timings = (
            [bill for _, bill in bills if bill["due"] < on],
            [bill for _, bill in bills if bill["due"] == on],
            [bill for _, bill in bills if bill["due"] > on],
        )
        for timing in timings:
            for part in PARTS:
                for bill in timing:
                    if bill["done"]:
                        continue
                    paid = min(left, bill[part] - bill["paid"][part])
                    if paid:
                        bill["paid"][part] += paid
                        totals[part] += paid
                        left -= paid
                        if part == "principal":
                            bill["reductions"].append((on, paid))
        for _, bill in bills:
            bill["done"] = bill["done"] or not self.owed(bill)
        return totals, left

    def paid_lines(self, totals: dict[str, int]) -> dict[str, int]:
        return {
            "late_interest_receivable": -totals["late"],
            "fee_receivable": -totals["fee"],
            "interest_receivable": -totals["interest"],
            "loan_principal": -totals["principal"],
        }

    def apply_credit(self, loan: dict[str, Any], on: date, today: date) -> None:
        self.late(loan, on)
        totals, left = self.pay(loan, loan["credit"], on)
        self.post(shopper_credit=loan["credit"] - left, **self.paid_lines(totals))
        loan["credit"] = left
        self.late(loan, today)
        self.follow(loan, today)

    def receive(self, name: str, amount: int, on: date, today: date) -> None:
        loan = self.loans[name]
        loan["paid_in"] += amount
        if loan["status"] == "written_off":
            loan["recovered"] += amount
            self.post(funder_clearing=amount, recovery_income=-amount)
            self.return_of_ended(name)
            return
        while loan["status"] in ("active", "overdue") and loan["rows"] and loan["rows"][0]["due"] <= today:
            due = loan["rows"][0]["due"]
            self.bill_next(loan)
            if loan["credit"]:
                self.apply_credit(loan, due, today)
        totals, left = dict.fromkeys(PARTS, 0), amount
        if loan["status"] in ("active", "overdue"):
            self.late(loan, on)
            totals, left = self.pay(loan, amount, on)
        loan["credit"] += left
        self.post(funder_clearing=amount, shopper_credit=-left, **self.paid_lines(totals))
        if loan["status"] in ("active", "overdue"):
            self.late(loan, today)
        self.follow(loan, today)
        self.return_of_ended(name)

    def settlement_amount(self, loan: dict[str, Any], today: date) -> tuple[int, int, int]:
        """Principal to come, interest of the running period by days, and its fee."""
        row = loan["rows"][0]
        start, end = month_after(loan["start"], row["period"] - 1), month_after(loan["start"], row["period"])
        elapsed = (today - start).days
        interest = half_up(Fraction(row["interest"] * elapsed, (end - start).days))
        return sum(other["principal"] for other in loan["rows"]), interest, row["fee"] if elapsed else 0

    def settle_early(self, name: str, today: date) -> None:
        loan = self.loans[name]
        self.late(loan, today)
        principal, interest, fee = self.settlement_amount(loan, today)
        period = loan["rows"][0]["period"]
        loan["bills"][period] = self.new_bill(today, principal, interest, fee)
        loan["rows"], loan["base"] = [], []
        self.earn(loan, interest, fee, loan["unearned"])
        loan["base_unearned"] = 0
        if loan["credit"]:
            self.apply_credit(loan, today, today)
        self.receive(
            name, sum(self.owed(bill) for bill in loan["bills"].values() if not bill["done"]), today, today
        )

    def return_of_ended(self, name: str) -> None:
        loan = self.loans[name]
        if loan["credit"] and loan["status"] not in ("active", "overdue"):
            self.return_credit(name, loan["credit"])

    def return_credit(self, name: str, amount: int) -> None:
        loan = self.loans[name]
        loan["credit"] -= amount
        loan["sent"] += amount
        self.post(shopper_credit=amount, refund_in_transit=-amount)
        self.instructions.append({"what": "return", "loan": name, "amount": amount})

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
        for _, bill in sorted(loan["bills"].items()):
            part = min(left, bill["principal"] - bill["paid"]["principal"])
            if part:
                bill["paid"]["principal"] += part
                bill["reductions"].append((bill["due"] if kind in WAIVES_LATE else today, part))
                left -= part
        self.late(loan, today)
        for bill in loan["bills"].values():
            bill["done"] = bill["done"] or not self.owed(bill)
        self.follow(loan, today)
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
        self.post(
            **bearing,
            merchant_fee_income=fee - vat,
            vat_payable=vat,
            unearned_merchant_subsidy=subsidy,
            loan_principal=-reduced,
            refund_in_transit=-(amount - reduced),
        )
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
        self.return_of_ended(name)

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
            part: sum(bill[part] - bill["paid"][part] for bill in loan["bills"].values())
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
        self.late(loan, today)
        owed = {
            part: sum(bill[part] - bill["paid"][part] for bill in loan["bills"].values())
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
        loan.update(status="written_off", written_off=principal, rows=[])

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
        loan["credit"] += amount - reduced
        self.post(dispute_hold=amount, loan_principal=-reduced, shopper_credit=-(amount - reduced))
        loan["unearned"] += subsidy
        self.earn(loan, 0, 0, subsidy)
        if loan["status"] in ("active", "overdue") and not self.outstanding(loan):
            for bill in loan["bills"].values():
                owed = {part: bill[part] - bill["paid"][part] for part in ("late", "fee", "interest")}
                self.post(
                    interest_income=owed["interest"], fee_income=owed["fee"], late_interest_income=owed["late"],
                    interest_receivable=-owed["interest"], fee_receivable=-owed["fee"],
                    late_interest_receivable=-owed["late"],
                )  # fmt: skip
                bill.update({part: bill["paid"][part] for part in owed}, done=True)
            loan["status"] = "refunded"
        if amount > reduced:
            self.return_credit(dispute["loan"], amount - reduced)
        self.return_of_ended(dispute["loan"])

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
        while self.instructions:
            item = self.instructions.pop(0)
            works_out, amount = works[item["what"]], item["amount"]
            if item["what"] == "collection":
                name, period = item["bill"]
                loan = self.loans[name]
                bill = loan["bills"][period]
                running = loan["status"] in ("active", "overdue")
                if not running or not self.owed(bill) or not works_out:
                    continue
                self.receive(name, amount, min(bill["due"], today) if item["first"] else today, today)
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
                self.loans[item["loan"]]["credit"] += amount
                self.loans[item["loan"]]["sent"] -= amount
                self.post(refund_in_transit=amount, shopper_credit=-amount)
