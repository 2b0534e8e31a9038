"""What never changes: every column of a table that holds facts, but for those that are named here.

``python -m gateway.db.frozen`` writes the triggers that refuse the rest, for both databases, beside the migrations. A
file that a release carried is never changed: what comes later has a file of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import CheckConstraint, Table

from gateway.db.guards import SEPARATOR, SQL, TENANCY
from gateway.db.guards import statements as guards
from gateway.db.models import KEYED_HASH
from gateway.db.tables import metadata

Moves = Mapping[str, str]
"""By state the states that may follow, with spaces between them; a state that is not named is final."""


@dataclass(frozen=True)
class Rule:
    """What may change in the rows of a table; names are parted by spaces."""

    changes: str = ""
    once: str = ""
    """Columns that may be set where they were empty, and then stand."""
    listed: str = ""
    """Those of ``once`` that the row's own hash leaves out, because the row that they name lists its rows."""
    steps: Mapping[str, Moves] = field(default_factory=dict)
    """Columns that move from state to state."""
    even_at_the_end: str | None = None
    """Columns that may change in a row whose state is final, such as what an erasure empties; None for all of them."""
    removable: bool = False

    def changing(self) -> set[str]:
        """Columns that are not frozen, in whichever way they may move."""
        return {*self.changes.split(), *self.once.split(), *self.steps}


