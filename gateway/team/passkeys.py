"""Passkeys (WebAuthn level 2): registered on the account page, then a second factor or, alone, the whole login.

A passkey asks its person for a PIN or a finger (user verification is required), so it is two factors in one. The
relying party is the host of the gateway's public address; browsers want a name there, not an IP address.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import delete
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.team.models import Passkey, TeamMember, UsedChallenge

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

MOST = 10
LONGEST_NAME = 60
CHALLENGE_LIFE = timedelta(minutes=30)
MALFORMED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Site:
    """The relying party: the host browsers know, and the origin pages come from."""

    host: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> Site:
        """The site at the gateway's public address."""
        return cls(urlsplit(public_url).hostname or "", public_url)

    @property
    def usable(self) -> bool:
        """Whether browsers offer passkeys here: a name, with https or on localhost."""
        try:
            ip_address(self.host)
        except ValueError:
            return self.origin.startswith("https:") or self.host == "localhost"
        return False


def registration(tx: Transaction, site: Site, person: TeamMember) -> dict[str, Any]:
    """What the browser is asked for a new passkey: bound to the device's user check, without attestation."""
    import webauthn  # noqa: PLC0415  (loaded by the first passkey, not by every command)
    from webauthn.helpers import structs  # noqa: PLC0415

    known = [_descriptor(row) for row in of_member(tx, person.id)]
    options = webauthn.generate_registration_options(
        rp_id=site.host,
        rp_name="Fenqi",
        user_name=person.email,
        user_id=person.id.encode(),
        user_display_name=person.name,
        exclude_credentials=known,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
    )
    request_options: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return request_options


def register(
    tx: Transaction, site: Site, person: TeamMember, *, answer: str, challenge: str, name: str
) -> Passkey | None:
    """Keep the passkey that the browser made, if its answer is right; None when not."""
    import webauthn  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    if len(of_member(tx, person.id)) >= MOST or not _is_fresh(tx, challenge):
        return None
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=webauthn.helpers.base64url_to_bytes(challenge),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, *MALFORMED):
        return None
    credential_id = webauthn.helpers.bytes_to_base64url(made.credential_id)
    if _known(tx, credential_id) is not None:
        return None
    _use_up(tx, challenge)
    row = Passkey(
        id=tx.new_id("pk"),
        member_id=person.id,
        credential_id=credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=" ".join(name.split())[:LONGEST_NAME] or "Passkey",
        created_at=tx.wall,
    )
    tx.add(row)
    return row


def question(tx: Transaction, site: Site, member_id: str | None = None) -> dict[str, Any]:
    """What the browser is asked at a login: any passkey of this site, or one of a certain person."""
    import webauthn  # noqa: PLC0415
    from webauthn.helpers import structs  # noqa: PLC0415

    own = [_descriptor(row) for row in of_member(tx, member_id)] if member_id else []
    options = webauthn.generate_authentication_options(
        rp_id=site.host, allow_credentials=own, user_verification=structs.UserVerificationRequirement.REQUIRED
    )
    request_options: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return request_options


def check(
    tx: Transaction, site: Site, *, answer: str, challenge: str, member_id: str | None = None
) -> str | None:
    """Whose passkey answered, if it is known and right; None when not. A challenge is answered once.

    A signature counter that does not grow tells of a copied key: it is refused.
    """
    import webauthn  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    try:
        row = _known(tx, str(json.loads(answer)["id"]))
        if row is None or not _is_fresh(tx, challenge) or member_id not in (None, row.member_id):
            return None
        found = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=webauthn.helpers.base64url_to_bytes(challenge),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, *MALFORMED):
        return None
    _use_up(tx, challenge)
    row.sign_count, row.last_used_at = found.new_sign_count, tx.wall
    tx.add(row)
    return row.member_id


def of_member(tx: Transaction, member_id: str) -> list[Passkey]:
    """A person's passkeys, oldest first."""
    return list(tx.exec(select(Passkey).where(Passkey.member_id == member_id).order_by(col(Passkey.id))))


def remove(tx: Transaction, member_id: str, passkey_id: str) -> None:
    """Forget one of a person's passkeys. Raises ``NotFound``."""
    row = tx.get(Passkey, passkey_id)
    if row is None or row.member_id != member_id:
        raise NotFound(f"There is no passkey {passkey_id!r}.")
    tx.delete(row)


def _known(tx: Transaction, credential_id: str) -> Passkey | None:
    if not credential_id.isascii() or not credential_id.isprintable():
        return None
    return tx.exec(select(Passkey).where(Passkey.credential_id == credential_id)).first()


def _descriptor(row: Passkey) -> PublicKeyCredentialDescriptor:
    from webauthn.helpers import base64url_to_bytes, structs  # noqa: PLC0415

    return structs.PublicKeyCredentialDescriptor(id=base64url_to_bytes(row.credential_id))


def _is_fresh(tx: Transaction, challenge: str) -> bool:
    return tx.get(UsedChallenge, challenge) is None


def _use_up(tx: Transaction, challenge: str) -> None:
    tx.execute(delete(UsedChallenge).where(col(UsedChallenge.expires_at) <= tx.wall))
    tx.add(UsedChallenge(challenge=challenge, expires_at=tx.wall + CHALLENGE_LIFE))
