"""Public keys check what was signed, after a way through text, and say what is wrong."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.core.signing import BadSignature, PublicKeys, Signature, UnknownKey, key_id

OLD, NEW = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2))


def test_keys_that_went_through_text_check_what_was_signed() -> None:
    texts = PublicKeys([OLD.public_key(), NEW.public_key()]).as_pem()
    assert list(texts) == [key_id(OLD.public_key()), key_id(NEW.public_key())]
    assert [len(name) for name in texts] == [16, 16]
    keys = PublicKeys.of_pem("".join(texts.values()))
    assert keys.as_pem() == texts
    value = base64.b64encode(NEW.sign(b"root 7")).decode()
    signature = Signature("Ed25519", key_id(NEW.public_key()), value)
    keys.verify(b"root 7", signature)
    with pytest.raises(BadSignature, match="does not match the text"):
        keys.verify(b"root 8", signature)
    with pytest.raises(BadSignature, match="algorithm"):
        keys.verify(b"root 7", Signature("RSA", signature.key_id, value))
    with pytest.raises(BadSignature, match="cannot be read"):
        keys.verify(b"root 7", Signature("Ed25519", signature.key_id, "é"))
    with pytest.raises(UnknownKey, match="nobody"):
        keys.verify(b"root 7", Signature("Ed25519", "nobody", value))


def test_text_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="expected PEM"):
        PublicKeys.of_pem("no key")
