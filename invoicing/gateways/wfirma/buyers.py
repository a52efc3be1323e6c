"""The buyer as wFirma's contractor: found by tax number or by name and address, added, kept in step.

An edit reaches only future documents, because an issued one keeps its own snapshot. A contractor whose add lost its
answer is found next time; at worst the catalogue holds him twice, which no invoice suffers from, so a lost answer here
is a fault of the connection and never an unknown invoice.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from invoicing.domain.cases import BillingData
from invoicing.domain.parties import EU
from invoicing.errors import ConnectivityFault, DataFault, Fault, OutcomeUnknown
from invoicing.gateways.wfirma import wire
from invoicing.gateways.wfirma.client import WfirmaAccount, WfirmaClient
from invoicing.gateways.wfirma.wire import Record, text

NO_CODE = "-"
"""wFirma demands a postal code; some countries have none."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """A contractor's fields by their wFirma names."""

    name: str
    tax_id_type: str
    nip: str
    street: str
    zip: str
    city: str
    country: str
    email: str

    def is_on(self, detail: Record) -> bool:
        """Whether a document's snapshot shows this buyer: by tax number, or by name where there is none."""
        if self.nip:
            return bare_number(text(detail, "nip"), self.country) == bare_number(self.nip, self.country)
        return not bare_number(text(detail, "nip"), "") and squeezed(text(detail, "name")) == squeezed(self.name)


def buyer_of(billing: BillingData) -> Buyer:
    """The contractor that billing data describe. Raises `DataFault` when they did not pass validation."""
    if not (billing.name and billing.street and billing.city and billing.country):
        raise DataFault("invoice_facts_incomplete", [Fault("billing_data", "missing")])
    number, country = billing.tax_id if billing.kind == "company" else None, billing.country
    kind, written = "none", ""
    if number and country == "PL":
        kind, written = "nip", bare_number(number, country)
    elif number and country in EU:
        kind, written = "vat", _prefix(country) + bare_number(number, country)
    elif number:
        kind, written = "custom", number.strip()
    return Buyer(
        name=billing.name.strip(),
        tax_id_type=kind,
        nip=written,
        street=billing.street.strip(),
        zip=(billing.postal_code or "").strip() or NO_CODE,
        city=billing.city.strip(),
        country=country,
        email=(billing.email or "").strip(),
    )


class Contractors:
    """wFirma's catalogue of buyers."""

    def __init__(self, client: WfirmaClient) -> None:
        self._client = client

    async def kept_in_step(self, account: WfirmaAccount, buyer: Buyer) -> str:
        """The id of the contractor with exactly these data."""
        try:
            found = await self._found(account, buyer)
            if found is None:
                return await self._write(account, "contractors/add", buyer)
            if _same(found, buyer):
                return text(found, "id")
            return await self._write(account, f"contractors/edit/{text(found, 'id')}", buyer)
        except OutcomeUnknown as lost:
            raise ConnectivityFault("issuer_unreachable", lost.message, retry_after=lost.retry_after) from lost

    async def _found(self, account: WfirmaAccount, buyer: Buyer) -> Record | None:
        asked = {"nip": buyer.nip} if buyer.nip else {"name": buyer.name, "street": buyer.street, "city": buyer.city}
        answer = await self._client.read(account, "contractors/find", wire.search("contractors", asked))
        records = [
            record for record in answer.records("contractors", "contractor") if buyer.is_on(record) and _id(record)
        ]
        if not buyer.nip:
            records = [record for record in records if _address(record) == _address(asdict(buyer))]
        records.sort(key=lambda record: (not _same(record, buyer), _id(record)))
        return records[0] if records else None

    async def _write(self, account: WfirmaAccount, path: str, buyer: Buyer) -> str:
        fields = {name: value for name, value in asdict(buyer).items() if value or name == "nip"}
        body = wire.request("contractors", "contractor", {**fields, "buyer": "1"})
        answer = await self._client.write(account, path, body)
        for record in answer.records("contractors", "contractor"):
            if _id(record):
                return text(record, "id")
        raise ConnectivityFault("issuer_unreachable", "wFirma: no contractor in the answer")


def _id(record: Record) -> int:
    written = text(record, "id")
    return int(written) if written.isdigit() else 0


def _same(record: Record, buyer: Buyer) -> bool:
    told = {name: value for name, value in asdict(buyer).items() if value or name != "email"}
    return all(text(record, name) == value for name, value in told.items())


def _address(record: Record) -> tuple[str, ...]:
    return tuple(squeezed(text(record, name)) for name in ("street", "zip", "city"))


def _prefix(country: str) -> str:
    return "EL" if country == "GR" else country


def bare_number(number: str, country: str) -> str:
    """A tax number without signs between its characters and without its country."""
    bare = re.sub("[^0-9A-Z]", "", number.upper())
    return bare.removeprefix(_prefix(country)) if country else bare


def squeezed(written: str) -> str:
    """A text for comparing: case and white space do not count."""
    return " ".join(written.split()).casefold()
