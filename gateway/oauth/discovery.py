"""What the OAuth server and the API say about themselves: exactly what works, so that a client need not guess."""

from __future__ import annotations

from typing import Any

from gateway.core.scopes import ALL_SCOPES, SERVER_SCOPES
from gateway.oauth.tokens.grants import KEYS, SECRETS
from gateway.oauth.tokens.jose import ALGORITHMS

RESOURCE_PATH = "/.well-known/oauth-protected-resource"


def of_server(issuer: str) -> dict[str, Any]:
    """The metadata of the server at ``issuer`` (RFC 8414, with 9126, 9207, 9449 and 9728)."""
    found: dict[str, Any] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": False,
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "scopes_supported": list(ALL_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "protected_resources": [issuer],
        "ui_locales_supported": ["zh-CN", "en"],
    }
    for endpoint, public in (("token", ["none"]), ("revocation", ["none"]), ("introspection", [])):
        found[f"{endpoint}_endpoint_auth_methods_supported"] = [*SECRETS, *KEYS, *public]
        found[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = list(ALGORITHMS)
    return found


def of_api(issuer: str) -> dict[str, Any]:
    """The metadata of the API, which is the one resource of its issuer (RFC 9728)."""
    return {
        "resource": issuer,
        "authorization_servers": [issuer],
        "scopes_supported": list(SERVER_SCOPES),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "dpop_bound_access_tokens_required": False,
        "resource_name": "Fenqi API",
    }


def challenges(issuer: str, *, error: str, scheme: str) -> tuple[str, str]:
    """What a 401 says in WWW-Authenticate (RFC 6750, 9449, 9728); ``error`` stands with the scheme that was used."""
    where = f'resource_metadata="{issuer}{RESOURCE_PATH}"'
    said = {name: f', error="{error}"' if error and name == scheme else "" for name in ("bearer", "dpop")}
    algorithms = " ".join(ALGORITHMS)
    return (
        f'Bearer realm="fenqi"{said["bearer"]}, {where}',
        f'DPoP realm="fenqi"{said["dpop"]}, algs="{algorithms}", {where}',
    )
