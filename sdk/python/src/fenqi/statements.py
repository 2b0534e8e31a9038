"""Check a statement offline: that the ledger holds every line of a settlement, and that nothing in it was changed.

``verify(path, keys)`` needs the file that ``client.settlements.download_statement`` wrote, the public keys that
``client.settlements.signing_keys`` answered once, and no gateway. It needs the package ``cryptography``
(``pip install "fenqi[verify]"``).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any

from ._bookings import Entry, StatementError, check_line, entry_of, whole

__all__ = ["Statement", "StatementError", "verify", "verify_certificate"]

VERSIONS = (1, 2)
"""Since version 2 a settlement may carry what is below the minimum that a payout has by its terms."""
NO_HASH = "0" * 64
SIGNS = {
    "capture": ("captures", 1),
    "refund": ("refunds", -1),
    "subsidy": ("subsidies", 1),
    "subsidy_return": ("subsidies", 1),
    "dispute": ("disputes", -1),
    "dispute_won": ("disputes", -1),
    "payout_returned": ("adjustments", 1),
    "invoice_payment": ("adjustments", 1),
    "reserve_release": ("reserve_change", -1),
    "stage_held": ("captures", 1),
    "stage_released": ("captures", 1),
    "stage_returned": ("captures", 1),
}
"""By kind of line: the figure of the settlement to which its signed amount belongs, and with which sign."""
PENDING = ("capture", "refund", "stage_held", "stage_released", "stage_returned")
"""Kinds of line that move ``merchant_pending``."""
PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


SHAPES = (
    {"statement", "merchant", "settlement", "entries"},
    {"statement", "merchant", "settlement", "minimum_payout", "entries"},
    {"entry", "in_tree", "position", "path", "content"},
    {"line", "entries"},
    {"tree"},
    {"root"},
    {"signature"},
)
"""The keys of each kind of line; more of them would be a second line that the signature does not cover."""
LONGEST_LINE = 16 * 1024 * 1024
_AROUND = ("object", "sha256", "text", "signature")
"""What a certificate has around what it states."""


@dataclass(frozen=True)
class Statement:
    """A statement that holds. Amounts in fen."""

    settlement: Mapping[str, Any]
    lines: int
    entries: int
    trees: int
    signed_at: str
    """When the root was signed under which its entries stand (UTC)."""
    key_id: str


@dataclass(frozen=True)
class _Tree:
    first: int
    size: int
    root: bytes


class _Frame:
    """What stands around the lines: the trees by number, and whose word it all is."""

    def __init__(self) -> None:
        self.trees: dict[int, _Tree] = {}
        self.signed_at = self.key_id = ""
        self._settlement = ""
        self._number, self._hash, self._end = 0, "", 0
        self._root: Mapping[str, Any] | None = None
        self._signature: Mapping[str, Any] | None = None
        self._running = hashlib.sha256()

    def read(self, content: Mapping[str, Any], line: bytes) -> None:
        """Take the next line of the file."""
        if content.keys() not in SHAPES:
            raise StatementError("this is not a line of a statement")
        if self._signature is not None:
            raise StatementError("it stands behind the signature")
        if "signature" in content:
            self._signature = content["signature"]
            return
        self._running.update(line)
        if "statement" in content:
            self._settlement = content["settlement"]["id"]
        elif "tree" in content:
            self._add(content["tree"])
        elif "root" in content:
            self._root = content["root"]

    def close(self, public: Mapping[str, Any]) -> None:
        """Check whose word it is. Raises ``StatementError``."""
        root, signature = self._root, self._signature
        if root is None or signature is None:
            raise StatementError("the statement is cut off: it has no root or no signature")
        with _at(0):
            text = f"fenqi statement\nsettlement: {self._settlement}\nsha256: {self._running.hexdigest()}\n"
            _check_signature(public, signature, text.encode(), "the statement")
            if (root["chain"], root["number"], root["hash"]) != ("trees", self._number, self._hash):
                raise StatementError("its trees do not lead to the root that was signed")
            self.signed_at, self.key_id = root["signed_at"], signature["key_id"]
            text = (
                f"fenqi root\nchain: trees\nnumber: {self._number}\nhash: {self._hash}\n"
                f"signed_at: {self.signed_at}\n"
            )
            _check_signature(public, root, text.encode(), "the root")

    def _add(self, tree: Mapping[str, Any]) -> None:
        """Add the next tree."""
        first, last = whole(tree["first"], "first"), whole(tree["last"], "last")
        follows = (self._number + 1, self._hash, self._end + 1)
        if self.trees and (tree["number"], tree["previous"], first) != follows:
            raise StatementError(f"the tree {tree['number']} does not follow the one before it")
        stated = f"{tree['number']} {first} {last} {tree['root']} {tree['previous']} {tree['created_at']}"
        self.trees[tree["number"]] = _Tree(first, last - first + 1, bytes.fromhex(tree["root"]))
        self._number, self._end = tree["number"], last
        self._hash = hashlib.sha256(stated.encode()).hexdigest()


def verify(path: str | PathLike[str], keys: str) -> Statement:
    """Check the statement in a file against public keys (PEM, one or more).

    It holds when the signature is that of one of the keys, the trees lead to a root that was signed, every entry is
    under one of these trees, every line says what its entries booked, and the lines make the settlement. Reads the file
    twice, a line at a time. Raises ``StatementError`` naming the line, ``OSError`` for what cannot be read, and
    ``ImportError`` without ``cryptography``.
    """
    public = _public_keys(keys)
    frame = _Frame()
    for number, content, line in _numbered(path):
        with _at(number):
            frame.read(content, line)
    frame.close(public)
    books = _Books(frame)
    for number, content, _ in _numbered(path):
        with _at(number):
            books.read(content)
    with _at(0):
        return books.close()


def verify_certificate(path: str | PathLike[str], keys: str) -> Mapping[str, Any]:
    """Check the certificate of a month, as JSON in a file, against public keys (PEM); answers what it states.

    It holds when the signature is that of one of the keys, everything beside the signed text says the same, and opening
    and movements make the closing of each balance. Compare its opening with the closing of the month before. Raises
    ``StatementError``, ``OSError`` for what cannot be read, and ``ImportError`` without ``cryptography``.
    """
    public = _public_keys(keys)
    with open(path, "rb") as file:
        raw = file.read(LONGEST_LINE + 1)
    if len(raw) > LONGEST_LINE:
        raise StatementError(f"it is not a certificate: it has more than {LONGEST_LINE} bytes")
    shown = _parsed(raw, 1)
    with _at(1):
        text = shown["text"].encode()
        digest = hashlib.sha256(text).hexdigest()
        signed = f"fenqi certificate\nsha256: {digest}\n".encode()
        _check_signature(public, shown["signature"], signed, "the certificate")
        stated = _parsed(text, 1)
        if whole(stated["certificate"], "certificate") != 1:
            raise StatementError(f"this is version {stated['certificate']!r}; 1 can be checked here")
        beside = {name: value for name, value in shown.items() if name not in _AROUND}
        if beside != stated or shown["sha256"] != digest:
            raise StatementError("what stands beside the signed text says something else")
        for name, fen in stated["opening"].items():
            moved = sum(whole(one["amounts"].get(name, 0), name) for one in stated["movements"])
            if whole(stated["closing"][name], name) != whole(fen, name) + moved:
                raise StatementError(f"opening and movements do not make the closing of {name}")
        return stated


@contextmanager
def _at(number: int) -> Iterator[None]:
    """Name the line in what goes wrong."""
    try:
        yield
    except StatementError as error:
        raise StatementError(f"line {number}: {error}" if number else str(error)) from None
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, ArithmeticError) as error:
        raise StatementError(f"line {number} is not of a statement: {error!r}") from None


class _Books:
    """The entries and lines that were read, and what they add up to."""

    def __init__(self, frame: _Frame) -> None:
        self._frame = frame
        self._header: Mapping[str, Any] = {}
        self._merchant = self._mode = ""
        self._entries: dict[str, Entry] = {}
        self._figures: dict[str, int] = defaultdict(int)
        self._seen: set[str] = set()
        self._used: set[str] = set()
        self._pending = 0
        """What the lines put on ``merchant_pending``, which the batch makes available (fen)."""

    def read(self, content: Mapping[str, Any]) -> None:
        """Take the next line of the file."""
        if "statement" in content:
            if self._header:
                raise StatementError("a statement begins once")
            version = whole(content["statement"], "statement")
            if version not in VERSIONS:
                raise StatementError(f"this is version {version}; 1 and 2 can be checked here")
            if ("minimum_payout" in content) is not (version > 1):
                raise StatementError(f"a statement of version {version} has other fields")
            self._header = content
            self._merchant, self._mode = content["merchant"], content["settlement"]["mode"]
        elif not self._header:
            raise StatementError("a statement begins with its settlement")
        elif "line" in content:
            self._line(content["line"], content["entries"])
        elif "entry" in content:
            self._entry(content)

    def close(self) -> Statement:
        """Compare the whole. Raises ``StatementError``."""
        if not self._header:
            raise StatementError("the file has no settlement")
        shown = self._header["settlement"]
        if shown["currency"] != "CNY":
            raise StatementError("its currency is not CNY")
        found = {name: self._figures[name] for name in ("captures", "subsidies", "refunds", "disputes")}
        found |= {
            name: self._figures[name] for name in ("adjustments", "merchant_fees", "merchant_subsidies")
        }
        closing: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for entry in self._own_entries(shown):
            closing[entry.kind].update(entry.sums)
        # What this batch holds back its own entry says; what others held back is released by lines, and by an entry.
        released = closing["reserve_released"]["merchant_reserve"]
        if released != -self._figures["reserve_change"]:
            raise StatementError(
                f"its lines release another reserve than the {released} fen that were booked"
            )
        found["reserve_change"] = -closing["settlement"]["merchant_reserve"] - released
        found["payout_amount"] = -closing["payout_instructed"]["payout_in_transit"]
        if self._pending + closing["settlement"]["merchant_pending"]:
            raise StatementError(
                "its lines are not those that the batch settled: one is missing or another's"
            )
        for name, fen in found.items():
            if whole(shown[name], name) != fen:
                raise StatementError(f"{name} is {shown[name]} fen, and its lines and entries make {fen}")
        came = (
            whole(shown["opening"], "opening") + found["captures"] + found["subsidies"] + found["adjustments"]
        )
        went = sum(found[name] for name in ("merchant_fees", "merchant_subsidies", "refunds", "disputes"))
        if (
            came - went - found["reserve_change"]
            != whole(shown["closing"], "closing") + found["payout_amount"]
        ):
            raise StatementError("opening, lines, closing and payout do not add up")
        self._check_carried(shown, found["payout_amount"])
        frame = self._frame
        return Statement(
            shown, len(self._seen), len(self._entries), len(frame.trees), frame.signed_at, frame.key_id
        )

    def _check_carried(self, shown: Mapping[str, Any], payout: int) -> None:
        """Refuse a settlement that keeps back what it had to pay out. Raises ``StatementError``."""
        minimum = whole(self._header.get("minimum_payout", 0), "minimum_payout")
        if "minimum_payout" not in self._header and shown["opening"] > 0:
            raise StatementError("it carries over what would have been paid out")
        if shown["closing"] >= max(minimum, 1) or (payout and shown["closing"]):
            raise StatementError("it carries over what would have been paid out")
        if 0 < payout < minimum:
            raise StatementError(f"it pays out less than the {minimum} fen that its terms say")

    def _own_entries(self, shown: Mapping[str, Any]) -> list[Entry]:
        """What the batch itself booked, of each kind once. Raises ``StatementError`` for another's."""
        found = [self._named(name) for name in self._header["entries"]]
        about = {
            "settlement": shown["id"],
            "reserve_released": shown["id"],
            "payout_instructed": shown["payout"],
        }
        if len({entry.kind for entry in found}) != len(found):
            raise StatementError("it stands on two entries of one kind")
        for entry in found:
            if about.get(entry.kind) != entry.about:
                raise StatementError(f"an entry of the kind {entry.kind} is not about this settlement")
            if entry.day != shown["date"]:
                raise StatementError(f"its date is {shown['date']}, and it was booked on {entry.day}")
        if shown["payout"] is not None and "payout_instructed" not in {entry.kind for entry in found}:
            raise StatementError("its payout was not booked")
        return found

    def _entry(self, content: Mapping[str, Any]) -> None:
        name, tree = content["entry"], self._frame.trees.get(content["in_tree"])
        if tree is None:
            raise StatementError(f"the tree {content['in_tree']} of the entry {name} is not in the statement")
        text = "\n".join(content["content"])
        leaf = hashlib.sha256(b"\x00" + hashlib.sha256(text.encode()).digest()).digest()
        path = [base64.b64decode(one, validate=True) for one in content["path"]]
        if (
            _root_of_path(leaf, whole(content["position"], "position") - tree.first, tree.size, path)
            != tree.root
        ):
            raise StatementError(f"the entry {name} is not under the tree {content['in_tree']}")
        self._entries[name] = entry_of(name, content["content"], mode=self._mode, merchant=self._merchant)

    def _line(self, line: Mapping[str, Any], names: Sequence[str]) -> None:
        name, kind = line["id"], line["kind"]
        if name in self._seen or line["entry"] not in names:
            raise StatementError(f"the line {name} stands there twice, or on other entries than it says")
        if self._used & set(names) or len(set(names)) != len(names):
            raise StatementError(f"the line {name} stands on an entry that counts already")
        self._seen.add(name)
        self._used.update(names)
        entries = [self._named(one) for one in names]
        check_line(line, entries)
        figure, sign = SIGNS[kind]
        if kind in PENDING:
            self._pending += sum(entry.sums["merchant_pending"] for entry in entries)
        self._figures[figure] += sign * line["amount"]
        self._figures["merchant_fees"] -= line["merchant_fee"]
        self._figures["merchant_subsidies"] -= line["merchant_subsidy"]

    def _named(self, entry: str) -> Entry:
        if entry not in self._entries:
            raise StatementError(f"the entry {entry} is missing")
        return self._entries[entry]


