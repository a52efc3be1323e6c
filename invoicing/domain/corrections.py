"""Correcting invoices: an issued invoice is never edited, it is corrected by a document of its own (art. 106j).

A correction states the document it corrects, the reason, the state before and after and the difference; a further one
starts from the state that the latest one left. Tax in PLN is restated at the original's rate, because the tax point is
still the original's. Corrections have a series of their own, the seller's with `K` before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from invoicing.domain.invoices import CorrectionOf, Invoice, InvoiceLine, Party, RateRow, exchanged
from invoicing.domain.tax import PricedLine, VatRate, totals
from invoicing.errors import DataFault, Fault

CORRECTION_PREFIX = "K"


def correction_series(template: str) -> str:
    """Series template of the corrections of a series: `FV/{number}/{year}` gives `KFV/{number}/{year}`."""
    return f"{CORRECTION_PREFIX}{template}"


def plan_correction(
    latest: Invoice,
    original: Invoice,
    *,
    sequence: int,
    number: str,
    issued_on: date,
    reason_key: str,
    lines: Sequence[InvoiceLine] | None = None,
    buyer: Party | None = None,
    reason_text: str | None = None,
) -> Invoice:
    """The correction that leads from the state of `latest` to these lines and this buyer; what is not given stays.

    Raises `DataFault("nothing_to_correct")` when before and after are the same.
    """
    after_lines = latest.lines if lines is None else tuple(lines)
    after_buyer = buyer or latest.buyer
    if after_lines == latest.lines and after_buyer == latest.buyer:
        raise DataFault("nothing_to_correct", [Fault("lines", "missing")])
    rates = _rates(after_lines, latest)
    net, vat, gross = (sum((getattr(r, n) for r in rates), Decimal(0)) for n in ("net", "vat", "gross"))
    return latest.model_copy(
        update={
            "sequence": sequence,
            "kind": "correction",
            "number": number,
            "issued_on": issued_on,
            "lines": after_lines,
            "rates": rates,
            "net": net,
            "vat": vat,
            "gross": gross,
            "buyer": after_buyer,
            "exchange": None if latest.exchange is None else exchanged(rates, latest.exchange),
            "correction": CorrectionOf(
                number=original.number,
                issued_on=original.issued_on,
                reason_key=reason_key,
                reason_text=reason_text,
                before_lines=latest.lines,
                before_rates=latest.rates,
                before_net=latest.net,
                before_vat=latest.vat,
                before_gross=latest.gross,
                difference_rates=_difference(latest.rates, rates),
                difference_net=net - latest.net,
                difference_vat=vat - latest.vat,
                difference_gross=gross - latest.gross,
                before_buyer=None if after_buyer == latest.buyer else latest.buyer,
            ),
        }
    )


def zeroed(lines: Sequence[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """The same lines with nothing sold: a line cannot be removed, it is corrected to zero."""
    return tuple(
        line.model_copy(update={"quantity": Decimal(0), "value": Decimal("0.00"), "discount_amount": Decimal(0)})
        for line in lines
    )


def _rates(lines: Sequence[InvoiceLine], invoice: Invoice) -> tuple[RateRow, ...]:
    priced = [
        PricedLine(
            description=line.description,
            quantity=line.quantity,
            unit=line.unit,
            unit_price=line.unit_price,
            vat_rate=line.vat_rate,
            discount_percent=line.discount_percent,
            discount_amount=line.discount_amount,
        )
        for line in lines
    ]
    sums = totals(priced, invoice.prices, invoice.currency)
    return tuple(RateRow(rate=row.rate, net=row.net, vat=row.vat, gross=row.gross) for row in sums.rates)


def _difference(before: Sequence[RateRow], after: Sequence[RateRow]) -> tuple[RateRow, ...]:
    old, new = ({row.rate: row for row in rows} for rows in (before, after))
    return tuple(
        RateRow(
            rate=rate,
            net=_of(new, rate, "net") - _of(old, rate, "net"),
            vat=_of(new, rate, "vat") - _of(old, rate, "vat"),
            gross=_of(new, rate, "gross") - _of(old, rate, "gross"),
        )
        for rate in VatRate
        if rate in old or rate in new
    )


def _of(rows: dict[VatRate, RateRow], rate: VatRate, name: str) -> Decimal:
    row = rows.get(rate)
    return Decimal(0) if row is None else Decimal(getattr(row, name))
