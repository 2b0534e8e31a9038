"""GET /v1/signing_keys: the public keys with which statements, contracts and roots can be checked."""

from __future__ import annotations

from gateway.web.operations import Api, Call

MEDIA_TYPE = "application/x-pem-file"
api = Api("signing_keys", prefix="/v1/signing_keys")


@api.get(media_type=MEDIA_TYPE)
def get_signing_keys(call: Call) -> bytes:
    """Retrieve every public key that ever signed a contract, a root or a statement, as PEM (Ed25519)."""
    return "".join(call.gateway.ports.signing_authority.public_keys().values()).encode()
