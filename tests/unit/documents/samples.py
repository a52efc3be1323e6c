"""Invoices to draw, built through the same totals as real ones, and what a reader sees of a drawn one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

from pypdf import PdfReader

from invoicing.domain.invoices import CorrectionOf, Invoice, InvoiceLine, Party, RateRow
from invoicing.domain.tax import PricedLine, Prices, VatRate, totals

SELLER = Party(
    name="Jan Przykładowy Doradztwo",
    tax_id="1234563218",
    street="Prosta 1",
    postal_code="00-001",
    city="Warszawa",
    country="PL",
    email="ekspert@example.com",
    bank_account="PL61109010140000071219812874",
)
COMPANY = Party(
    name="Przykład sp. z o.o.",
    tax_id="5260250274",
    street="Jasna 6/3",
    postal_code="00-013",
    city="Warszawa",
    country="PL",
)
PERSON = Party(name="Anna Przykładowa", street="Długa 5", postal_code="31-146", city="Kraków", country="PL")
GERMAN = Party(
    name="Beispiel GmbH",
    tax_id="DE136695976",
    street="Unter den Linden 77",
    postal_code="10117",
    city="Berlin",
    country="DE",
)


def line(description: str = "Konsultacja prawna", rate: str = "23", **changes: Any) -> PricedLine:
    """A priced line: 1.5 hours at 240.00 unless told otherwise."""
    facts: dict[str, Any] = {"quantity": Decimal("1.5"), "unit": "godz.", "unit_price": Decimal("240.00")}
    return PricedLine(description=description, vat_rate=VatRate(rate), **{**facts, **changes})


def invoice(lines: Sequence[PricedLine] | None = None, **changes: Any) -> Invoice:
    """An invoice of these lines: the specification's example with its ten percent off unless told otherwise."""
    lines = [line(discount_percent=Decimal(10))] if lines is None else lines
    prices, currency = changes.get("prices", Prices.NET), changes.get("currency", "PLN")
    sums = totals(lines, prices, currency)
    facts: dict[str, Any] = {
        "case_id": "2026-000123",
        "number": "FV/1/11/2026",
        "issued_on": date(2026, 11, 24),
        "sold_on": date(2026, 11, 22),
        "paid_on": date(2026, 11, 23),
        "payment_reference": "9ABC12DEF3",
        "payment_method": "autopay",
        "currency": currency,
        "prices": prices,
        "seller": SELLER,
        "buyer": COMPANY,
        "buyer_is_company": True,
        "lines": tuple(
            InvoiceLine(
                description=each.description,
                quantity=each.quantity,
                unit=each.unit,
                unit_price=each.unit_price,
                discount_percent=each.discount_percent,
                discount_amount=each.discount_amount,
                vat_rate=each.vat_rate,
                value=each.value(currency),
            )
            for each in lines
        ),
        "rates": tuple(RateRow(rate=row.rate, net=row.net, vat=row.vat, gross=row.gross) for row in sums.rates),
        "net": sums.net,
        "vat": sums.vat,
        "gross": sums.gross,
    }
    return Invoice(**{**facts, **changes})


def correction(before: Sequence[PricedLine], after: Sequence[PricedLine], **changes: Any) -> Invoice:
    """A correction that takes an invoice of the first lines to the second ones."""
    own = ("reason_key", "reason_text", "before_buyer", "follows")
    said = {key: changes.pop(key) for key in own if key in changes}
    old, new = invoice(before, **changes), invoice(after, **changes)
    nothing = (Decimal("0.00"),) * 3
    sums = [{row.rate: (row.net, row.vat, row.gross) for row in drawn.rates} for drawn in (new, old)]
    rows = []
    for rate in VatRate:
        if rate in sums[0] or rate in sums[1]:
            net, vat, gross = (a - b for a, b in zip(*(part.get(rate, nothing) for part in sums), strict=True))
            rows.append(RateRow(rate=rate, net=net, vat=vat, gross=gross))
    corrected = CorrectionOf(
        number=old.number,
        issued_on=old.issued_on,
        before_lines=old.lines,
        before_rates=old.rates,
        before_net=old.net,
        before_vat=old.vat,
        before_gross=old.gross,
        difference_rates=tuple(rows),
        difference_net=new.net - old.net,
        difference_vat=new.vat - old.vat,
        difference_gross=new.gross - old.gross,
        **said,
    )
    facts = {"kind": "correction", "number": "FK/1/12/2026", "issued_on": date(2026, 12, 2), "correction": corrected}
    return new.model_copy(update=facts)


def read(pdf: bytes) -> PdfReader:
    """The document opened by a library that did not write it."""
    return PdfReader(BytesIO(pdf), strict=True)


def pages(pdf: bytes) -> list[str]:
    """Text of each page with every run of white space as one space."""
    return [" ".join(page.extract_text().split()) for page in read(pdf).pages]


def squeezed(text: str) -> str:
    """Text without white space, for comparing what was wrapped."""
    return "".join(text.split())
