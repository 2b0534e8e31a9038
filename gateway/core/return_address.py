"""The shop's addresses that a shopper is sent back to: read once, and from then on in one canonical form.

Lower-case scheme, an ASCII host, a port that exists, a path; everything outside of printable ASCII is percent-encoded.
So whatever is made of it, be it a header, a policy or a link, holds no character that ends it.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import quote, urlencode, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
FORBIDDEN = frozenset(' <>"\\^`{|}')
KEPT_IN_PATH, KEPT_IN_QUERY = "/:@!$&'()*+,;=~-._%", "/:@!$&'()*+,;=~-._%?"
FORM = "Must be an absolute http(s) address, such as https://shop.example/return."


class NotAnAddress(ValueError):
    """Says what is wrong with the address."""


def canonical(text: str) -> str:
    """The address in its canonical form. Raises ``NotAnAddress``."""
    if any(char in FORBIDDEN or not char.isprintable() for char in text):
        raise NotAnAddress(FORM)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # brackets without an IPv6 address, or a port that is not a number below 65536
        raise NotAnAddress(FORM) from None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not host or port == 0:
        raise NotAnAddress(FORM)
    if "@" in parts.netloc:
        raise NotAnAddress("Must not contain a user name or a password.")
    if "#" in text:
        raise NotAnAddress("Must not have a fragment (#…): browsers do not send it.")
    place = _host(host) + ("" if port in (None, DEFAULT_PORTS[scheme]) else f":{port}")
    path = quote(parts.path or "/", safe=KEPT_IN_PATH)
    return f"{scheme}://{place}{path}" + (f"?{quote(parts.query, safe=KEPT_IN_QUERY)}" if parts.query else "")


def origin(address: str) -> str:
    """Scheme, host and port. Raises ``NotAnAddress``, which happens only to what was stored by an old release."""
    parts = urlsplit(canonical(address))
    return f"{parts.scheme}://{parts.netloc}"


def with_checkout(address: str, checkout_id: str, *, locale: str | None = None) -> str:
    """The shop's address with the checkout's id, and nothing that the shop could mistake for the truth.

    ``locale`` is the language that the shopper reads, for a shop that has told us in which one it speaks.

    Raises ``NotAnAddress`` like ``origin``.
    """
    address = canonical(address)
    added = {"checkout": checkout_id} | ({"locale": locale} if locale else {})
    return f"{address}{'&' if '?' in address else '?'}{urlencode(added)}"


def _host(host: str) -> str:
    if ":" in host:
        try:
            return f"[{IPv6Address(host.replace('%', ' ')).compressed}]"  # without a zone
        except ValueError:
            raise NotAnAddress(FORM) from None
    try:
        name = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise NotAnAddress(FORM) from None
    labels = name.lower().removesuffix(".").split(".")
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise NotAnAddress(FORM)
    return ".".join(labels)
