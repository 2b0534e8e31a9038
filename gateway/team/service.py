"""Team members: created, found, given another role, removed."""

from __future__ import annotations

import secrets

from sqlmodel import col, select

from gateway.core.roles import ROLES
from gateway.db.transactions import Transaction
from gateway.errors import Conflict, LastOwner, NotFound, ValidationFailed
from gateway.team import factors, passwords, sessions
from gateway.team.models import TeamMember

LONGEST_EMAIL, LONGEST_NAME = 254, 100


def create_team_member(
    tx: Transaction, *, merchant_id: str, email: str, name: str, password: str, role: str
) -> TeamMember:
    """A person with a portal login; the password is kept as argon2id.

    Raises ``ValidationFailed`` naming the field, ``Conflict`` when the address has a login already.
    """
    address = checked_person(tx, email=email, name=name, role=role)
    check_password(password)
    member = TeamMember(
        id=tx.new_id("mem"),
        merchant_id=merchant_id,
        email=address,
        name=name,
        role=role,
        password=passwords.hashed(password),
        created_at=tx.wall,
    )
    tx.add(member)
    return member


def checked_person(tx: Transaction, *, email: str, name: str, role: str) -> str:
    """The address as it is kept. Raises ``ValidationFailed`` naming the field, ``Conflict`` for one that is taken."""
    address = normalised(email)
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or not _is_line(address, LONGEST_EMAIL) or " " in address:
        raise _invalid("email", "Must be an email address, such as name@shop.example.")
    if not _is_line(name, LONGEST_NAME):
        raise _invalid("name", f"Must be 1 to {LONGEST_NAME} characters on one line.")
    if role not in ROLES:
        raise _invalid("role", "Must be one of: " + ", ".join(ROLES) + ".")
    if member_of_email(tx, address) is not None:
        raise Conflict(f"{address} already has a login.", param="email")
    return address


def check_password(password: str) -> None:
    """Raise ``ValidationFailed`` for a password that cannot be chosen."""
    problem = passwords.problem(password)
    if problem is not None:
        raise _invalid("password", passwords.PROBLEMS[problem])


def member(tx: Transaction, member_id: str) -> TeamMember:
    """The person, unless removed. Raises ``NotFound``."""
    found = member_or_none(tx, member_id)
    if found is None:
        raise NotFound(f"There is no team member {member_id!r}.")
    return found


def member_or_none(tx: Transaction, member_id: str) -> TeamMember | None:
    """The person, unless removed or unknown."""
    found = tx.get(TeamMember, member_id)
    return found if found is not None and found.removed_at is None else None


def colleague(tx: Transaction, merchant_id: str, member_id: str) -> TeamMember:
    """The person, if of this merchant. Raises ``NotFound``."""
    found = member(tx, member_id)
    if found.merchant_id != merchant_id:
        raise NotFound(f"There is no team member {member_id!r}.")
    return found


def member_of_email(tx: Transaction, email: str) -> TeamMember | None:
    """The person with this address, in whatever case it is written."""
    if not normalised(email).isprintable():
        return None
    query = select(TeamMember).where(
        TeamMember.email == normalised(email), col(TeamMember.removed_at).is_(None)
    )
    return tx.exec(query).first()


def team(tx: Transaction, merchant_id: str) -> list[TeamMember]:
    """Everybody of a merchant, in the order they joined."""
    query = select(TeamMember).where(
        TeamMember.merchant_id == merchant_id, col(TeamMember.removed_at).is_(None)
    )
    return list(tx.exec(query.order_by(col(TeamMember.id))))


def change_role(tx: Transaction, person: TeamMember, role: str) -> None:
    """Give another role; the person's sessions end, so that no token keeps the old one. Raises ``LastOwner``."""
    if role == person.role:
        return
    _keep_an_owner(tx, person)
    person.role = role
    tx.add(person)
    sessions.end_all(tx, person.id)


def remove(tx: Transaction, person: TeamMember) -> None:
    """Take somebody off the team: sessions end, factors go, and of the row only the identifier stays.

    Raises ``LastOwner``.
    """
    _keep_an_owner(tx, person)
    sessions.end_all(tx, person.id)
    factors.forget_all(tx, person.id)
    person.removed_at = tx.wall
    person.email, person.name = f"removed:{person.id}", person.id
    person.password = passwords.hashed(secrets.token_urlsafe(32))
    tx.add(person)


def normalised(email: str) -> str:
    """An address as it is kept and compared."""
    return email.strip().lower()


def _keep_an_owner(tx: Transaction, person: TeamMember) -> None:
    if person.role != "owner":
        return
    if not [one for one in team(tx, person.merchant_id) if one.role == "owner" and one.id != person.id]:
        raise LastOwner("A team must have at least one owner: make another member an owner first.")


def _is_line(text: str, longest: int) -> bool:
    return bool(text.strip()) and len(text) <= longest and text.isprintable()


def _invalid(param: str, detail: str) -> ValidationFailed:
    return ValidationFailed([{"param": param, "code": "invalid", "detail": detail}])
