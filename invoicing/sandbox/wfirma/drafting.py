"""Checking a document: kind, dates, buyer, lines; what is wrong is told in the branch where it is.

Unknown fields are ignored, and so are values that only wFirma may set. Source: wFirma API v2, "invoices",
"validation errors".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from invoicing.sandbox.wfirma import parties
from invoicing.sandbox.wfirma.accounts import Refusal
from invoicing.sandbox.wfirma.arithmetic import NO_VAT, VAT_CODES, Line, VatCode
from invoicing.sandbox.wfirma.books import Books
from invoicing.sandbox.wfirma.envelope import Reply, Tree, entries, relation, text
from invoicing.sandbox.wfirma.parties import error

OF_VAT_PAYERS = tuple(
    "normal margin proforma offer receipt_normal receipt_fiscal_normal income_normal normal_draft".split()
)
OF_OTHERS = tuple("bill proforma_bill offer_bill receipt_bill receipt_fiscal_bill income_bill".split())
CORRECTION = "correction"
PAYMENT_METHODS = ("cash", "transfer", "compensation", "cod", "payment_card")
DATES = ("date", "disposaldate", "paymentdate")


@dataclass
class Draft:
    """A document being checked."""

    given: Mapping[str, Any]
    errors: list[Tree] = field(default_factory=list)
    party: Tree = field(default_factory=dict)
    party_errors: list[Tree] = field(default_factory=list)
    contents: list[Tree] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    line_errors: dict[int, list[Tree]] = field(default_factory=dict)

    def fault(self, name: str, message: str, method: str = "require") -> None:
        self.errors.append(error(name, message, method))

    def demand_sound(self) -> None:
        """Raise the refusal when anything is wrong: the input echoed, errors in the branch that failed."""
        if not (self.errors or self.party_errors or self.line_errors):
            return
        echo: Tree = {name: text(value) for name, value in self.given.items() if not isinstance(value, dict | list)}
        if isinstance(party := self.given.get("contractor"), dict):
            told = {name: text(value) for name, value in party.items()}
            echo["contractor"] = {**told, **({"errors": self.party_errors} if self.party_errors else {})}
        echo["invoicecontents"] = [
            {
                **{name: text(value) for name, value in content.items()},
                **({"errors": self.line_errors[at]} if at in self.line_errors else {}),
            }
            for at, content in enumerate(self.contents)
        ]
        if self.errors:
            echo["errors"] = self.errors
        raise Refusal(Reply("ERROR", "invoices", (echo,)))


def check_heading(books: Books, draft: Draft) -> None:
    """Type, dates, method of payment, buyer."""
    given = draft.given
    kind = kind_of(books, given)
    if kind not in (OF_VAT_PAYERS if books.company.vat_payer else OF_OTHERS):
        draft.fault("type", "Niedozwolony rodzaj dokumentu.", "inList")
    for name in DATES:
        if (written := text(given.get(name))) and _date(written) is None:
            draft.fault(name, "Nieprawidłowy format daty.", "date")
    if text(given.get("paymentmethod")) not in ("", *PAYMENT_METHODS):
        draft.fault("paymentmethod", "Niedozwolona wartość.", "inList")
    if text(given.get("price_type")) not in ("", "netto", "brutto"):
        draft.fault("price_type", "Niedozwolona wartość.", "inList")
    if series_id := relation(given, "series"):
        series = books.series.get(int(series_id)) if series_id.isdigit() else None
        if series is None:
            draft.fault("series", "Nie istnieje taka seria numeracji.", "exists")
    _check_party(books, draft)


def _check_party(books: Books, draft: Draft) -> None:
    known = relation(draft.given, "contractor")
    if known:
        if known in books.contractors:
            draft.party = books.contractors[known]
        else:
            draft.fault("contractor", "Nie istnieje taki kontrahent.", "exists")
        return
    inline = draft.given.get("contractor")
    if not isinstance(inline, dict):
        draft.fault("contractor", "Nie podano kontrahenta.")
        return
    draft.party = {"id": "0", **parties.fields(inline)}
    draft.party_errors = parties.faults(draft.party)


def check_lines(books: Books, draft: Draft) -> None:
    """Name, numbers and rate of every line."""
    draft.contents = [item for item in entries(draft.given.get("invoicecontents"), "invoicecontents")]
    if not draft.contents:
        draft.fault("invoicecontents", "Dokument nie ma pozycji.")
    for at, content in enumerate(draft.contents):
        found: list[Tree] = []
        if not text(content.get("name")):
            found.append(error("name", "Nie podano nazwy."))
        count, price = _number(content, "count", "1", 4, found), _number(content, "price", "", 2, found)
        discount = _number(content, "discount_percent", "0", 2, found)
        if text(content.get("discount", "1")) == "0":
            discount = Decimal(0)
        code = rate_of(books, content)
        if code is None:
            found.append(error("vat", "Nieprawidłowa stawka VAT.", "exists"))
        if found:
            draft.line_errors[at] = found
        elif code is not None:
            draft.lines.append(Line(count, price, discount, code))


def rate_of(books: Books, content: Mapping[str, Any]) -> VatCode | None:
    """The rate that a line names by its code or by its id in the catalogue; sellers without VAT have one."""
    if not books.company.vat_payer:
        return NO_VAT
    named, code = relation(content, "vat_code"), text(content.get("vat")).upper()
    if named:
        return next((found for found in VAT_CODES if str(found.id) == named and found is not NO_VAT), None)
    return next((found for found in VAT_CODES if found.code == code and found is not NO_VAT), None)


def _number(content: Mapping[str, Any], name: str, default: str, digits: int, found: list[Tree]) -> Decimal:
    written = text(content.get(name)) or default
    try:
        number = Decimal(written.replace(",", "."))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        found.append(error(name, "Nieprawidłowa wartość liczbowa.", "numeric"))
        return Decimal(0)
    return number.quantize(Decimal(1).scaleb(-digits))


def _date(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if len(written) == 10 else None
    except ValueError:
        return None


def kind_of(books: Books, given: Mapping[str, Any]) -> str:
    return text(given.get("type")) or ("normal" if books.company.vat_payer else "bill")


def is_gross(given: Mapping[str, Any]) -> bool:
    return text(given.get("price_type")) == "brutto"
