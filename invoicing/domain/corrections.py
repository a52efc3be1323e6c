"""Correcting invoices: an issued invoice is never edited, it is corrected by a document of its own (art. 106j).

A correction states the document it corrects, the reason, the state before and after and the difference; a further one
starts from the state that the latest one left. Tax in PLN is restated at the original's rate, because the tax point is
still the original's. Corrections have a series of their own, the seller's with `K` before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from invoicing.domain.exchange import ExchangeRate
from invoicing.domain.invoices import CorrectionOf, Exchange, Invoice, InvoiceLine, Party, RateRow, Reference, exchanged
from invoicing.domain.split_payment import demands_split_payment
from invoicing.domain.tax import PricedLine, VatRate, totals
from invoicing.errors import DataFault, Fault

CORRECTION_PREFIX = "K"


def correction_series(template: str) -> str:
    """Series template of the corrections of a series: `FV/{number}/{year}` gives `KFV/{number}/{year}`."""
    return f"{CORRECTION_PREFIX}{template}"


@dataclass(frozen=True, slots=True)
class Change:
    """What a correction changes, and why; what is not given stays as the latest document states it.

    `rate` is needed only where the original stated no tax in PLN and its correction has to.
    """

    reason_key: str
    reason_text: str | None = None
    lines: tuple[InvoiceLine, ...] | None = None
    buyer: Party | None = None
    buyer_is_company: bool | None = None
    exemption_basis: str | None = None
    rate: ExchangeRate | None = None


def plan_correction(
    latest: Invoice,
    original: Invoice,
    *,
    sequence: int,
    number: str,
    issued_on: date,
    change: Change,
    decision: int | None = None,
) -> Invoice:
    """The correction of `original` that leads from the state of `latest` to what the change says.

    Raises `DataFault("nothing_to_correct")` when before and after are the same.
    """
    after_lines = latest.lines if change.lines is None else change.lines
    after_buyer = change.buyer or latest.buyer
    if not differs(latest, after_lines, after_buyer):
        raise DataFault("nothing_to_correct", [Fault("lines", "missing")])
    rates = rates_of(after_lines, latest)
    exchange = _exchange(latest, rates, change.rate)
    business = latest.buyer_is_company if change.buyer_is_company is None else change.buyer_is_company
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
            "buyer_is_company": business,
            "exemption_basis": latest.exemption_basis or change.exemption_basis,
            "exchange": exchange,
            "split_payment": latest.split_payment or _splits(after_lines, gross, latest.currency, exchange, business),
            "decision": decision,
            "amount_due": max(gross - latest.gross, Decimal(0)),
            "due_on": None,
            "correction": CorrectionOf(
                number=original.number,
                issued_on=original.issued_on,
                reason_key=change.reason_key,
                reason_text=change.reason_text,
                before_lines=latest.lines,
                before_rates=latest.rates,
                before_net=latest.net,
                before_vat=latest.vat,
                before_gross=latest.gross,
                difference_rates=_difference(latest.rates, rates),
                difference_net=net - latest.net,
                difference_vat=vat - latest.vat,
                difference_gross=gross - latest.gross,
                follows=None
                if latest.correction is None
                else Reference(number=latest.number, issued_on=latest.issued_on),
                before_buyer=None if _printed(after_buyer) == _printed(latest.buyer) else latest.buyer,
            ),
        }
    )


def differs(latest: Invoice, lines: Sequence[InvoiceLine], buyer: Party) -> bool:
    """Whether a document with these lines and this buyer says anything else than the latest one."""
    return tuple(lines) != latest.lines or _printed(buyer) != _printed(latest.buyer)


def reason_of(before: Sequence[InvoiceLine], after: Sequence[InvoiceLine]) -> str:
    """The one of `CORRECTION_REASONS` that tells what changed; `other` for several things at once, `data` for names."""
    if tuple(before) == tuple(after):
        return "data"
    if len(before) != len(after):
        return "other"
    changed = {
        key for old, new in zip(before, after, strict=True) for key, names in _ASPECTS if _apart(old, new, names)
    }
    return changed.pop() if len(changed) == 1 else "other"


_ASPECTS = (
    ("data", ("description", "unit")),
    ("price", ("unit_price",)),
    ("quantity", ("quantity",)),
    ("discount", ("discount_percent", "discount_amount")),
    ("rate", ("vat_rate",)),
)


def _apart(old: InvoiceLine, new: InvoiceLine, names: Sequence[str]) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in names)


def _printed(party: Party) -> Party:
    """What of a party stands on the document: all but the address that it is mailed to."""
    return party.model_copy(update={"email": None})


def _splits(
    lines: Sequence[InvoiceLine], gross: Decimal, currency: str, exchange: Exchange | None, business: bool
) -> bool:
    rate = None if exchange is None else exchange.rate
    return demands_split_payment(lines, gross, currency, rate, to_business=business)


def _exchange(latest: Invoice, rates: Sequence[RateRow], rate: ExchangeRate | None) -> Exchange | None:
    known = latest.exchange or rate
    return None if known is None else exchanged(rates, known)


def is_zeroed(invoice: Invoice) -> bool:
    """Whether nothing is left of what was sold."""
    return zeroed(invoice.lines) == invoice.lines


def zeroed(lines: Sequence[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """The same lines with nothing sold."""
    return tuple(
        line.model_copy(update={"quantity": Decimal(0), "value": Decimal("0.00"), "discount_amount": Decimal(0)})
        for line in lines
    )


def rates_of(lines: Sequence[InvoiceLine], invoice: Invoice) -> tuple[RateRow, ...]:
    """Totals of each rate of lines in the prices and the currency of an invoice."""
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
