"""Whether what wFirma has is what was wanted: the record, the sum, the bytes.

Guarantee: nothing is adopted or stored before it passed here, and every difference stops the round at once, because
trying again cannot cure it: a person repairs or deletes the document in wFirma, or attaches another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from io import BytesIO

from invoicing.domain.money import amount_text
from invoicing.errors import DataFault, Fault
from invoicing.gateways.wfirma.judgement import unusable
from invoicing.gateways.wfirma.wanted import CORRECTION, Wanted
from invoicing.gateways.wfirma.wire import Record, amount, listed, related, text

SMALLEST = 400
"""Bytes below which no file is an invoice."""

DIFFERS = "issuer_invoice_differs"
TOTAL_DIFFERS = "issuer_total_differs"
DOCUMENT_DIFFERS = "issuer_document_differs"


def demand_wanted(wanted: Wanted, record: Record) -> None:
    """Type, buyer, currency and total, to the grosz. Raises `DataFault`."""
    detail = record.get("contractor_detail")
    claims = {
        "type": text(record, "type") == wanted.kind,
        "id_external": text(record, "id_external") == wanted.id_external,
        "currency": text(record, "currency") == wanted.currency,
        "contractor": wanted.buyer is None or (isinstance(detail, Mapping) and wanted.buyer.is_on(detail)),
        "parent": wanted.kind != CORRECTION or related(record, "parent") == wanted.parent_id,
        "fullnumber": bool(text(record, "fullnumber")),
    }
    _demand(claims)
    if amount(record, "total") not in wanted.totals:
        raise DataFault(TOTAL_DIFFERS, [Fault("wfirma.total", "bad_format")])


def demand_echo(record: Record, price_type: str, paid: Decimal, rates: Mapping[str, Decimal]) -> None:
    """An add's answer shows what was taken, because wFirma ignores silently what it does not know.

    Kind of prices, money paid, and the gross sum of each rate by wFirma's id of the rate, as far as rates were named.
    Raises `DataFault`.
    """
    found: dict[str, Decimal | None] = {}
    for row in listed(record.get("vat_contents"), "vat_content"):
        found[related(row, "vat_code")] = amount(row, "brutto")
    _demand(
        {
            "price_type": text(record, "price_type") == price_type,
            "alreadypaid": paid in {amount(record, "alreadypaid"), amount(record, "alreadypaid_initial")},
            "vat_contents": not rates or found == dict(rates),
        }
    )


def _demand(claims: Mapping[str, bool]) -> None:
    if wrong := [name for name, holds in claims.items() if not holds]:
        raise DataFault(DIFFERS, [Fault(f"wfirma.{name}", "bad_format") for name in wrong])


def dated(record: Record) -> date:
    """The day of issue. Raises `DataFault`."""
    try:
        return date.fromisoformat(text(record, "date"))
    except ValueError:
        raise DataFault(DIFFERS, [Fault("wfirma.date", "bad_format")]) from None


def demand_document(content: bytes, numbers: Iterable[str], total: Decimal | None, currency: str) -> None:
    """The file opens, and its text holds these numbers and this amount.

    Raises `ConnectivityFault` for bytes that are no whole PDF, which another download may cure, and `DataFault` for a
    document that says something else.
    """
    if len(content) < SMALLEST or b"%%EOF" not in content[-1024:]:
        raise unusable("wFirma: the document is cut off", write=False)
    from pypdf import PdfReader  # with what it brings 13 MiB, only for who reads documents of others
    from pypdf.errors import PyPdfError

    try:
        written = "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        # A reader of broken files may stumble anywhere; what it says may quote the file.
        raise unusable("wFirma: the document cannot be read", write=False) from None
    missing = ["number" for number in numbers if _bare(number) not in _bare(written)]
    if total is not None and not holds_amount(written, total, currency):
        missing.append("total")
    if missing:
        raise DataFault(DOCUMENT_DIFFERS, [Fault(f"wfirma.pdf.{name}", "missing") for name in dict.fromkeys(missing)])


def holds_amount(written: str, value: Decimal, currency: str) -> bool:
    """Whether a text holds an amount, thousands set apart or not, with comma or dot.

    A space before it may part thousands as well as columns, so `1 398,52` holds 398.52 too.
    """
    whole, _, part = amount_text(abs(value), currency).partition(".")
    groups = [whole[max(end - 3, 0) : end] for end in range(len(whole), 0, -3)][::-1]
    begins, ends = r"(?<![0-9])(?<![0-9][.,'’])", r"\s?[.,]\s?" + part + "(?![0-9])"
    return re.search(begins + r"[\s.,'’]?".join(groups) + ends, written) is not None


def _bare(written: str) -> str:
    return "".join(written.split()).casefold()
