"""``fenqi-gateway settlement …``: how merchants are settled."""

from __future__ import annotations

import argparse

from gateway.cli.parsing import MODES, Verbs, database_of, day, existing_settings, gateway_of, of_nobody
from gateway.cli.rates import BY, STATUSES
from gateway.cli.records import limit

NEVER = "never"
CHANGES = (
    "t_plus",
    "days",
    "cutoff",
    "minimum_payout_fen",
    "reserve_rate",
    "reserve_days",
    "reserve_most_fen",
    "invoice_after_days",
    "invoice_due_days",
)


def add(verbs: Verbs) -> None:
    """Declare the commands about settlement terms."""
    settlement = verbs.group("settlement", "agree how merchants are settled, and record what they paid")
    terms = settlement.group(
        "terms", "show a merchant's settlement terms, and change them: two operators for each change"
    )
    invoices = settlement.group("invoices", "list invoices of merchants' debts and record payments")
    limit(invoices.reading("list", "list the invoices of all merchants, newest first", _invoices))
    pay = invoices.add("pay", "record that an invoice was paid to the lender's account", _pay)
    pay.add_argument("invoice", help="identifier of the invoice, ivc_…")
    pay.add_argument("--amount", required=True, type=_number, metavar="FEN", help="what came, in fen")
    pay.add_argument(
        "--reference",
        required=True,
        type=of_nobody,
        help="the bank's reference; the same again changes nothing",
    )
    show = terms.reading("show", "print a merchant's settlement terms, those to come first", _show)
    agree = terms.add("propose", "propose settlement terms from a day on; what is not named stays", _propose)
    proposals = terms.reading("proposals", "list the newest proposals of settlement terms", _proposals)
    proposals.add_argument("--merchant", help="only of this merchant, mer_…")
    proposals.add_argument("--status", choices=STATUSES, help="only in this state")
    limit(proposals)
    _decisions(terms, agree)
    for verb in (show, agree):
        verb.add_argument("merchant", help="identifier of the merchant, mer_…")
        verb.add_argument("--mode", choices=MODES, default="test")
    agree.add_argument(
        "--from", dest="valid_from", type=day, metavar="DAY", help="first day (default: tomorrow)"
    )
    _changes(agree)


def _decisions(terms: Verbs, propose: argparse.ArgumentParser) -> None:
    confirm = terms.add(
        "confirm", "confirm a proposal of another operator, after checking it again", _confirm
    )
    reject = terms.add("reject", "refuse a proposal of another operator", _decide)
    withdraw = terms.add("withdraw", "take back a proposal of one's own", _decide)
    for verb in (confirm, reject, withdraw):
        verb.add_argument("proposal", help="identifier of the proposal, stp_…")
    for verb in (propose, confirm, reject, withdraw):
        verb.add_argument("--by", required=True, help=BY)
        verb.add_argument(
            "--reason", required=True, type=of_nobody, help="why, for the audit log; must not name anyone"
        )
    reject.set_defaults(verb="reject")
    withdraw.set_defaults(verb="withdraw")


def _changes(agree: argparse.ArgumentParser) -> None:
    agree.add_argument(
        "--t-plus", type=_number, metavar="N", help="days from the business date to the settlement"
    )
    agree.add_argument("--days", choices=("banking", "calendar"), help="which days count")
    agree.add_argument(
        "--cutoff", metavar="HH:MM", help="time in Shanghai from which a capture counts to the next day"
    )
    agree.add_argument(
        "--minimum-payout", dest="minimum_payout_fen", type=_number, metavar="FEN", help="carried below it"
    )
    agree.add_argument("--reserve-rate", metavar="RATE", help="part of the captures, such as 0.05; 0 ends it")
    agree.add_argument("--reserve-days", type=_number, metavar="N", help="released after this number of days")
    agree.add_argument(
        "--reserve-most",
        dest="reserve_most_fen",
        type=_number_or_never,
        metavar="FEN",
        help="or 'never': no bound",
    )
    agree.add_argument(
        "--invoice-after",
        dest="invoice_after_days",
        type=_number_or_never,
        metavar="N",
        help="days, or 'never'",
    )
    agree.add_argument(
        "--invoice-due", dest="invoice_due_days", type=_number, metavar="N", help="days to pay"
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _number_or_never(text: str) -> int | str:
    return NEVER if text == NEVER else _number(text)


def _invoices(options: argparse.Namespace) -> int:
    from gateway.settlement import commands

    return commands.show_invoices(database_of(options), limit=options.limit, as_json=options.json)


def _pay(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.settlement import commands

    gateway = gateway_of(options)
    return commands.pay_invoice(
        gateway.db,
        Actor.at_the_command_line(),
        options.invoice,
        received_fen=options.amount,
        reference=options.reference,
        funder=gateway.settings.funder,
    )


def _show(options: argparse.Namespace) -> int:
    from gateway.core.tenant import Tenant
    from gateway.settlement import commands, terms

    return commands.show_terms(
        database_of(options),
        Tenant(options.merchant, options.mode),
        standard=terms.standard(existing_settings(options)),
        as_json=options.json,
    )


def _propose(options: argparse.Namespace) -> int:
    from gateway.core.tenant import Tenant
    from gateway.operators import commands as operators
    from gateway.settlement import commands

    named = {name: getattr(options, name) for name in CHANGES if getattr(options, name) is not None}
    gateway = gateway_of(options)
    return commands.propose_terms(
        gateway,
        lambda: operators.person(gateway, options.by),
        Tenant(options.merchant, options.mode),
        changes={name: None if value == NEVER else value for name, value in named.items()},
        valid_from=options.valid_from,
        reason=options.reason,
    )


def _confirm(options: argparse.Namespace) -> int:
    from gateway.operators import commands as operators
    from gateway.settlement import commands

    gateway = gateway_of(options)
    return commands.confirm_terms(
        gateway, lambda: operators.person(gateway, options.by), options.proposal, reason=options.reason
    )


def _decide(options: argparse.Namespace) -> int:
    from gateway.operators import commands as operators
    from gateway.settlement import commands

    gateway = gateway_of(options)
    return commands.decide_terms(
        gateway,
        lambda: operators.person(gateway, options.by),
        options.proposal,
        verb=options.verb,
        reason=options.reason,
    )


def _proposals(options: argparse.Namespace) -> int:
    from gateway.settlement import commands

    return commands.show_proposals(
        database_of(options),
        merchant=options.merchant,
        status=options.status,
        limit=options.limit,
        as_json=options.json,
    )
