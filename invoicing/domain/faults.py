"""Fault codes of bad input, and how a shape error of Pydantic becomes one of them.

A fault names a field by its path in the document that the caller sent (`lines[0].unit_price`) and a code of this
closed set; the edges turn the code into a sentence in the reader's language.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import ValidationError

from invoicing.errors import Fault


class FaultCode(StrEnum):
    """Every way in which a document can be wrong (SPEC section 6)."""

    MISSING = "missing"
    UNKNOWN_FIELD = "unknown_field"
    BAD_FORMAT = "bad_format"
    TOO_LONG = "too_long"
    BAD_CHARACTERS = "bad_characters"
    BAD_NIP = "bad_nip"
    BAD_VAT_NUMBER = "bad_vat_number"
    BAD_POSTAL_CODE = "bad_postal_code"
    BAD_EMAIL = "bad_email"
    BAD_COUNTRY = "bad_country"
    BAD_IBAN = "bad_iban"
    UNKNOWN_VAT_RATE = "unknown_vat_rate"
    VAT_RATE_NOT_ALLOWED = "vat_rate_not_allowed"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AMOUNT_TOO_LARGE = "amount_too_large"
    CURRENCY_NOT_SUPPORTED = "currency_not_supported"
    EXPERT_UNKNOWN = "expert_unknown"
    EXPERT_INCOMPLETE = "expert_incomplete"
    ISSUER_NOT_READY = "issuer_not_ready"
    KSEF_REQUIRED = "ksef_required"


UNION_TAGS = frozenset({"#data", "#reference", "#autopay", "#external"})
"""Tags by which Pydantic names the branch of a union in a location; they are no fields."""

_BY_PYDANTIC_TYPE = {
    "missing": FaultCode.MISSING,
    "extra_forbidden": FaultCode.UNKNOWN_FIELD,
    "string_too_long": FaultCode.TOO_LONG,
    "too_long": FaultCode.TOO_LONG,
}


def fault(field: str, code: FaultCode) -> Fault:
    """A fault of the closed set."""
    return Fault(field, code.value)


def shape_faults(error: ValidationError, prefix: str = "") -> tuple[Fault, ...]:
    """All faults of a Pydantic error, each once, in the order of the document."""
    faults: dict[tuple[str, str], Fault] = {}
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        code = _BY_PYDANTIC_TYPE.get(item["type"], FaultCode.BAD_FORMAT)
        found = fault(_path(item["loc"], prefix), code)
        faults[found.field, found.code] = found
    return tuple(faults.values())


def _path(location: tuple[int | str, ...], prefix: str) -> str:
    path = prefix
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part in UNION_TAGS:
            continue
        elif path:
            path += f".{part}"
        else:
            path = part
    return path