RULES: Mapping[str, Rule] = {
    "applicant_link": Rule(changes="value_lookup", removable=True),
    "authorization_code": Rule(once="used_at", removable=True),
    "capture": Rule(
        changes="refunded_fen refunded_with_fee_fen goods_returned_fen delivery staged_fen",
    ),
    "captured_line": Rule(changes="returned returned_fen"),
    "captured_serial": Rule(),
    "checkout": Rule(
        changes="plans prices unavailable term shopper_id disclosed_at"
        " decline_code decline_reasons expires_at review_due_at address_lookup address_sealed"
        " phone_lookup identified_at",
        once="confirmed_at confirmed_quote_hash payment_id locale cancel_reason language"
        " counter_offer counter_offer_of",
        steps={
            "status": {
                "open": "identified expired canceled",
                "identified": "deciding expired canceled",
                "deciding": "under_review approved declined",
                "under_review": "approved declined canceled",
            }
        },
        even_at_the_end="shopper_id phone_lookup address_lookup address_sealed language",
    ),
    "client_secret": Rule(changes="secret_lookup key_id expires_at", removable=True),
    "collection": Rule(
        once="failure decided_at method_id", steps={"status": {"pending": "succeeded failed canceled"}}
    ),
    "complaint": Rule(
        once="answer_sealed answered_by answered_at",
        steps={"status": {"open": "answered"}},
        even_at_the_end="",
    ),
    "credit_decision": Rule(changes="shopper_id"),
    "credit_limit": Rule(changes="limit_fen held_fen"),
    "decision_request": Rule(
        changes="shopper_id person_decides features granted_by real_name advice task_id",
        once="decision_id decided_at",
    ),
    "destroyed_key": Rule(once="gone_at"),
    "dispute": Rule(
        changes="evidence",
        even_at_the_end="",
        once="decided_at",
        steps={
            "status": {
                "needs_response": "under_review won lost accepted canceled",
                "under_review": "won lost canceled",
            }
        },
    ),
    "dispute_statement": Rule(),
    "erasure_request": Rule(
        changes="reason frozen_until",
        even_at_the_end="",
        once="decided_at",
        steps={"status": {"frozen": "erased withdrawn"}},
    ),
    "event": Rule(),
    "former_particulars": Rule(changes="name_sealed phone_sealed", removable=True),
    "human_review": Rule(
        once="resolved_at resolved_by note", steps={"status": {"requested": "upheld reconsider"}}
    ),
    "invitation": Rule(changes="message_sealed", once="used_at sent_at", removable=True),
    "key_in_use": Rule(),
    "limit_movement": Rule(),
    "list_entry": Rule(changes="lookup", once="ended_at"),
    "loan": Rule(
        changes="refunded_fen schedule_version base_version billed_periods next_due_date repaid_fen written_off_fen"
        " written_off_charges_fen recovered_fen credit_fen subsidy_earned_fen subsidy_returned_fen"
        " subsidy_base_fen overdue_since charges_waived_on settlement_reference late_entries credit_entries"
        " missed_through ended_on",
        steps={
            "status": {
                "active": "overdue settled refunded unwound written_off",
                "overdue": "active settled refunded unwound written_off",
                "settled": "unwound",
                "refunded": "unwound",
            }
        },
    ),
    "loan_bill": Rule(
        changes="late_fen returned_fen waived_interest_fen waived_fee_fen paid_principal_fen paid_interest_fen"
        " paid_fee_fen paid_late_fen paid_on",
    ),
    "loan_credit_change": Rule(),
    "loan_instalment": Rule(),
    "loan_principal_reduction": Rule(),
    "loan_repayment": Rule(
        changes="late_interest_fen fee_fen interest_fen principal_fen credit_fen recovered_fen"
    ),
    "merchant": Rule(
        changes="payout_account reserve_rate reserve_days acknowledge_days delivery_hold_days scopes"
        " frame_origins max_down_payment_percent"
    ),
    "message": Rule(
        changes="planned_at left_at day slot text_sealed why",
        steps={"status": {"planned": "sending dropped", "sending": "sent failed"}},
        even_at_the_end="text_sealed",
    ),
    "message_slot": Rule(),
    "milestone": Rule(
        changes="returned_fen releases_at",
        once="capture_id held_fen",
        steps={
            "status": {
                "planned": "claimed released canceled",
                "claimed": "contested released canceled",
                "contested": "released canceled",
            }
        },
        even_at_the_end="",
    ),
    "milestone_event": Rule(),
    "milestone_stop": Rule(once="lifted_by lifted_because lifted_at"),
    "oauth_client": Rule(changes="scopes redirect_uris assertion_alg jwks require_par require_dpop"),
    "operator": Rule(
        changes="secret last_step failures failures_since confirmed_at password", once="removed_at"
    ),
    "passkey": Rule(changes="sign_count last_used_at", removable=True),
    "payment": Rule(
        changes="merchant_reference captured_fen voided_fen expired_fen refunded_fen metadata next_moment_at"
        " planned_fen",
        once="merchant_order_id acknowledged_at extended_to",
    ),
    "payment_line": Rule(),
    "payout": Rule(
        changes="moved_fen heard",
        once="failure paid_at in_transit_at account_id",
        steps={
            "status": {"pending": "in_transit paid failed", "in_transit": "paid failed", "paid": "returned"}
        },
    ),
    "payout_account": Rule(changes="details_sealed", once="canceled_at canceled_by"),
    "partner_score": Rule(),
    "plan_price": Rule(once="valid_to rate_card_id"),
    "publishable_key": Rule(),
    "rate_card": Rule(
        once="decided_by decided_at decision_reason",
        steps={"status": {"proposed": "confirmed rejected withdrawn"}},
    ),
    # A receipt that is reported late may make an unwinding of it.
    "refund": Rule(
        changes="items kind to_shopper_fen merchant_fee_returned_fen merchant_subsidy_returned_fen",
        steps={"status": {"pending": "succeeded failed", "succeeded": "pending", "failed": "pending"}},
    ),
    "repayment_method": Rule(
        changes="token_sealed",
        once="kind brand last4 exp_year exp_month failure attached_at ended_at ended_because detached_at",
        steps={"status": {"pending": "active failed detached", "active": "detached"}},
    ),
    "row_version": Rule(),
    "score_usage": Rule(changes="scores"),
    "settlement_batch": Rule(once="payout_id terms_id lines_count lines_sha256"),
    "settlement_line": Rule(once="batch_id", listed="batch_id"),
    "settlement_terms": Rule(),
    "settlement_terms_proposal": Rule(
        once="decided_by decided_at decision_reason terms_id",
        steps={"status": {"proposed": "confirmed rejected withdrawn"}},
    ),
    "merchant_invoice": Rule(),
    "invoice_credit": Rule(),
    "shadow_score": Rule(),
    "shopper": Rule(
        changes="id_number_lookup phone_lookup name_sealed id_number_sealed phone_sealed keep_until"
        " claims_number_of found_to_be verified_at verified_by",
        once="erased_at",
    ),
    "shopper_return": Rule(
        changes="failure",
        even_at_the_end="",
        once="decided_at",
        steps={"status": {"pending": "succeeded failed"}},
    ),
    "subject_key": Rule(changes="key_id wrapped", removable=True),
    "subsidy_claim": Rule(changes="returned_fen", once="paid_at"),
    "subsidy_programme": Rule(),
    "subsidy_quota": Rule(changes="person_lookup", once="used_at", removable=True),
    "team_member": Rule(changes="email name role password", once="removed_at"),
    "test_clock": Rule(
        changes="offset_seconds advance_to",
        steps={"status": {"ready": "advancing", "advancing": "ready"}},
    ),
    "webhook_attempt": Rule(changes="response_body", removable=True),
    "webhook_delivery": Rule(
        changes="status attempts failures next_at claims leased_until first_attempt_at finished_at",
        removable=True,
    ),
    "webhook_endpoint": Rule(
        changes="client_id member_id url description enabled_events api_version enabled disabled_reason"
        " disabled_at failing_since slow",
        once="deleted_at",
    ),
    "webhook_secret": Rule(changes="secret sealed_as expires_at", removable=True),
}
"""Tables that hold facts. All their other columns are frozen, and their rows stay unless they are ``removable``."""

