"""Autopay services: which key, digest and address belong to a service id and to a currency.

Guarantee: one currency per service and one service per currency, checked when the registry is built; keys never show in
a `repr`. Source: Autopay online gateway manual, "hashing" and "environments" (one shared key and one currency per
ServiceID; the payment path is agreed at onboarding).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from invoicing.errors import SettingsFault


class HashKind(StrEnum):
    """Digests that a service may have been given; the manual's older ones are broken and not offered."""

    SHA256 = "sha256"
    SHA512 = "sha512"


@dataclass(frozen=True, slots=True)
class AutopayService:
    """One ServiceID. The first key signs, all of them verify, so that a key can be changed without a gap."""

    service_id: str
    currency: str
    keys: tuple[str, ...] = field(repr=False)
    hash: HashKind
    base_url: str
    payment_path: str = "/payment"

    def __post_init__(self) -> None:
        address = urlsplit(self.base_url)
        faults = {
            "service_id": re.fullmatch("[0-9]{1,10}", self.service_id),
            "currency": re.fullmatch("[A-Z]{3}", self.currency),
            "shared_key": self.keys and all(key.strip() for key in self.keys),
            "hash": self.hash in set(HashKind),
            "base_url": address.scheme in {"http", "https"}
            and address.hostname
            and not (address.username or address.query or address.fragment),
            # "//other.example/pay" after the host would still be a path, but nobody means that
            "payment_path": re.fullmatch(r"/(?!/)[^\s?#]*", self.payment_path),
        }
        if wrong := [name for name, right in faults.items() if not right]:
            raise SettingsFault("gateway_settings", f"Autopay service is not usable: {', '.join(wrong)}")

    def address(self, path: str) -> str:
        """Where a call goes: always under the configured address."""
        return self.base_url.rstrip("/") + path


class AutopayServices:
    """The configured services, found by currency (to start) and by service id (to verify)."""

    def __init__(self, services: Iterable[AutopayService]) -> None:
        known = tuple(services)
        self._by_currency = {service.currency: service for service in known}
        self._by_id = {service.service_id: service for service in known}
        if not len(known) == len(self._by_currency) == len(self._by_id):
            raise SettingsFault("gateway_settings", "two Autopay services share a currency or a service id")

    @property
    def currencies(self) -> frozenset[str]:
        """Currencies that can be paid in."""
        return frozenset(self._by_currency)

    def for_currency(self, currency: str) -> AutopayService:
        """The service of a currency. Raises `SettingsFault("autopay_disabled")` without one."""
        if service := self._by_currency.get(currency):
            return service
        raise SettingsFault("autopay_disabled", "no Autopay service is configured for this currency")

    def by_id(self, service_id: str) -> AutopayService:
        """The service of an id. Raises `SettingsFault("autopay_disabled")` without one."""
        if service := self._by_id.get(service_id):
            return service
        raise SettingsFault("autopay_disabled", "the Autopay service of this payment is not configured any more")

    def find(self, service_id: str) -> AutopayService | None:
        """The service that a message names, or None: an unknown one is no fault of ours."""
        return self._by_id.get(service_id)
