"""What the stage plays with: documents of the specification, canaries for personal data, waiting without sleeping."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from examples.documents import COMPANY as BUYER
from examples.documents import EXPERT, case_document
from invoicing.domain.cases import CaseDocument

__all__ = ["BUYER", "EXPERT"]

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that `until` waits unless told otherwise."""

PAID = {"method": "external", "reference": "TR-2026-11-22", "paid_at": "2026-11-22T10:00:00Z"}
"""Payment of a case that arrives paid."""

PERSONAL = (
    "Przykład", "Przyk\\u0142ad", "5260250274", "Jasna", "00-013", "faktury@example.com", "anna@example.com",
    "Jan Przyk", "1234563218", "Prosta 1", "00-001", "ekspert@example.com", "PL61109010140000071219812874",
    "61109010140000071219812874", "Konsultacja prawna", "payment/continue",
)  # fmt: skip
"""What must never be met in a history, an id or a search attribute: names, addresses, tax ids, mails, payers' links."""


class Overdue(AssertionError):
    """What a test waited for did not come."""


async def until(condition: Callable[[], Awaitable[T | None]], what: str, within: float = PATIENCE) -> T:
    """The first true answer of a condition; `Overdue` after so many seconds."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        found = await condition()
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise Overdue(f"within {within} s: {what}")
        await asyncio.sleep(0.03)


def document(case_id: str, *, paid: bool = False, **changes: Any) -> CaseDocument:
    """The case of the specification, to be paid through the gateway or already paid."""
    payment = dict(PAID) if paid else {"method": "autopay"}
    return CaseDocument.model_validate(case_document(**{"case_id": case_id, "payment": payment, **changes}))


def personal_data_in(raw: bytes) -> list[str]:
    """Which canaries are met in raw bytes."""
    text = raw.decode("utf-8", errors="replace")
    return [canary for canary in PERSONAL if canary in text]
