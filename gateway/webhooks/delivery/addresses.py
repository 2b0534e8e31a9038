"""Addresses that deliveries may go to: which spelling of a URL is taken, and which IP addresses are the public's.

Nothing is looked up here. ``transport`` resolves a name once, has every address checked by ``check`` and connects to
one of exactly those, so that a name which changes its mind between check and use gains nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 2000
URL = re.compile(r"(https?)://([^/?#]*)(/[^?#]*)?(\?[^#]*)?", re.IGNORECASE)
AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@]+)(?::([0-9]{1,5}))?")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
PATH = re.compile(r"[!-~]*")
NEVER_IN_PATH = frozenset('"<>\\^`{|}')
UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments; older Pythons take most of it for global
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # the platform channel of a cloud's virtual machines, though a public address
        "3fff::/20",  # documentation, which older Pythons take for global
    )
)
LOOPBACK_NAMES = frozenset({"localhost"})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(ValueError):
    """A delivery may not go there; the message says why, without the addresses that a name resolved to."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is allowed: ``ports`` of public hosts; with ``local`` also http and any port of the loopback."""

    ports: frozenset[int] = frozenset({443})
    local: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: the only form of it that is used to connect."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The name as the Host header has it: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse(url: str, rules: Rules) -> Target:
    """Take ``url`` apart. Raises ``AddressRefused``."""
    if len(url) > LONGEST:
        raise AddressRefused(f"The address is longer than {LONGEST} characters.")
    match = URL.fullmatch(url)
    if match is None:
        raise AddressRefused("Must be an address such as https://shop.example/hooks, without a fragment.")
    scheme, authority, path, query = match.groups()
    rest = (path or "/") + (query or "")
    if not PATH.fullmatch(rest) or NEVER_IN_PATH & set(rest):
        raise AddressRefused("Path and query must be printable ASCII: percent-encode all other characters.")
    if "@" in authority:
        raise AddressRefused("Must not contain a user name or a password.")
    parts = AUTHORITY.fullmatch(authority.lower())
    if parts is None:
        raise AddressRefused("The host is not valid.")
    secure = scheme.lower() == "https"
    port = int(parts[2]) if parts[2] else 443 if secure else 80
    if not rules.local:
        _check_public(secure, port, rules)
    return Target(secure, _host(parts[1], rules), port, rest)


def check(target: Target, resolved: Iterable[str], rules: Rules) -> list[str]:
    """The addresses of ``found`` in the order given, if all of them may be connected to. Raises ``AddressRefused``."""
    addresses = [_address(text) for text in resolved]
    if not addresses:
        raise AddressRefused(f"{target.host} has no address.")
    if rules.local and all(_is_loopback(address) for address in addresses):
        return [str(address) for address in addresses]
    _check_public(target.secure, target.port, rules)
    if not all(is_public(address) for address in addresses):
        raise AddressRefused(f"{target.host} is not a public address.")
    return [str(address) for address in addresses]


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, also when it carries an IPv4 address inside."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        inner = _inner(address)
        if inner is not None and not is_public(inner):
            return False
        if address.ipv4_mapped is not None or address in NAT64:
            return True
        if address not in UNICAST:
            return False
    if any(address.version == network.version and address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4, NAT64 or ISATAP. Teredo is not global anyway."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    number = int(address)
    if address in NAT64 or (number >> 32) & 0xFDFFFFFF == 0x5EFE:
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    return None


def _is_loopback(address: Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise AddressRefused("The host is not valid.") from None


def _check_public(secure: bool, port: int, rules: Rules) -> None:
    if not secure:
        raise AddressRefused("Must begin with https://.")
    if port not in rules.ports:
        ports = ", ".join(map(str, sorted(rules.ports)))
        raise AddressRefused(f"Port {port} is not allowed; allowed ports: {ports}.")


def _host(text: str, rules: Rules) -> str:
    """The host in ASCII: an address literal, or a name of at least two labels that cannot be read as a number."""
    if text.startswith("["):
        return str(_address(text[1:-1]))
    try:
        name = text if text.isascii() else text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise AddressRefused("The host is not valid.") from None
    labels = name.split(".")
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        # 127.1, 0177.0.0.1 and 2130706433 are addresses to some programs: only the usual spelling is taken.
        return str(_address(name))
    known = len(labels) > 1 or (rules.local and name in LOOPBACK_NAMES)
    if not known or len(name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise AddressRefused("The host must be a full name such as shop.example.")
    return name