LATER: Mapping[str, Mapping[str, str]] = {
    "extension": {"payment": "extended_to"},
    "rate_cards": {"plan_price": "rate_card_id"},
    "settlement_terms": {"settlement_batch": "terms_id lines_count lines_sha256"},
    "payouts": {"payout": "in_transit_at account_id"},
    "checkout_wishes": {"checkout": "locale cancel_reason"},
    "methods": {"collection": "method_id"},
    "messages": {"checkout": "language"},
    "counter_offers": {"checkout": "counter_offer counter_offer_of"},
}
"""By file the columns that are newer than the first file, each set once; names are parted by spaces."""
LATER_TABLES: Mapping[str, str] = {
    "rate_cards": "operator rate_card",
    "settlement_terms": "invoice_credit merchant_invoice settlement_terms",
    "payouts": "payout_account",
    "milestones": "milestone milestone_event milestone_stop",
    "terms_proposals": "settlement_terms_proposal",
    "methods": "repayment_method",
    "complaints": "complaint",
    "dispute_statements": "dispute_statement",
    "messages": "message message_slot",
}
"""By file the tables that are newer than the first file, which it guards whole; names are parted by spaces."""

GUARDED_BEFORE = {
    "audit_entry",
    "audit_root",
    "consent",
    "consent_withdrawal",
    "contract",
    "ledger_account",
    "ledger_block",
    "ledger_entry",
    "ledger_head",
    "ledger_late_entry",
    "ledger_link",
    "ledger_posting",
    "ledger_seal",
    "ledger_tree",
    "signed_root",
}
"""Tables that earlier files guard whole."""

