"""What an account calls things: ids of VAT rates, of its series, of translation languages.

Looked up, never assumed, and remembered for an hour; what was not found is asked for again. Source: wFirma API v2,
"vat_codes", "series", "translation_languages".
"""

from __future__ import annotations

from datetime import datetime, timedelta

from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.tax import VatRate
from invoicing.errors import SettingsFault
from invoicing.gateways.wfirma import wire
from invoicing.gateways.wfirma.client import WfirmaAccount, WfirmaClient
from invoicing.gateways.wfirma.wire import Record, text
from invoicing.ports import Clock

KEEP = timedelta(hours=1)
ALL = 100

RATES = {
    VatRate.STANDARD: "23",
    VatRate.REDUCED_8: "8",
    VatRate.REDUCED_5: "5",
    VatRate.ZERO: "0",
    VatRate.EXEMPT: "ZW",
    VatRate.OUTSIDE_POLAND: "NP",
    VatRate.EU_SERVICE: "NPUE",
    VatRate.REVERSE_CHARGE: "VAT_BUYER",
}
"""wFirma's codes of our rates."""

LANGUAGES = {
    "en": ("en", "pol-ang", "angiel", "english"),
    "fr": ("fr", "pol-fra", "francus", "french"),
    "ru": ("ru", "pol-ros", "rosyjs", "russian"),
    "ar": ("ar", "pol-ara", "arabs", "arabic"),
}
"""A language's code, and how its translation may be named."""


OTHER_KINDS = frozenset(
    """normal margin proforma offer receipt_normal receipt_fiscal_normal income_normal bill proforma_bill offer_bill
    receipt_bill receipt_fiscal_bill income_bill correction""".split()
)
"""Kinds of documents that a series may be kept for; a word that is none of them is no reason to pass a series over."""


class Catalogue:
    """Look-ups with a memory, apart for each account."""

    def __init__(self, client: WfirmaClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[tuple[str, ...], tuple[datetime, dict[str, str]]] = {}

    async def rate(self, account: WfirmaAccount, rate: VatRate) -> str:
        """The id of a rate. Raises `SettingsFault` when the account has no such rate."""
        key = (account.access_key, account.company_id or "", "vat_codes")
        known = self._remembered(key)
        if RATES[rate] not in known:
            asked = wire.search("vat_codes", {"declaration_country_id": "0"}, ALL)
            answer = await self._client.read(account, "vat_codes/find", asked)
            records = answer.records("vat_codes", "vat_code")
            known = self._remember(key, {text(record, "code").upper(): text(record, "id") for record in records})
        if found := known.get(RATES[rate]):
            return found
        wrong = fault("vat_status", FaultCode.ISSUER_NOT_READY)
        raise SettingsFault("issuer_settings", f"wFirma offers no rate {RATES[rate]}", faults=[wrong])

    async def series(self, account: WfirmaAccount, name: str, kind: str) -> str:
        """The id of the series of that name for this kind of document. Raises `SettingsFault` when there is none."""
        key = (account.access_key, account.company_id or "", "series", name, kind)
        known = self._remembered(key)
        if not known:
            answer = await self._client.read(account, "series/find", wire.search("series", {"name": name}))
            records = answer.records("series", "series")
            fitting = [record for record in records if text(record, "type") not in OTHER_KINDS - {kind}]
            known = self._remember(key, {text(record, "name"): text(record, "id") for record in fitting})
        if known.get(name):
            return known[name]
        raise SettingsFault(
            "issuer_settings",
            "wFirma has no series of the name in the expert's settings for his kind of invoice",
            faults=[fault("invoice_series", FaultCode.ISSUER_NOT_READY)],
        )

    async def language(self, account: WfirmaAccount, code: str) -> str:
        """The id of the translation beside Polish; empty for Polish alone, or when wFirma offers none."""
        if code not in LANGUAGES:
            return ""
        key = (account.access_key, account.company_id or "", "languages")
        known = self._remembered(key)
        if not known:
            asked = wire.search("translation_languages", {}, ALL)
            answer = await self._client.read(account, "translation_languages/find", asked)
            records = answer.records("translation_languages", "translation_language")
            known = self._remember(key, {wanted: _translation(records, wanted) for wanted in LANGUAGES})
        return known.get(code, "")

    def forget(self, account: WfirmaAccount) -> None:
        """Ask anew: wFirma has refused something that was remembered."""
        kept = {key: value for key, value in self._kept.items() if key[0] != account.access_key}
        self._kept = kept

    def _remembered(self, key: tuple[str, ...]) -> dict[str, str]:
        until, values = self._kept.get(key, (self._clock(), {}))
        return values if self._clock() < until else {}

    def _remember(self, key: tuple[str, ...], values: dict[str, str]) -> dict[str, str]:
        self._kept[key] = (self._clock() + KEEP, values)
        return values


def _translation(records: tuple[Record, ...], wanted: str) -> str:
    code, *words = LANGUAGES[wanted]
    for record in records:
        written = [value.casefold() for value in record.values() if isinstance(value, str)]
        if text(record, "code").casefold().replace("-", "_").split("_")[0] == code:
            return text(record, "id")
        if any(word in value for word in words for value in written):
            return text(record, "id")
    return ""
