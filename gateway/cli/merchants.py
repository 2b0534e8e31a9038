"""``fenqi-gateway merchant …``, ``fenqi-gateway member …`` and ``fenqi-gateway limit …``."""

from __future__ import annotations

import argparse
import json
import sys

from gateway.cli.parsing import MODES, Verbs, database_of, gateway_of, of_nobody
from gateway.cli.records import limit as limited

ACCOUNT_KINDS = ("bank_card", "bank_account", "institution_account")
CATEGORIES = ("3c", "furnishing", "education", "appliance", "general")


def add(verbs: Verbs) -> None:
    """Declare the commands about merchants and about what shoppers may spend."""
    merchant = verbs.group("merchant", "list and create merchants and set their terms")
    limited(merchant.reading("list", "list the merchants, newest first", _list))
    create = merchant.add("create", "create a merchant with credentials, shown only once", _create)
    create.add_argument("--name", required=True, help="name that shoppers see, in Chinese")
    create.add_argument("--name-en", required=True, help="name in English")
    create.add_argument("--category", required=True, choices=CATEGORIES)
    create.add_argument("--email", required=True, help="address of the owner's portal login")
    create.add_argument("--mode", choices=MODES, default="test")
    grant = merchant.add("grant", "allow a merchant to use further scopes", _grant)
    revoke = merchant.add("revoke", "withdraw scopes from a merchant", _revoke)
    reserve = merchant.add(
        "reserve", "set the part of each batch's captures that is held in reserve", _reserve
    )
    reserve.add_argument(
        "--rate", required=True, help="part of the captures, such as 0.05; 0 ends the reserve"
    )
    reserve.add_argument(
        "--days", type=int, default=30, help="released after this number of days (default 30)"
    )
    acknowledgement = merchant.add(
        "acknowledgement",
        "set after how many days a payment is voided if the shop has not acknowledged its order",
        _acknowledgement,
    )
    acknowledgement.add_argument(
        "--days", type=int, required=True, help="1 to 28 (7 unless agreed otherwise)"
    )
    hold = merchant.add(
        "delivery-hold", "let captures wait for their delivery report before they are settled", _delivery_hold
    )
    hold.add_argument(
        "--days",
        type=int,
        required=True,
        help="settled without a report after this number of days; 0 ends it",
    )
    for verb in (grant, revoke, reserve, acknowledgement, hold, _add_down_payment(merchant)):
        verb.add_argument("merchant", help="identifier of the merchant, mer_…")
    for verb in (grant, revoke):
        verb.add_argument("scope", nargs="+", help="such as scores:write")
    _add_origins(merchant)
    _add_payout_account(merchant)
    member = verbs.group("member", "help members of a merchant's team who cannot log in")
    reset = member.add(
        "reset-factors", "remove a person's second factors and end their sessions", _reset_factors
    )
    reset.add_argument("email", help="address of the portal login")
    limit = verbs.group("limit", "explain a shopper's credit limit")
    history = limit.reading(
        "history", "print every movement of a shopper's limits with its reason", _limit_history
    )
    history.add_argument("shopper", help="identifier of the shopper, shp_…")


def _add_down_payment(merchant: Verbs) -> argparse.ArgumentParser:
    down = merchant.add(
        "down-payment",
        "let counter-offers to declined shoppers ask for a down payment",
        _down_payment,
    )
    down.add_argument(
        "--percent", type=int, required=True, help="at most this part of the order, 1 to 90; 0 ends it"
    )
    return down


def _add_origins(merchant: Verbs) -> None:
    origins = merchant.add(
        "origins", "let pages of a merchant show its checkouts inside themselves, or no longer", _origins
    )
    origins.add_argument(
        "--add", action="append", default=[], metavar="ORIGIN", help="such as https://shop.example"
    )
    origins.add_argument("--remove", action="append", default=[], metavar="ORIGIN", help="one that was added")
    origins.add_argument("--mode", choices=MODES, default="test")
    origins.add_argument("merchant", help="identifier of the merchant, mer_…")


