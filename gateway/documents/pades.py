"""PAdES (ETSI EN 319 142-1, level B-B): the signature that readers of PDF files check, made by pyHanko."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from asn1crypto import keys, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore


class _SignerAt(PdfSigner):
    """Signs at a time that it is given, not at the machine's."""

    at: datetime

    def init_signing_session(self, *arguments: Any, **options: Any) -> Any:
        session = super().init_signing_session(*arguments, **options)
        session.system_time = self.at
        return session


def signed(pdf: bytes, *, key: bytes, certificate: bytes, root: bytes, field: str, at: datetime) -> bytes:
    """The file with a signature appended; ``key`` is PKCS #8, ``certificate`` and its ``root`` are X.509, all DER."""
    own = x509.Certificate.load(certificate)
    known = SimpleCertificateStore()
    known.register_multiple([own, x509.Certificate.load(root)])
    signer = _SignerAt(
        PdfSignatureMetadata(
            field_name=field,
            name=own.subject.native["common_name"],
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
        ),
        signer=SimpleSigner(own, keys.PrivateKeyInfo.load(key), known),
    )
    signer.at = at
    made = signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)))
    return bytes(made.getvalue())
