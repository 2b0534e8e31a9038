"""What ``fenqi-gateway documents …`` does. Each returns the exit code."""

from __future__ import annotations

import json

from gateway.documents.signing import DocumentAuthority


def certificates(authority: DocumentAuthority, *, as_json: bool) -> int:
    """Print the certificates that PDF files are checked with, newest first, as PEM."""
    found = authority.certificates()
    print(json.dumps({"certificates": found}, indent=2) if as_json else found, end="\n" if as_json else "")
    return 0
