"""The commands ``fenqi-gateway client`` and ``fenqi-gateway keys``: what they do and print.

Secrets go to the standard output, once; nothing else ever shows them. Each change stands in the audit log.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.scopes import MERCHANT_SCOPES
from gateway.core.tables import listed
from gateway.core.tenant import Mode, Tenant, mode_of
from gateway.db.transactions import Database, Transaction
from gateway.errors import ValidationFailed
from gateway.oauth import service
from gateway.oauth.models import ClientSecret, OAuthClient
from gateway.oauth.tokens.keys import SigningKeys
from gateway.privacy.row_key_file import RowKeyFile
from gateway.web.context import Gateway

LONGEST_OVERLAP_HOURS = 30 * 24


def create(
    gateway: Gateway,
    *,
    merchant: str,
    mode: Mode,
    scopes: list[str] | None,
    jwks: Path | None,
    alg: str | None,
    require_dpop: bool,
) -> int:
    """Make a client of a merchant's server, with a secret or with the public keys of ``jwks``."""
    allowed = tuple(scopes) if scopes else MERCHANT_SCOPES
    keys = _read(jwks) if jwks is not None else None

    def in_transaction(tx: Transaction) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if keys is not None:
            client = service.create_client_with_keys(
                tx, merchant_id=merchant, mode=mode, jwks=keys, alg=alg, scopes=allowed
            )
        else:
            name, made["client_secret"] = service.create_client(
                tx, gateway.vault, merchant_id=merchant, mode=mode, scopes=allowed
            )
            client = service.server_client(tx, name)
        client.require_dpop = require_dpop
        tx.flush()
        shown = _shown(client, service.valid_secrets(tx, client.id))
        _record(tx, "client.create", client, after=shown)
        return {**shown, **made}

    return _printed(gateway.db.write(in_transaction))


def show(db: Database, merchant: str | None, *, as_json: bool) -> int:
    """Print every client, or a merchant's, with the identifiers of its valid secrets."""
    with db.read() as tx:
        clients = [_shown(client, secrets) for client, secrets in service.clients(tx, merchant)]
    if not as_json:  # a table has room for the most important
        clients = [
            {
                **{name: client[name] for name in ("client_id", "merchant", "mode")},
                "authenticates": client["token_endpoint_auth_method"],
                "secrets": [secret["id"] for secret in client["secrets"]],
            }
            for client in clients
        ]
    print(listed(clients, as_json=as_json))
    return 0


def rotate_secret(gateway: Gateway, client_id: str, *, overlap_hours: int) -> int:
    """Print a new secret; the one before it stays valid for ``overlap_hours``. Raises ``ValidationFailed``."""
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        detail = f"The overlap must be 0 to {LONGEST_OVERLAP_HOURS} hours, not {overlap_hours}."
        raise ValidationFailed([{"param": "overlap", "code": "invalid", "detail": detail}])

    def in_transaction(tx: Transaction) -> dict[str, Any]:
        client = service.server_client(tx, client_id)
        tenant = Tenant(str(client.merchant_id), mode_of(client.mode))
        secret = service.rotate_secret(
            tx, gateway.vault, tenant, client_id=client_id, overlap=timedelta(hours=overlap_hours)
        )
        tx.flush()
        _record(tx, "client.rotate_secret", client, overlap_hours=overlap_hours)
        return {**_shown(client, service.valid_secrets(tx, client_id)), "client_secret": secret}

    return _printed(gateway.db.write(in_transaction))


def revoke_secret(gateway: Gateway, client_id: str, secret_id: str) -> int:
    """End a secret now."""

    def in_transaction(tx: Transaction) -> None:
        service.revoke_secret(tx, client_id=client_id, secret_id=secret_id)
        _record(tx, "client.revoke_secret", service.server_client(tx, client_id), secret=secret_id)

    gateway.db.write(in_transaction)
    print(f"{secret_id} of {client_id} is no longer valid.")
    return 0


def set_keys(gateway: Gateway, client_id: str, *, jwks: Path, alg: str | None) -> int:
    """Replace a client's public keys; its secrets end."""
    keys = _read(jwks)

    def in_transaction(tx: Transaction) -> dict[str, Any]:
        client = service.set_keys(tx, client_id, keys, alg)
        shown = _shown(client, [])
        _record(tx, "client.set_keys", client, after=shown)
        return shown

    return _printed(gateway.db.write(in_transaction))


def require(gateway: Gateway, client_id: str, *, par: bool | None, dpop: bool | None) -> int:
    """Say what a client must do; None leaves it as it is."""

    def in_transaction(tx: Transaction) -> dict[str, Any]:
        client = service.require(tx, client_id, par=par, dpop=dpop)
        _record(tx, "client.require", client, par=client.require_par, dpop=client.require_dpop)
        return _shown(client, [])

    return _printed(gateway.db.write(in_transaction))


def show_signing_keys(gateway: Gateway, *, as_json: bool) -> int:
    """Print the published signing keys and what each is doing; never their secret part."""
    print(listed(_signing_keys(gateway).described(), as_json=as_json))
    return 0


def rotate_signing_keys(gateway: Gateway) -> int:
    """Let the waiting key sign and publish the one after it."""
    keys = _signing_keys(gateway)
    keys.rotate()
    kids = [row["kid"] for row in keys.described()]
    actor = Actor.at_the_command_line()
    gateway.db.write(lambda tx: audit.record(tx, actor, "keys.rotate", about="signing keys", after=kids))
    return show_signing_keys(gateway, as_json=True)


def rotate_row_keys(gateway: Gateway) -> int:
    """Make a new key for the hashes of rows, which a process takes when it starts; the old ones go on checking."""
    key_id = RowKeyFile.of_folder(gateway.settings.data_dir).rotate(gateway.clock())
    actor = Actor.at_the_command_line()
    gateway.db.write(lambda tx: audit.record(tx, actor, "keys.rotate", about="keys of rows", after=key_id))
    print(f"Rows are hashed with the key {key_id} by every process that starts from now on.")
    return 0


def _signing_keys(gateway: Gateway) -> SigningKeys:
    found: SigningKeys = gateway.ports.signing_keys
    return found


def _record(tx: Transaction, action: str, client: OAuthClient, *, after: Any = None, **facts: Any) -> None:
    audit.record(
        tx,
        Actor.at_the_command_line(),
        action,
        about=client.id,
        merchant_id=client.merchant_id,
        mode=client.mode,
        after=after,
        facts=facts,
    )


def _shown(client: OAuthClient, secrets: list[ClientSecret]) -> dict[str, Any]:
    return {
        "client_id": client.id,
        "merchant": client.merchant_id,
        "mode": client.mode,
        "scopes": client.scopes,
        "token_endpoint_auth_method": _method(client),
        "assertion_alg": client.assertion_alg,
        "kids": [key["kid"] for key in (client.jwks or {"keys": []})["keys"]],
        "require_pushed_authorization_requests": client.require_par,
        "dpop_bound_access_tokens": client.require_dpop,
        "secrets": [
            {
                "id": row.id,
                "created_at": row.created_at.isoformat(),
                "expires_at": row.expires_at.isoformat() if row.expires_at else None,
            }
            for row in secrets
        ],
    }


def _method(client: OAuthClient) -> str:
    if client.assertion_alg is not None:
        return "private_key_jwt"
    return "none" if client.kind == "portal" else "client_secret_basic"


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        detail = f"{path} cannot be read: {error}."
        raise ValidationFailed([{"param": "jwks", "code": "invalid", "detail": detail}]) from None


def _printed(answer: Any) -> int:
    print(json.dumps(answer, ensure_ascii=False, indent=2))
    return 0