def _add_payout_account(merchant: Verbs) -> None:
    account = merchant.add(
        "payout-account",
        "let a merchant's payouts go to another account, once its owners could object",
        _payout_account,
    )
    account.add_argument("merchant", help="identifier of the merchant, mer_…")
    account.add_argument("account", help="its number, or the institution's name of it, such as acct_…")
    account.add_argument(
        "--kind", choices=ACCOUNT_KINDS, default="institution_account", help="default: institution_account"
    )
    account.add_argument("--holder", help="whose account it is; needed for a bank card or account")
    account.add_argument("--bank", help="name of the bank; needed for a bank card or account")
    account.add_argument("--mode", choices=MODES, default="test")
    account.add_argument(
        "--reason", required=True, type=of_nobody, help="why; the owners and the audit log see it"
    )


def _list(options: argparse.Namespace) -> int:
    from gateway.merchants import commands

    return commands.show(database_of(options), limit=options.limit, as_json=options.json)


def _create(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.process.onboarding import onboard

    credentials = onboard(
        gateway_of(options),
        actor=Actor.at_the_command_line(),
        name=options.name,
        name_en=options.name_en,
        category=options.category,
        mode=options.mode,
        email=options.email,
        webhook_url=None,
    )
    print(json.dumps(credentials, ensure_ascii=False, indent=2))
    return 0


def _grant(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.merchants import commands

    give, actor = tuple(options.scope), Actor.at_the_command_line()
    return commands.agree_scopes(gateway_of(options).db, actor, options.merchant, give=give)


def _revoke(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.merchants import commands

    take, actor = tuple(options.scope), Actor.at_the_command_line()
    return commands.agree_scopes(gateway_of(options).db, actor, options.merchant, take=take)


def _reserve(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.errors import ReserveInvalid
    from gateway.merchants import commands
    from gateway.settlement import terms

    actor, db = Actor.at_the_command_line(), gateway_of(options).db
    with db.read() as tx:
        if terms.has_own(tx, options.merchant):
            raise ReserveInvalid(
                f"{options.merchant} has settlement terms, which name its reserve: change them with fenqi-gateway "
                "settlement terms propose."
            )
    return commands.reserve(db, actor, options.merchant, rate=options.rate, days=options.days)


def _payout_account(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.settlement import account_commands
    from gateway.settlement.payout_accounts import Wanted

    wanted = Wanted(options.kind, options.account, options.holder, options.bank, options.reason)
    actor = Actor.at_the_command_line()
    return account_commands.set_account(gateway_of(options), actor, options.merchant, options.mode, wanted)


def _acknowledgement(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.merchants import commands

    actor = Actor.at_the_command_line()
    return commands.acknowledgement(gateway_of(options).db, actor, options.merchant, days=options.days)


def _delivery_hold(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.merchants import commands

    actor = Actor.at_the_command_line()
    return commands.delivery_hold(gateway_of(options).db, actor, options.merchant, days=options.days)


def _down_payment(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.merchants import commands

    actor, db = Actor.at_the_command_line(), gateway_of(options).db
    return commands.down_payment(db, actor, options.merchant, percent=options.percent)


def _origins(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.merchants import commands

    actor, db = Actor.at_the_command_line(), gateway_of(options).db
    add, remove = tuple(options.add), tuple(options.remove)
    return commands.frame_origins(db, actor, options.merchant, options.mode, add=add, remove=remove)


def _reset_factors(options: argparse.Namespace) -> int:
    from gateway.audit.service import Actor
    from gateway.team import commands

    return commands.reset_factors(gateway_of(options).db, Actor.at_the_command_line(), options.email)


def _limit_history(options: argparse.Namespace) -> int:
    from gateway.core.tables import listed
    from gateway.decision import limits

    with database_of(options).read() as tx:
        rows = limits.history(tx, options.shopper)
    if rows:
        print(
            listed(
                [
                    {
                        "at": f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
                        "reason": row.reason,
                        "amount_fen": row.amount_fen,
                        "about": row.about,
                    }
                    for row in rows
                ],
                as_json=options.json,
            )
        )
    else:
        print(f"{options.shopper!r} has never been granted a limit.", file=sys.stderr)
    return 0 if rows else 1
