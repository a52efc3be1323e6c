"""What one company keeps at wFirma: contractors, series, documents, payments. Records are kept as they are answered."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from invoicing.sandbox.clock import Clock
from invoicing.sandbox.wfirma.accounts import Company
from invoicing.sandbox.wfirma.arithmetic import Line, money
from invoicing.sandbox.wfirma.envelope import Tree
from invoicing.sandbox.wfirma.numbering import DEFAULT_SERIES, Series

WARSAW = ZoneInfo("Europe/Warsaw")
LANGUAGES = (("1", "pol-ang", "polsko-angielski", "en"), ("2", "pol-fra", "polsko-francuski", "fr"),
             ("3", "pol-niem", "polsko-niemiecki", "de"), ("4", "pol-ros", "polsko-rosyjski", "ru"))  # fmt: skip


@dataclass
class Document:
    """An issued document: its answer, the lines it was computed from, and what a correction of it must know."""

    record: Tree
    lines: dict[str, Line]
    created_at: datetime
    corrected_by: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.record["id"])

    @property
    def id_external(self) -> str:
        return str(self.record["id_external"])


class Ids:
    """Ids are handed out over all companies, as wFirma does; never used twice."""

    def __init__(self, first: int = 32_361_257) -> None:
        self._next = first

    def take(self) -> str:
        self._next += 1
        return str(self._next)


class Books:
    """The books of one company."""

    def __init__(self, company: Company, ids: Ids, clock: Clock) -> None:
        self.company = company
        self.ids = ids
        self._clock = clock
        self.contractors: dict[str, Tree] = {}
        self.documents: dict[str, Document] = {}
        self.payments: dict[str, Tree] = {}
        self.series: dict[int, Series] = {series.id: series for series in DEFAULT_SERIES}
        self.deleted: list[Document] = []

    def now(self) -> datetime:
        return self._clock.now()

    def today(self) -> date:
        """The day by which documents are dated."""
        return self.now().astimezone(WARSAW).date()

    def stamp(self) -> str:
        return self.now().astimezone(WARSAW).strftime("%Y-%m-%d %H:%M:%S")

    def series_for(self, kind: str) -> Series:
        """The series of a document whose request names none."""
        family = "correction" if kind == "correction" else "proforma" if kind.startswith("proforma") else "normal"
        if kind.endswith("bill") and family == "normal":
            family = "bill"
        return next(series for series in self.series.values() if series.type == family)

    def next_number(self, series: Series, on: date) -> int:
        period = series.period(on)
        taken = (
            int(document.record["number"])
            for document in self.documents.values()
            if document.record["series"]["id"] == series.id
            and series.period(date.fromisoformat(document.record["date"])) == period
        )
        return series.next_number(taken)

    def shown(self, document: Document) -> Tree:
        """A document as answered now: paid state and KSeF fields are those of this moment."""
        record = dict(document.record)
        total, paid = Decimal(record["total"]), Decimal(record["alreadypaid"])
        record["remaining"] = f"{money(total - paid):.2f}"
        record["paymentstate"] = "paid" if paid >= total else "unpaid"
        record["corrections"] = str(len(document.corrected_by))
        return {**record, **self._ksef(document)}

    def _ksef(self, document: Document) -> Mapping[str, str]:
        after = self.company.ksef_seconds
        if after is None or document.record["type"].endswith(("_draft", "bill")):
            return {}
        accepted = document.created_at + timedelta(seconds=after)
        if self.now() < accepted:
            return {"ksef_status": "sent", "ksef_reference_number": "", "ksef_registration_date": ""}
        local = accepted.astimezone(WARSAW)
        mark = hashlib.sha256(document.id.encode()).hexdigest()[:12].upper()
        return {
            "ksef_status": "accepted",
            "ksef_reference_number": f"{self.company.nip}-{local:%Y%m%d}-{mark[:6]}-{mark[6:]}-00",
            "ksef_registration_date": f"{local:%Y-%m-%d %H:%M:%S}.000",
        }

    def in_ksef(self, document: Document) -> bool:
        return bool(self._ksef(document))

    def all_shown(self) -> Iterator[Tree]:
        """Documents in the order of their ids."""
        return (self.shown(document) for document in self.documents.values())


def unset(*names: str) -> dict[str, Any]:
    """Relations that point nowhere."""
    return {name: {"id": 0} for name in names}
