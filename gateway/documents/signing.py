"""Signatures inside of documents: PAdES, by a key and a certificate in the data folder.

The key that signs contracts (Ed25519) signs bytes, which few readers of PDF files can check; so a second key stands
beside it (ECDSA over P-256), with a certificate under a root of its own. A certificate authority's adapter implements
``DocumentAuthority`` and is given to the gateway as the port ``document_authority``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID

from gateway.errors import DocumentsUnavailable
from gateway.privacy import keyfile
from gateway.privacy.keyfile import KeyFileError

FILE = "documents.json"
VALID = timedelta(days=3653)
NAME = "Fenqi document signing"
FIELD = "Signature"


class DocumentAuthority(Protocol):
    """Port: signs PDF files so that readers of such files can check them."""

    def sign(self, pdf: bytes, *, at: datetime) -> bytes:
        """The file with a signature added that says it was made ``at`` (UTC). Raises ``Unavailable``."""
        ...

    def certificates(self) -> str:
        """The certificates that signatures are checked with, as PEM: newest first, its root before each."""
        ...


class BuiltInDocumentAuthority:
    """Signs with the newest key of ``keys/documents.json``; the certificates of older ones are kept."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / keyfile.FOLDER / FILE
        self._read: Callable[[], list[dict[str, Any]]] = cache(self._content)

    @classmethod
    def create(cls, data_dir: Path, now: datetime) -> BuiltInDocumentAuthority:
        """The keys of a data folder, the first of which is made unless it is there: for ``keys init`` alone."""
        keyfile.create(data_dir / keyfile.FOLDER / FILE, lambda: {"signing": [_fresh(now)]})
        return cls(data_dir)

    def sign(self, pdf: bytes, *, at: datetime) -> bytes:
        """The file with a signature added. Raises ``DocumentsUnavailable`` without keys."""
        from gateway.documents import pades  # noqa: PLC0415  # seconds of imports, for those alone who sign

        newest = self._read()[0]
        key, own, root = (base64.b64decode(newest[name]) for name in ("key", "certificate", "root"))
        return pades.signed(pdf, key=key, certificate=own, root=root, field=FIELD, at=at)

    def certificates(self) -> str:
        """The root and the certificate of each key, newest first, as PEM. Raises ``DocumentsUnavailable``."""
        found = [row[name] for row in self._read() for name in ("root", "certificate")]
        return "".join(
            x509.load_der_x509_certificate(base64.b64decode(one)).public_bytes(Encoding.PEM).decode()
            for one in found
        )

    def _content(self) -> list[dict[str, Any]]:
        if not self._path.exists():  # a gateway of an older release
            raise DocumentsUnavailable(
                f"There is no key file {self._path}, so no PDF file can be signed. Make it with: "
                "fenqi-gateway keys init."
            )
        try:
            rows: list[dict[str, Any]] = keyfile.read(self._path)["signing"]
            for row in rows:
                load_der_private_key(base64.b64decode(row["key"]), password=None)
                for name in ("certificate", "root"):
                    x509.load_der_x509_certificate(base64.b64decode(row[name]))
            rows[0]
        except (IndexError, KeyError, TypeError, ValueError, KeyFileError) as error:
            raise DocumentsUnavailable(
                f"The key file {self._path} is damaged: {error}. Restore a backup."
            ) from None
        return rows


def _fresh(now: datetime) -> dict[str, str]:
    """A key, its certificate of ten years, and that of the root which has signed it.

    Readers of PDF files trust roots. The key of this one is kept nowhere, so it never signs another certificate.
    """
    root, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    begins = now.astimezone(UTC).replace(microsecond=0) - timedelta(minutes=5)
    anchor = _certificate("Fenqi documents root", root, issuer=None, begins=begins).sign(
        root, hashes.SHA256()
    )
    own = _certificate(NAME, key, issuer=anchor, begins=begins).sign(root, hashes.SHA256())
    return {
        "key": keyfile.text_of(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
        "certificate": keyfile.text_of(own.public_bytes(Encoding.DER)),
        "root": keyfile.text_of(anchor.public_bytes(Encoding.DER)),
    }


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, *, issuer: x509.Certificate | None, begins: datetime
) -> x509.CertificateBuilder:
    """What a certificate states; without an issuer it is a root, which signs certificates and nothing else."""
    is_root = issuer is None
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Fenqi"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {identifier.digest.hex()[:16]}"),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=not is_root,
        content_commitment=not is_root,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_root,
        crl_sign=is_root,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + VALID)
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
    )
    if issuer is None:
        return builder
    above = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    named = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above)
    return builder.add_extension(named, critical=False)
