"""Values of settings: text in, value out. Each raises `ValueError` with what was expected instead."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([1-9][0-9]{0,6})(ms|s|m|h|d)")


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


LONGEST_VALIDITY = timedelta(days=31)
"""Autopay manual, "parameters": ValidityTime."""


def duration(text: str) -> timedelta:
    """`15m`, `2s`, `24h`, `3d` or `100ms`, at most ten years."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("expected a duration such as 15m, 2s, 24h or 3d")
    if match[2] == "ms":
        return timedelta(milliseconds=int(match[1]))
    found = timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    if found > timedelta(days=3650):
        raise ValueError("expected at most ten years")
    return found


def validity(text: str) -> timedelta:
    """A duration for which a payment may be open: the gateway shortens a longer one without a word."""
    found = duration(text)
    if found > LONGEST_VALIDITY:
        raise ValueError(f"expected at most {LONGEST_VALIDITY.days}d")
    return found


def amount(text: str) -> Decimal:
    """An amount that is not negative."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("expected an amount such as 0.10") from error
    if not value.is_finite() or value < 0:
        raise ValueError("expected an amount that is not negative")
    return value


def port(text: str) -> int:
    """A TCP port; 0 lets the system choose."""
    if not (text.isascii() and text.isdigit()) or not 0 <= int(text) <= 65535:
        raise ValueError("expected a port from 0 to 65535")
    return int(text)


def listening_address(text: str) -> str:
    """`IP:PORT`, on which this process listens."""
    host, _, number = text.rpartition(":")
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise ValueError("expected IP:PORT such as 127.0.0.1:9464") from error
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 65536):
        raise ValueError("expected IP:PORT such as 127.0.0.1:9464")
    return text


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A parser that takes the whole numbers between two, both included."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(text)

    return parse


def http_url(text: str) -> str:
    """An http or https address, without a slash at its end."""
    parts = urlsplit(text)
    try:
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("expected an address that begins with http:// or https://")
    return text.rstrip("/")


def origin(text: str) -> str:
    """Scheme, host and port of a web page, as a browser names it (RFC 6454 section 6.2)."""
    whole = http_url(text)
    parts = urlsplit(whole)
    if whole != text or whole != f"{parts.scheme}://{parts.netloc}".lower() or "@" in parts.netloc:
        raise ValueError("expected an origin such as https://temporal.example.com, without a path")
    return whole


def existing_file(text: str) -> Path:
    """A file that is there."""
    path = Path(text)
    if not path.is_file():
        raise ValueError("no such file")
    return path


def database_url(text: str) -> str:
    """The address of a supported database."""
    file = text.removeprefix("sqlite+aiosqlite:///")
    if not text.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")) or file in {"", ":memory:"}:
        raise ValueError("expected sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER@HOST/NAME")
    return text


def folder(text: str) -> str:
    """A folder as a path or a file:// address."""
    if "://" in text and not text.startswith("file://"):
        raise ValueError("expected a folder, as a path or a file:// address")
    return text


def one_of(*allowed: str) -> Callable[[str], str]:
    """A parser that takes one of these words."""

    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"expected one of {', '.join(allowed)}")
        return text.lower()

    return parse


def key_ring(text: str) -> tuple[tuple[str, bytes], ...]:
    """Comma-separated `id:` and base64 of 32 bytes."""
    keys = []
    for part in text.split(","):
        name, _, encoded = part.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise ValueError("expected a comma-separated list of id:base64 of 32 bytes") from error
        if not name or len(key) != 32:
            raise ValueError("expected a comma-separated list of id:base64 of 32 bytes")
        keys.append((name, key))
    return tuple(keys)


def version_word(text: str) -> str:
    """A name of a deployment or a build id; the server joins the two with a dot or a colon."""
    if not re.fullmatch(r"[A-Za-z0-9_+-]{1,100}", text):
        raise ValueError("expected 1 to 100 letters, digits and + _ -")
    return text