def _root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root to which a path leads (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        raise StatementError("its place is outside of the tree")
    found, rest, last = leaf, iter(path), size - 1
    while last:
        if index % 2 or index < last:
            other = next(rest, b"")
            pair = other + found if index % 2 else found + other
            found = hashlib.sha256(b"\x01" + pair).digest()
        index, last = index // 2, last // 2
    if next(rest, None) is not None:
        raise StatementError("its path is too long")
    return found


def _numbered(path: str | PathLike[str]) -> Iterator[tuple[int, Mapping[str, Any], bytes]]:
    with open(path, "rb") as file:
        for at, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
            if len(line) > LONGEST_LINE:
                raise StatementError(
                    f"line {at} is not of a statement: it has more than {LONGEST_LINE} bytes"
                )
            yield at, _parsed(line, at), line


def _parsed(line: bytes, at: int) -> Mapping[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise StatementError(f"line {at} is not of a statement: it is not a JSON object")
    return content


def _public_keys(text: str) -> dict[str, Any]:
    """Ed25519 keys by id, from PEM. Raises ``StatementError`` where there is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    found = {}
    for part in PEM.findall(text):
        try:
            key = load_pem_public_key(part.encode())
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, Ed25519PublicKey):
            raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
            found[hashlib.sha256(raw).hexdigest()[:16]] = key
    if not found:
        raise StatementError("there is no Ed25519 public key in PEM among the keys")
    return found


def _check_signature(
    public: Mapping[str, Any], signature: Mapping[str, Any], content: bytes, what: str
) -> None:
    from cryptography.exceptions import InvalidSignature

    key = public.get(signature["key_id"])
    if key is None or signature["algorithm"] != "Ed25519":
        raise StatementError(f"{what} is signed by the key {signature['key_id']}, which is not among yours")
    try:
        key.verify(base64.b64decode(signature["signature"], validate=True), content)
    except (InvalidSignature, ValueError):
        raise StatementError(f"the signature of {what} does not match: it was changed") from None
