"""How the text of a setting is read: each function gives the value, or raises ``ValueError`` with what is wanted.

What is secret is refused in words that do not repeat it: ``WrongSetting`` instead of ``ValueError``.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit


class WrongSetting(SystemExit):
    """A setting cannot be used; the message names the variable, the value and what is wanted."""


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from ``low`` to ``high``."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(text)

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    """One of these words."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError("expected one of " + ", ".join(choices))
        return text

    return read


def name(text: str) -> str:
    """A name of letters, digits, ``_`` and ``-``."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", text):
        raise ValueError("expected letters, digits, _ and -, such as demo_bank")
    return text


def function(text: str) -> str:
    """``MODULE:FUNCTION``, or nothing."""
    if text and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
        raise ValueError("expected MODULE:FUNCTION, such as mybank.fenqi:adapters")
    return text


def challengers(text: str) -> tuple[tuple[str, str, int], ...]:
    """``NAME=FOLDER:SHARE``, parted by commas; the share is in basis points."""
    named = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([A-Za-z0-9_-]{1,40})=(.+):(\d{1,5})", entry)
        if match is None or not 1 <= int(match[3]) <= 10_000 or match[1] == "champion":
            raise ValueError(
                "expected NAME=FOLDER:SHARE with a share of 1 to 10000, such as autumn=/models/autumn:2000"
            )
        if not Path(match[2]).is_dir():
            raise ValueError(f"{match[2]} is not a folder")
        named.append((match[1], match[2], int(match[3])))
    if len({entry[0] for entry in named}) != len(named):
        raise ValueError("a name appears twice")
    return tuple(named)


def truth(text: str) -> bool:
    """``1`` or ``0``."""
    choices = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in choices:
        raise ValueError("expected 1 or 0")
    return choices[text.lower()]


def origin(text: str) -> str:
    """Scheme and host, without a path."""
    parts = urlsplit(text)
    if (
        parts.scheme not in ("http", "https")
        or not parts.netloc
        or parts.path not in ("", "/")
        or parts.query
    ):
        raise ValueError("expected an origin such as https://pay.example.com")
    return f"{parts.scheme}://{parts.netloc}"


def counter(text: str) -> str:
    """Where requests are counted."""
    if text not in ("memory", "off") and urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("expected memory, off, or an address such as redis://127.0.0.1:6379/0")
    return text


def ports(text: str) -> tuple[int, ...]:
    """Numbers of ports, parted by commas."""
    named = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= 65535 for part in named):
        raise ValueError("expected ports with commas between them, such as 443,8443")
    return tuple(int(part) for part in named)


def token(text: str) -> str:
    """A secret of 20 characters or more, or nothing."""
    if text and not (len(text) >= 20 and text.isascii() and text.isprintable() and " " not in text):
        raise WrongSetting(
            "FENQI_METRICS_TOKEN cannot be used: expected 20 or more random characters, without spaces"
        )
    return text


def origin_with_key(text: str) -> str:
    """An origin that a secret key is sent to, or nothing."""
    return _with_key(origin(text)) if text else ""


def loopback_origin(text: str) -> str:
    """An origin on this machine, or nothing."""
    if text and urlsplit(origin(text)).hostname not in ("127.0.0.1", "::1", "localhost"):
        raise ValueError("expected an address on this machine, such as http://127.0.0.1:8410")
    return text and origin(text)


def address_with_key(text: str) -> str:
    """An address that a secret key is sent to, or nothing."""
    parts = urlsplit(text)
    if text and (parts.query or parts.fragment or parts.username or not parts.netloc):
        raise ValueError("expected an address such as https://real-name.example/v1")
    return _with_key(text.rstrip("/")) if text else ""


def _with_key(url: str) -> str:
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError("expected https, because the secret key is sent along; http only on this machine")
    return url


def folder(text: str) -> str:
    """An absolute folder that exists, or nothing."""
    if text and not (Path(text).is_absolute() and Path(text).is_dir()):
        raise ValueError("expected a folder that exists, such as /mnt/shared")
    return text


def spark_master(text: str) -> str:
    """The master of a Spark cluster that this process can reach by PySpark and Java, or nothing."""
    if not text:
        return text
    if not text.startswith(("spark://", "k8s://", "yarn", "local")):
        raise ValueError("expected the master of a Spark cluster, such as spark://host:7077")
    if find_spec("pyspark") is None:
        raise ValueError("PySpark is not installed: pip install 'fenqi-gateway[spark]'")
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=f"{home}/bin" if home else None) is None:
        raise ValueError("there is no Java for Spark: install Java 17 (Debian: openjdk-17-jre-headless)")
    return text


def folder_or_address(text: str) -> str:
    """An absolute folder or an address, or nothing."""
    if not text or Path(text).is_absolute():
        return text
    parts = urlsplit(text)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and local)):
        return text
    raise ValueError("expected a folder such as /mnt/roots, or an https address; http only on this machine")


def institution_key(mode: str, *, other: str) -> Callable[[str], str]:
    """A secret key of ``mode``; one that names the other mode is refused, in words that do not show it."""

    def read(text: str) -> str:
        if f"_{other}_" in text:
            raise WrongSetting(
                f"FENQI_INSTITUTION_{mode.upper()}_KEY cannot be used: it is a {other}-mode key"
            )
        return text

    return read


def portal_key(text: str) -> str:
    """A secret of 32 characters or more, or nothing."""
    if text and (len(text) < 32 or not text.isascii()):
        raise WrongSetting(
            "FENQI_PORTAL_KEY cannot be used: expected 32 characters or more, such as openssl rand -hex 32"
        )
    return text


def time_of_day(text: str) -> str:
    """Hours and minutes, as in ``23:00``."""
    hour, colon, minute = text.partition(":")
    if not (
        colon
        and text.isascii()
        and hour.isdigit()
        and minute.isdigit()
        and int(hour) < 24
        and int(minute) < 60
    ):
        raise ValueError("expected a time of day such as 23:00")
    return text
