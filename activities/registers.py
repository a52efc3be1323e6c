"""Asking public registers about a case or a seller, when this installation uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from invoicing.domain.numbering import issue_date
from invoicing.domain.records import Event, LogEntry
from invoicing.domain.registers import Answer, Question, Verdict
from invoicing.domain.state import Step
from invoicing.ports import Clock, TaxRegisters


class RegisterDesk:
    """Puts questions to the registers; without registers nothing is asked and nothing is denied."""

    def __init__(self, registers: TaxRegisters | None, clock: Clock) -> None:
        self._registers = registers
        self._clock = clock

    @property
    def used(self) -> bool:
        """Whether there is a register to ask."""
        return self._registers is not None

    async def answers(self, questions: Sequence[Question]) -> Mapping[Question, Answer]:
        """Every answer for today in Poland. Never within a transaction: a register may take seconds."""
        if self._registers is None or not questions:
            return {}
        on = issue_date(self._clock())
        told = await asyncio.gather(*(self._registers.ask(question, on) for question in questions))
        return dict(zip(questions, told, strict=True))

    def entries(self, case_id: str, answers: Mapping[Question, Answer]) -> tuple[LogEntry, ...]:
        """The inquiries for the activity log: what was asked, the verdict and the register's reference, no number."""
        now = self._clock()
        return tuple(
            LogEntry(
                case_id=case_id,
                event=Event.REGISTER_ASKED,
                at=now,
                step=Step.VALIDATE,
                details={"asked": question.asked.value, "verdict": answer.verdict.value}
                | ({} if answer.reference is None else {"reference": answer.reference}),
            )
            for question, answer in answers.items()
        )


def denied(answers: Mapping[Question, Answer]) -> frozenset[Question]:
    """The questions that a register answered with a definite no."""
    return frozenset(question for question, answer in answers.items() if answer.verdict is Verdict.DENIED)
