"""What the answer about a document holds beside what was asked: defaults, numbers, lines, rates, amounts.

Field names and defaults are those of recorded answers; a rate is named by its id alone. Source: wFirma API v2,
"invoices".
"""

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

from invoicing.sandbox.wfirma.arithmetic import Line, Sums, VatCode, money, taxed
from invoicing.sandbox.wfirma.books import Books, unset
from invoicing.sandbox.wfirma.envelope import Tree, relation, text
from invoicing.sandbox.wfirma.numbering import Series

COPIED = {
    "disposaldate_format": "day",
    "disposaldate_empty": "0",
    "paymentmethod": "transfer",
    "currency": "PLN",
    "price_type": "netto",
    "type_of_sale": "",
    "auto_send": "0",
    "template": "3",
    "description": "",
    "register_description": "",
    "schema": "normal",
    "schema_bill": "0",
    "schema_cancelled": "0",
    "id_external": "",
    "tags": "",
}
"""Text fields that a request may write, with wFirma's defaults."""


def heading(books: Books, given: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Tree:
    """Fields that are taken as written, over the old record or over wFirma's defaults."""
    today = books.today().isoformat()
    defaults = {**COPIED, "date": today, "disposaldate": today, "paymentdate": today, "alreadypaid_initial": ""}
    old = {name: before[name] for name in defaults} if before else defaults
    return {**old, **{name: text(given[name]) for name in defaults if text(given.get(name))}}


def content_record(books: Books, document_id: str, content: Mapping[str, Any], line: Line, gross: bool) -> Tree:
    """One line as answered. The rate is named by its id alone; the written ``vat`` is not echoed."""
    sums, stamp = taxed(line.value, line.code.rate, gross), books.stamp()
    return {
        "id": books.ids.take(),
        "name": text(content.get("name")),
        "classification": text(content.get("classification")),
        "unit": text(content.get("unit")) or "szt.",
        "count": f"{line.count:.4f}",
        "unit_count": f"{line.count:.4f}",
        "price": f"{line.price:.2f}",
        "price_modified": "0",
        "discount": text(content.get("discount")) or "1",
        "discount_percent": f"{line.discount:.2f}",
        "netto": f"{sums.net:.2f}",
        "brutto": f"{sums.gross:.2f}",
        "lumpcode": text(content.get("lumpcode")),
        "gtu": text(content.get("gtu")),
        "created": stamp,
        "modified": stamp,
        "good": {"id": 0},
        "invoice": {"id": document_id},
        "vat_code": {"id": line.code.id},
        "parent": {"id": relation(content, "parent") or 0},
        **unset("fixed_asset", "equipment", "warehouse_document_content"),
    }


def vat_contents(books: Books, document_id: str, rates: Mapping[VatCode, Sums]) -> list[Tree]:
    return [
        {
            "id": books.ids.take(),
            "object_name": "Invoice",
            "object_id": document_id,
            "netto": f"{sums.net:.2f}",
            "tax": f"{sums.tax:.2f}",
            "brutto": f"{sums.gross:.2f}",
            "created": books.stamp(),
            "vat_code": {"id": code.id},
        }
        for code, sums in rates.items()
    ]


def numbered(books: Books, series: Series, on: date) -> Tree:
    """The number, taken now."""
    number = books.next_number(series, on)
    return {
        "number": str(number),
        "day": str(on.day),
        "month": str(on.month),
        "year": str(on.year),
        "day_year": str(on.timetuple().tm_yday),
        "fullnumber": series.written(number, on),
        "semitemplatenumber": series.half_written(on),
        "series": {"id": series.id},
    }


def frame(books: Books, document_id: str) -> Tree:
    """Fields of every document that no request writes."""
    company, stamp = books.company, books.stamp()
    return {
        "interest_status": "",
        "warehouse_type": "simple",
        "correction_type": "",
        "formal_data_corrections": "0",
        "currency_exchange": "1.0000",
        "currency_label": "",
        "currency_date": "",
        "price_currency_exchange": "1.0000",
        "header": "",
        "footer": "",
        "user_name": "",
        "bill_legal_description": "",
        "hash": hashlib.md5(document_id.encode(), usedforsecurity=False).hexdigest(),
        "notes": "0",
        "documents": "0",
        "created": stamp,
        "modified": stamp,
        "company_detail": {
            "id": books.ids.take(),
            "name": company.name,
            "altname": company.name,
            "nip": company.nip,
            "country": "Polska",
            "created": stamp,
            "modified": stamp,
        },
        **unset("contractor_receiver", "order", "email", "email2", "expense", "company_account", "payment_cashbox"),
        **unset("postivo_shipment", "warehouse", "good_price_group", "invoice_pef_document"),
    }


def amounts(sums: Sums) -> Tree:
    return {
        "total": f"{money(sums.gross):.2f}",
        "total_composed": f"{money(sums.gross):.2f}",
        "netto": f"{money(sums.net):.2f}",
        "tax": f"{money(sums.tax):.2f}",
    }
