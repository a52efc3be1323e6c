"""Public registers of VAT payers."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from invoicing.domain.registers import Answer, Question


class TaxRegisters(Protocol):
    """The registers that this installation uses, and no others."""

    async def ask(self, question: Question, on: date) -> Answer:
        """The register's answer for a day in Poland; `unanswered` when it is away, slow, or not used. Never raises."""
