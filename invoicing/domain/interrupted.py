"""Runs that ended before their story did: cancelled, terminated, failed, deleted, or lost with Temporal's own data.

A case whose run is gone waits for a person like a parked step, under one of two codes: `run_cancelled` when the run
could say so itself, `run_lost` when only its absence was seen. Starting again from the database is always safe, because
every activity first gives back its recorded result. `LEFT` says for each place what becomes of money and documents.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from invoicing.domain.payments import AttemptState
from invoicing.domain.state import (
    Badge,
    CaseState,
    InvoiceStatus,
    Parked,
    PaymentStatus,
    Step,
    resumed,
    with_badges,
)
from invoicing.errors import Cause

CANCELLED = "run_cancelled"
LOST = "run_lost"
CODES = frozenset({CANCELLED, LOST})


class Place(StrEnum):
    """Where a run may end before its time."""

    CHECKING = "before a payment is opened"
    IN_DOUBT = "charge in doubt"
    WAITING = "waiting for the money"
    UNINVOICED = "paid, no invoice yet"
    STOPPED = "paid, invoice or data waiting for a person"
    UNMAILED = "invoice stored, mail or expert's notification to come"
    ENDED = "after its end"


UNANSWERED = frozenset({AttemptState.PREPARED, AttemptState.SENT})
"""States of an attempt of which it is not known whether the gateway has it."""


@dataclass(frozen=True, slots=True)
class Left:
    """What an interrupted run leaves: money, documents, what still happens by itself, and what a person presses.

    `alert` is False only where nothing of money or documents is open; `press` is None there, too.
    """

    money: str
    documents: str
    by_itself: str
    press: str | None
    alert: bool = True


_FOUND = "none is made; one whose answer was lost is looked for and adopted by the next run"

LEFT = MappingProxyType(
    {
        Place.CHECKING: Left(
            money="none has moved; a case that arrived paid keeps its claim",
            documents="none",
            by_itself="a press of the client starts the run again",
            press="regenerate_invoice",
        ),
        Place.IN_DOUBT: Left(
            money="the attempt stays as it is noted; the next run settles it before it opens another",
            documents="none",
            by_itself="money that came counts: its message starts the run again",
            press="regenerate_invoice",
        ),
        Place.WAITING: Left(
            money="the attempt stays open; the payer may still pay, and the link stays his",
            documents="none",
            by_itself="a message of the gateway, a press of the client or the daily comparison",
            press="regenerate_invoice",
        ),
        Place.UNINVOICED: Left(
            money="kept; nothing is given back without a decision",
            documents=_FOUND,
            by_itself="nothing",
            press="regenerate_invoice",
        ),
        Place.STOPPED: Left(
            money="kept; nothing is given back without a decision",
            documents=_FOUND,
            by_itself="nothing",
            press="regenerate_invoice",
        ),
        Place.UNMAILED: Left(
            money="kept",
            documents="the invoice stands and can be downloaded; its mail goes out once",
            by_itself="nothing",
            press="regenerate_invoice",
        ),
        Place.ENDED: Left(
            money="as it was; a refund under way is taken up again",
            documents="as they were",
            by_itself="decisions that the run had not carried out are handed over again",
            press=None,
            alert=False,
        ),
    }
)
"""The written table: `docs/runs.md` shows it, and a test compares the two."""


def place_of(state: CaseState, attempts: Collection[AttemptState] = ()) -> Place:
    """Where the run of a case with this record, and payment attempts in these states, would be met."""
    if state.closed:
        return Place.ENDED
    if state.invoiced:
        return Place.UNMAILED
    if state.paid:
        return Place.UNINVOICED if state.parked is None else Place.STOPPED
    if UNANSWERED & set(attempts):
        return Place.IN_DOUBT
    return Place.CHECKING if state.payment.status is PaymentStatus.NONE else Place.WAITING


def is_interrupted(state: CaseState) -> bool:
    """Whether the case waits for a person because its run is gone."""
    return state.parked is not None and state.parked.code in CODES


def unfinished_step(state: CaseState, place: Place) -> Step:
    """The step at which a new run has something to do."""
    if state.parked is not None:
        return state.parked.step
    match place:
        case Place.CHECKING:
            return Step.VALIDATE
        case Place.IN_DOUBT | Place.WAITING:
            return Step.CHARGE
        case Place.UNINVOICED | Place.STOPPED:
            return Step.INVOICE
        case Place.UNMAILED | Place.ENDED:
            return Step.EMAIL if state.invoice.status is InvoiceStatus.AVAILABLE else Step.NOTIFY


def interrupted(state: CaseState, code: str, place: Place) -> CaseState:
    """The run is gone: a person decides. Payment and invoice stay what they are, and nobody is told of a failure."""
    step = unfinished_step(state, place)
    faults = () if state.parked is None else state.parked.faults
    attempts = state.invoice.attempts if step is Step.INVOICE else 0
    why = Parked(step=step, cause=Cause.INTERNAL, code=code, attempts=attempts, faults=faults)
    return with_badges(state.model_copy(update={"parked": why, "closed": True}), add=(Badge.DECISION_NEEDED,))


def taken_up(state: CaseState) -> CaseState:
    """A run goes again: nothing waits for a person, and a failed round gets three fresh attempts."""
    return resumed(state).model_copy(update={"closed": False})
