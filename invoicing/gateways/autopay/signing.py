"""The hash of every Autopay message, in both directions.

Guarantee: hex of SHA-256 or SHA-512 over the present, non-empty values in their order, joined by `|`, the shared key
last; plain concatenation, UTF-8, nothing trimmed or reformatted. Comparison takes the same time wherever two hashes
differ and however many keys there are. Source: Autopay online gateway manual, "hashing".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from invoicing.gateways.autopay.registry import AutopayService, HashKind

SEPARATOR = "|"


def digest(values: Iterable[str], key: str, kind: HashKind = HashKind.SHA256) -> str:
    """Hash of a message; an empty value vanishes together with its separator, `"0"` does not."""
    joined = SEPARATOR.join((*(value for value in values if value), key))
    # Text of a query string may carry lone surrogates; they must give a wrong hash, not an exception.
    return hashlib.new(kind, joined.encode("utf-8", "surrogatepass")).hexdigest()


def sign(service: AutopayService, values: Iterable[str]) -> str:
    """Hash with the service's first key."""
    return digest(values, service.keys[0], service.hash)


def is_signed(service: AutopayService, values: Iterable[str], received: str) -> bool:
    """Whether any of the service's keys made this hash; case and surrounding whitespace of the hash do not matter."""
    told = received.strip().lower().encode("utf-8", "surrogatepass")
    taken = tuple(values)
    fits = [hmac.compare_digest(digest(taken, key, service.hash).encode(), told) for key in service.keys]
    return any(fits)
