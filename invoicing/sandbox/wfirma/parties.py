"""Contractors: adding, editing, and the snapshot of one on a document."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from invoicing.sandbox.wfirma.books import Books, unset
from invoicing.sandbox.wfirma.envelope import Tree, text

WRITABLE = tuple(
    """name altname tax_id_type nip regon street zip city country different_contact_address contact_name contact_street
    contact_zip contact_city contact_country contact_person phone skype fax email url description buyer seller
    discount_percent payment_days payment_method account_number affiliated_entity remind tags""".split()
)
DEFAULTS = {
    "tax_id_type": "nip",
    "country": "PL",
    "different_contact_address": "0",
    "buyer": "1",
    "seller": "0",
    "discount_percent": "0.00",
    "payment_days": "7",
    "affiliated_entity": "0",
    "remind": "1",
}
TAX_ID_TYPES = ("nip", "vat", "pesel", "regon", "custom", "none")
DETAIL = "tax_id_type name nip street zip city country phone email account_number discount_percent".split()
WEIGHTS = (6, 5, 7, 2, 3, 4, 5, 6, 7)


def error(name: str, message: str, method: str = "require") -> Tree:
    """One validation error as wFirma spells it."""
    return {"field": name, "message": message, "method": {"name": method, "parameters": ""}}


def fields(given: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Tree:
    """Known fields of a request over what was there before, or over the defaults."""
    told = {name: text(given[name]) for name in WRITABLE if name in given}
    made = {**dict.fromkeys(WRITABLE, ""), **DEFAULTS, **{n: v for n, v in (before or {}).items() if n in WRITABLE}}
    made.update(told)
    made["altname"] = made["altname"] or made["name"]
    return made


def faults(contractor: Mapping[str, Any]) -> list[Tree]:
    """What wFirma refuses in a contractor."""
    names = {"name": "nazwy", "street": "ulicy", "zip": "kodu pocztowego", "city": "miejscowości"}
    found = [error(name, f"Nie podano {said}.") for name, said in names.items() if not contractor[name]]
    kind = contractor["tax_id_type"]
    if kind not in TAX_ID_TYPES:
        found.append(error("tax_id_type", "Niedozwolona wartość.", "inList"))
    if kind == "nip" and not is_nip(contractor["nip"]):
        found.append(error("nip", "Nieprawidłowy numer NIP.", "nip"))
    if contractor["email"] and "@" not in contractor["email"]:
        found.append(error("email", "Nieprawidłowy adres e-mail.", "email"))
    return found


def is_nip(number: str) -> bool:
    """Ten digits whose checksum fits."""
    digits = [int(sign) for sign in re.sub("[ -]", "", number) if sign.isdigit()]
    return len(digits) == 10 and sum(w * d for w, d in zip(WEIGHTS, digits, strict=False)) % 11 == digits[9]


def stored(books: Books, contractor: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Tree:
    """The whole record of a contractor that passed."""
    number = before["id"] if before else books.ids.take()
    created = before["created"] if before else books.stamp()
    record = {
        "id": number,
        **contractor,
        "hash": hashlib.md5(number.encode(), usedforsecurity=False).hexdigest(),
        "source": "Własne",
        "notes": "0",
        "documents": "0",
        "visibility": "visible",
        "created": created,
        "modified": books.stamp(),
        **unset("reference_company", "translation_language", "company_account", "good_price_group"),
        **unset("vat_code", "invoice_description", "shop_buyer"),
    }
    books.contractors[number] = record
    return record


def detail(books: Books, contractor: Mapping[str, Any]) -> Tree:
    """The snapshot that a document keeps; later edits of the contractor do not change it."""
    stamp = books.stamp()
    copied = {name: contractor[name] for name in DETAIL}
    return {"id": books.ids.take(), **copied, "empty": "0", "simple": "0", "created": stamp, "modified": stamp}
