"""What VIES and the white list answer, read without believing more than is needed.

- VIES, REST: `GET {base}/ms/{country}/vat/{number}` answers `isValid`, `userError`, and a `requestIdentifier` when the
  asker named himself. Only `VALID` and `INVALID` are verdicts; every other `userError` (`MS_UNAVAILABLE`, `TIMEOUT`,
  `MS_MAX_CONCURRENT_REQ`, …) says that nobody looked.
- White list: `GET {base}/api/search/nip/{nip}?date=` answers `result.subject.statusVat`, no subject for an unknown NIP;
  `GET {base}/api/check/nip/{nip}/bank-account/{account}?date=` answers `result.accountAssigned` `TAK` or `NIE`.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from invoicing.domain.registers import Answer, Asked, Question, Verdict

UNANSWERED = Answer(Verdict.UNANSWERED)
ACTIVE = "Czynny"
NOT_ACTIVE = frozenset({"Zwolniony", "Niezarejestrowany"})
LONGEST_REFERENCE = 64


def vies_path(question: Question) -> str:
    """Path of an inquiry about an EU VAT number."""
    return f"/ms/{question.number[:2]}/vat/{question.number[2:]}"


def white_list_path(question: Question, on: date) -> str:
    """Path of an inquiry about a payer, or about an account of his."""
    if question.asked is Asked.PAYERS_ACCOUNT:
        return f"/api/check/nip/{question.number}/bank-account/{question.account}?date={on.isoformat()}"
    return f"/api/search/nip/{question.number}?date={on.isoformat()}"


def read_vies(question: Question, body: bytes) -> Answer:
    """The verdict, when the answer speaks of the number that was asked about."""
    told = _document(body)
    number = told.get("vatNumber")
    if number is not None and number != question.number[2:]:
        return UNANSWERED
    match told.get("isValid"), told.get("userError"):
        case True, "VALID":
            return Answer(Verdict.CONFIRMED, _reference(told.get("requestIdentifier")))
        case False, "INVALID":
            return Answer(Verdict.DENIED, _reference(told.get("requestIdentifier")))
    return UNANSWERED


def read_white_list(question: Question, body: bytes) -> Answer:
    """The verdict about a payer or his account."""
    result = _document(body).get("result")
    if not isinstance(result, dict):
        return UNANSWERED
    reference = _reference(result.get("requestId"))
    if question.asked is Asked.PAYERS_ACCOUNT:
        verdicts = {"TAK": Verdict.CONFIRMED, "NIE": Verdict.DENIED}
        return Answer(verdicts.get(str(result.get("accountAssigned")), Verdict.UNANSWERED), reference)
    if "subject" not in result:
        return UNANSWERED
    subject = result["subject"]
    if subject is None:
        return Answer(Verdict.DENIED, reference)
    if not isinstance(subject, dict) or subject.get("nip") != question.number:
        return UNANSWERED
    status = subject.get("statusVat")
    if status == ACTIVE:
        return Answer(Verdict.CONFIRMED, reference)
    return Answer(Verdict.DENIED if status in NOT_ACTIVE else Verdict.UNANSWERED, reference)


def _document(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _reference(value: object) -> str | None:
    """The register's own reference; anything that is not a short printable text is none."""
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_REFERENCE and value.isprintable() else None