NO_FACTS = {
    "authenticator": "a second factor that its owner may set up anew at any time",
    "code_count": "throttles codes",
    "export": "a file of what other tables say, for some days",
    "export_file_part": "such a file",
    "idempotent_answer": "a request's answer, kept for a day so that it is not carried out twice",
    "login_attempt": "throttles logins",
    "login_session": "who is logged in",
    "message_progress": "how far it was looked for what is to be told, which the messages say, too",
    "one_time_code": "codes of minutes",
    "operator_code": "codes of a minute",
    "operator_refresh_token": "logins of operators' programs",
    "operator_session": "which operators are logged in; each login is in the audit log",
    "outbox": "what is to be done, which the tables of facts say, too",
    "pushed_request": "an authorisation request of a minute",
    "reconciliation": "a merchant's comparison of its own file with the facts; who resolved what is in the audit log",
    "reconciliation_columns": "how a merchant's files are laid out",
    "reconciliation_file_part": "a merchant's own file, kept for some weeks",
    "reconciliation_item": "what such a comparison said",
    "recovery_code": "codes that their owner may have made anew at any time",
    "refresh_token": "logins of applications",
    "revoked_token": "tokens until they run out",
    "shopper_session": "which browsers a shopper is logged in with",
    "spent_proof": "proofs until they run out",
    "used_challenge": "challenges until they run out",
    "voucher_accounts": "codes that a merchant's accounting program has for its accounts",
}
"""Tables whose rows prove nothing about money or rights, each with the reason."""


FUNCTIONS = (
    """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'check_violation';
END $$""",
    """CREATE FUNCTION keep_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  name text := split_part(TG_ARGV[0], ':', 1);
  step text := (to_jsonb(OLD) ->> name) || '>' || (to_jsonb(NEW) ->> name);
BEGIN
  IF step = ANY (string_to_array(split_part(TG_ARGV[0], ':', 2), ',')) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING
    MESSAGE = replace(TG_TABLE_NAME, '_', ' ') || ': that is no step of its ' || name, ERRCODE = 'check_violation';
END $$""",
)


def frozen_columns(table: Table) -> list[str]:
    """Columns of a table of facts that never change, but for its merchant and mode where those are guarded before.

    What a row says of itself with a key needs no guard: nobody else can say it.
    """
    elsewhere = {KEYED_HASH, *RULES[table.name].changing(), *_tenancy().get(table.name, "").split(", ")}
    return [column.name for column in table.columns if column.name not in elsewhere]


@cache
def _tenancy() -> dict[str, str]:
    """By table the columns that the guards of tenancy freeze."""
    text = "\n".join(statement for file in TENANCY for statement in guards(file, "sqlite"))
    return dict(re.findall(r"CREATE TRIGGER (\w+)_keeps_tenant BEFORE UPDATE OF ([\w, ]+) ON", text))


def final_states(table: Table, column: str, moves: Moves) -> list[str]:
    """The states of a column's check from which no step leads on."""
    check = next(
        str(check.sqltext)
        for check in table.constraints
        if isinstance(check, CheckConstraint) and str(check.sqltext).startswith(f"{column} IN (")
    )
    return [state for state in re.findall(r"'(\w+)'", check) if state not in moves]


def statements(dialect: str) -> Iterator[str]:
    """The triggers of all tables of facts that the first file knows."""
    if dialect != "sqlite":
        yield from FUNCTIONS
    later = {table for tables in LATER_TABLES.values() for table in tables.split()}
    for name in sorted(RULES.keys() - later):
        yield from _of_table(name, dialect)


def _of_table(name: str, dialect: str) -> Iterator[str]:
    write = _on_sqlite if dialect == "sqlite" else _on_postgres
    rule, table = RULES[name], metadata().tables[name]
    frozen = frozen_columns(table)
    once = [column for column in rule.once.split() if column not in _later(name)]
    what = name.replace("_", " ")
    unlike = "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"
    if frozen:
        condition = " OR ".join(f"NEW.{column} {unlike} OLD.{column}" for column in frozen)
        yield write(name, "frozen", frozen, condition, f"{what}: what it was written with never changes")
    if once:
        condition = " OR ".join(
            f"(OLD.{column} IS NOT NULL AND NEW.{column} {unlike} OLD.{column})" for column in once
        )
        yield write(name, "once", once, condition, f"{what}: what is set once stands")
    for column, moves in rule.steps.items():
        yield _steps(dialect, name, column, moves)
        if rule.even_at_the_end is None:
            continue
        resting = sorted({*rule.changes.split(), *once} - {*rule.even_at_the_end.split()})
        if ends := final_states(table, column, moves):
            ended = " OR ".join(f"OLD.{column} = '{state}'" for state in ends)
            changed = " OR ".join(f"NEW.{other} {unlike} OLD.{other}" for other in resting)
            yield write(
                name, "rests", resting, f"({ended}) AND ({changed})", f"{what}: it has ended and rests"
            )
    if not rule.removable:
        yield write(name, "remains", None, "", f"{what}: a row is never removed")


