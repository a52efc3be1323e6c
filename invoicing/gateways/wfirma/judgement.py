"""What wFirma's status codes and validation errors mean for a case.

Guarantee: a write is called not done only where wFirma says so by a code that it finds before it stores anything;
every other code, a crash of its own and running out of time among them, leaves a write unknown. Texts of wFirma are
never passed on: they may quote the buyer. Source: wFirma API v2, "status codes" and "validation errors"; the classes
are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from invoicing.domain.faults import FaultCode
from invoicing.errors import (
    ConnectivityFault,
    DataFault,
    Fault,
    InternalFault,
    OutcomeUnknown,
    PaidcaseError,
    SettingsFault,
    Throttled,
)
from invoicing.gateways.wfirma.wire import Answer, listed, text

OK = "OK"
NOT_FOUND = "NOT FOUND"
REFUSED = "ERROR"
LOCKED = "AUTH FAILED LIMIT WAIT 5 MINUTES"
LOCK = timedelta(minutes=5)
PAUSE_AT_LIMIT = timedelta(seconds=60)

KEYS = (
    Fault("wfirma.access_key", FaultCode.ISSUER_NOT_READY.value),
    Fault("wfirma.secret_key", FaultCode.ISSUER_NOT_READY.value),
)
SETTINGS: Mapping[str, tuple[Fault, ...]] = {
    "AUTH": KEYS,
    LOCKED: (),
    "ACCESS DENIED": KEYS[:1],
    "DENIED SCOPE REQUESTED": KEYS[:1],
    "COMPANY ID REQUIRED": (Fault("wfirma.company_id", FaultCode.MISSING.value),),
}
"""What the expert must change; a locked key may be right, so nothing of it is."""

OUT_OF_SERVICE = "OUT OF SERVICE"
RESTORED = "SNAPSHOT LOCK"
"""Of one company alone, whose data are being restored from a backup."""
TURNED_AWAY = "TOTAL REQUESTS LIMIT EXCEEDED"
RAN_OUT = "TOTAL EXECUTION TIME LIMIT EXCEEDED"
OUR_BUGS = frozenset({"INPUT ERROR", "ACTION NOT FOUND"})
MISSING_SAID_IN_POLISH = re.compile("nie (istnieje|znaleziono|odnaleziono)", re.IGNORECASE)
"""Now and then a sentence stands where NOT FOUND should."""

OF_THE_ACCOUNT = frozenset("series series_id type template lumpcode company_account warehouse_type".split())
"""Fields whose refusal the expert cures in wFirma or in his settings, not the buyer in his data."""

PATHS = {
    "contractor": {
        "name": "billing_data.name",
        "nip": "billing_data.tax_id",
        "tax_id_type": "billing_data.tax_id",
        "street": "billing_data.street",
        "zip": "billing_data.postal_code",
        "city": "billing_data.city",
        "country": "billing_data.country",
        "email": "billing_data.email",
    },
    "invoicecontent": {
        "name": "description",
        "unit": "unit",
        "count": "quantity",
        "price": "unit_price",
        "discount": "discount_percent",
        "discount_percent": "discount_percent",
        "vat": "vat_rate",
        "vat_code": "vat_rate",
    },
    "invoice": {"currency": "currency", "contractor": "billing_data", "invoicecontents": "lines"},
}
"""Our field for each of theirs, by the branch in which the error stands."""

CODES = {
    "nip": FaultCode.BAD_NIP,
    "zip": FaultCode.BAD_POSTAL_CODE,
    "email": FaultCode.BAD_EMAIL,
    "country": FaultCode.BAD_COUNTRY,
    "vat": FaultCode.UNKNOWN_VAT_RATE,
    "vat_code": FaultCode.UNKNOWN_VAT_RATE,
    "currency": FaultCode.CURRENCY_NOT_SUPPORTED,
}


def refusal(answer: Answer, *, write: bool, pause: timedelta | None) -> PaidcaseError | None:
    """The error that an answer means; None for OK and NOT FOUND, which the caller reads."""
    code = answer.code
    if code == OK or is_missing(answer):
        return None
    if code == REFUSED:
        return _validation(answer)
    if code in SETTINGS:
        return SettingsFault("issuer_settings", f"wFirma: {code}", faults=SETTINGS[code])
    if code == OUT_OF_SERVICE:
        return ConnectivityFault("provider_maintenance", f"wFirma: {code}", retry_after=pause)
    if code == RESTORED:
        return ConnectivityFault("account_maintenance", f"wFirma: {code}", retry_after=pause)
    if code == TURNED_AWAY or (code == RAN_OUT and not write):
        return Throttled("provider_limit", f"wFirma: {code}", retry_after=pause or PAUSE_AT_LIMIT)
    if code == RAN_OUT:
        return unusable(f"wFirma: {code}", write=True, pause=pause or PAUSE_AT_LIMIT)
    if code in OUR_BUGS:
        return InternalFault("internal", f"wFirma: {code}")
    return unusable("wFirma: FATAL" if code == "FATAL" else "wFirma: an unknown status", write=write, pause=pause)


def unusable(message: str, *, write: bool, pause: timedelta | None = None) -> PaidcaseError:
    """No answer, or none that can be believed: a read may be asked again, a write may have happened."""
    if write:
        return OutcomeUnknown("issuer_outcome_unknown", message, retry_after=pause)
    return ConnectivityFault("issuer_unreachable", message, retry_after=pause)


def is_missing(answer: Answer) -> bool:
    """wFirma has no such object."""
    return answer.code == NOT_FOUND or bool(MISSING_SAID_IN_POLISH.search(answer.code))


def _validation(answer: Answer) -> PaidcaseError:
    found = tuple(dict.fromkeys(_errors(answer.document, "", None)))
    # One such field is enough: a document of the wrong kind draws refusals of its lines behind it.
    if of_the_account := sorted({name for _, _, name, _ in found} & OF_THE_ACCOUNT):
        return SettingsFault("issuer_settings", f"wFirma refuses {', '.join(of_the_account)}")
    faults = [_fault(branch, line, name, method) for branch, line, name, method in found]
    return DataFault("invoice_data_refused", faults or [Fault("billing_data", FaultCode.BAD_FORMAT.value)])


def _errors(node: Any, branch: str, line: int | None) -> Iterator[tuple[str, int | None, str, str]]:
    """Every error of the document: branch, number of the line, field, method."""
    if not isinstance(node, Mapping):
        return
    for error in listed(node.get("errors"), "error"):
        method = error.get("method")
        yield branch, line, text(error, "field"), text(method, "name") if isinstance(method, Mapping) else ""
    for key, value in node.items():
        if key == "invoicecontents" and isinstance(value, Mapping):
            for number, part in value.items():
                if number.isdigit():
                    yield from _errors(part, "invoicecontents", int(number))
        elif key not in {"errors", "status"}:
            yield from _errors(value, branch if key.isdigit() else key, line)


def _fault(branch: str, line: int | None, name: str, method: str) -> Fault:
    known = PATHS.get(branch, {}).get(name)
    safe = name if re.fullmatch("[a-z_]{1,40}", name) else "field"
    path = known or f"wfirma.{safe}"
    if branch == "invoicecontent" and known:
        path = f"lines[{line or 0}].{known}"
    code = FaultCode.MISSING if method == "require" else CODES.get(name, FaultCode.BAD_FORMAT)
    return Fault(path, code.value)
