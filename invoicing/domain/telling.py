"""What an expert is told of his case, and which of it needs no telling any more once he knows the newer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from invoicing.domain.records import MailKind
from invoicing.domain.state import CaseState, InvoiceStatus


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing to tell: its kind, and which of that kind: of a failed round its number, else 1."""

    kind: MailKind
    number: int = 1


def end_of(state: CaseState) -> Telling:
    """That the case is done, or that the expert's own document is waited for."""
    by_hand = state.invoice.status is InvoiceStatus.MANUAL
    return Telling(MailKind.EXPERT_MANUAL if by_hand else MailKind.EXPERT_PAID)


def tellings(state: CaseState) -> tuple[Telling, ...]:
    """All that the expert may have been told so far, the newest first."""
    return (end_of(state), *_failed(state.invoice.round))


def overtaken(telling: Telling, state: CaseState) -> tuple[Telling, ...]:
    """What an expert who hears this need not be told: rounds that failed before the one that he hears of.

    Of an invoice that is available the present round has not failed.
    """
    if telling.kind is MailKind.EXPERT_FAILED:
        return _failed(telling.number - 1)
    return _failed(state.invoice.round - (state.invoice.status is InvoiceStatus.AVAILABLE))


def due_again(state: CaseState, waiting: Collection[Telling]) -> Telling:
    """Which of those that could not be mailed is mailed once more: the newest, and after the end only the end."""
    end, *failed = tellings(state)
    if state.expert_told:
        return end
    return next((one for one in (end, *failed) if one in waiting), failed[0])


def _failed(until: int) -> tuple[Telling, ...]:
    return tuple(Telling(MailKind.EXPERT_FAILED, number) for number in range(until, 0, -1))