def later_statements(file: str, dialect: str) -> Iterator[str]:
    """The triggers of a later file."""
    write = _on_sqlite if dialect == "sqlite" else _on_postgres
    unlike = "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"
    for table in LATER_TABLES.get(file, "").split():
        yield from _of_table(table, dialect)
    for table, columns in LATER.get(file, {}).items():
        for column in columns.split():
            condition = f"OLD.{column} IS NOT NULL AND NEW.{column} {unlike} OLD.{column}"
            told = f"{table.replace('_', ' ')}: what is set once stands"
            yield write(table, f"{column}_once", [column], condition, told)


def _later(table: str) -> set[str]:
    """Columns of a table that later files guard."""
    return {column for tables in LATER.values() for column in tables.get(table, "").split()}


def _on_sqlite(table: str, name: str, columns: list[str] | None, condition: str, told: str) -> str:
    event = f"UPDATE OF {', '.join(columns)}" if columns else "DELETE"
    when = f" WHEN {condition}" if condition else ""
    return f"""CREATE TRIGGER {table}_{name} BEFORE {event} ON {table}{when}
BEGIN
  SELECT RAISE(ABORT, '{told}');
END"""


def _on_postgres(table: str, name: str, columns: list[str] | None, condition: str, told: str) -> str:
    event = f"UPDATE OF {', '.join(columns)}" if columns else "DELETE"
    when = f" WHEN ({condition})" if condition else ""
    return f"""CREATE TRIGGER {table}_{name} BEFORE {event} ON {table}
  FOR EACH ROW{when} EXECUTE FUNCTION refuse_change('{told}')"""


def _steps(dialect: str, table: str, column: str, moves: Moves) -> str:
    if dialect != "sqlite":
        steps = ",".join(f"{state}>{to}" for state, after in moves.items() for to in after.split())
        return f"""CREATE TRIGGER {table}_{column}_steps BEFORE UPDATE OF {column} ON {table}
  FOR EACH ROW WHEN (NEW.{column} IS DISTINCT FROM OLD.{column})
  EXECUTE FUNCTION keep_steps('{column}:{steps}')"""
    legal = " OR ".join(
        f"(OLD.{column} = '{state}' AND NEW.{column} IN ({', '.join(repr(to) for to in after.split())}))"
        for state, after in moves.items()
    )
    condition = f"NEW.{column} IS NOT OLD.{column} AND NOT ({legal})"
    told = f"{table.replace('_', ' ')}: that is no step of its {column}"
    return _on_sqlite(table, f"{column}_steps", [column], condition, told)


def write_files(name: str = "frozen") -> None:
    """Write the triggers of every table to ``<name>.<dialect>.sql``, and those of later columns."""
    for dialect in ("sqlite", "postgresql"):
        head = f"-- What never changes, written by python -m gateway.db.frozen for {dialect}.\n\n"
        files = {name: statements(dialect)} | {
            file: later_statements(file, dialect) for file in {**LATER, **LATER_TABLES}
        }
        for file, triggers in files.items():
            text = f"\n{SEPARATOR}\n".join(triggers)
            (SQL / f"{file}.{dialect}.sql").write_text(f"{head}{text}\n", "utf-8")


if __name__ == "__main__":
    write_files()
