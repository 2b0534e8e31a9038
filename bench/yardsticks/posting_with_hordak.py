"""The ledger django-hordak as a yardstick: entries of four lines on two hot accounts and two of their own.

Runs in an environment of its own (``requirements/yardstick.txt``), as
``python posting_with_hordak.py HOST PORT USER DATABASE SECONDS THREADS...``, on a PostgreSQL database of its own.
Prints as JSON how many entries a second were committed with so many threads.
"""

import json
import sys
import threading
import time

import django
from django.conf import settings

HOST, PORT, USER, DATABASE, SECONDS, *THREADS = sys.argv[1:]
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": HOST,
            "PORT": PORT,
            "USER": USER,
            "NAME": DATABASE,
            "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "mptt", "hordak"],
    DEFAULT_CURRENCY="CNY",
    HORDAK_INTERNAL_CURRENCY="CNY",
    CURRENCIES=["CNY"],
    HORDAK_CURRENCIES=["CNY"],
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db import transaction as database  # noqa: E402
from hordak.models import Account, AccountType, Leg, Transaction  # noqa: E402
from moneyed import Money  # noqa: E402

LINES = (("debit", 1000), ("credit", 990), ("credit", 9), ("credit", 1))


def post(accounts: list[Account]) -> None:
    """One entry, in the way of its documentation but with all lines in one INSERT."""
    with database.atomic():
        entry = Transaction.objects.create(description="capture")
        Leg.objects.bulk_create(
            Leg(transaction=entry, account=account, **{side: Money(amount, "CNY")})
            for account, (side, amount) in zip(accounts, LINES, strict=True)
        )


def rate(hot: list[Account], threads: int, seconds: float) -> float:
    """Entries a second with so many threads."""
    counts = []
    until = time.perf_counter() + seconds

    def run() -> None:
        mine = 0
        while time.perf_counter() < until or not mine:
            post(hot)
            mine += 1
        counts.append(mine)
        connection.close()

    runners = [threading.Thread(target=run) for _ in range(threads)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    assert len(counts) == threads, "a writer failed"
    return sum(counts) / seconds


call_command("migrate", verbosity=0)
Leg.objects.all().delete()
Transaction.objects.all().delete()
Account.objects.all().delete()
kinds = (AccountType.asset, AccountType.liability, AccountType.income, AccountType.liability)
accounts = [
    Account.objects.create(name=f"account {number}", code=str(number), type=kind, currencies=["CNY"])
    for number, kind in enumerate(kinds)
]
print(json.dumps({threads: rate(accounts, int(threads), float(SECONDS)) for threads in THREADS}))
