"""The failure record: one failed attempt of one step, as the activity log keeps it.

A record is a line of the log with a cause. What was and was not done is written when the attempt fails, from the state
record of that moment, so that it stays true whatever becomes of the case later. No personal data in any field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from invoicing.domain.consequences import AnswerClass, Documents, Money
from invoicing.domain.failures import FAILURES, documents_after, known_code, money_after
from invoicing.domain.invoices import Fact
from invoicing.domain.processes import Process, process_of
from invoicing.domain.records import Event, LogEntry
from invoicing.domain.state import CaseState, Step
from invoicing.errors import Cause

_ANSWERS: Mapping[str, AnswerClass] = MappingProxyType(
    {
        "Refused": AnswerClass.REFUSED,
        "ConnectivityFault": AnswerClass.UNREACHABLE,
        "Throttled": AnswerClass.LATER,
        "OutcomeUnknown": AnswerClass.LOST,
    }
)
_BY_CAUSE = MappingProxyType(
    {
        Cause.CONNECTIVITY: AnswerClass.UNREACHABLE,
        Cause.LIMIT: AnswerClass.LATER,
        Cause.PAYMENT: AnswerClass.REFUSED,
    }
)
_SAID_NO = frozenset({"invoice_data_refused", "issuer_settings", "platform_key_refused", "gateway_settings"})
_SAID_LATER = frozenset({"provider_maintenance", "account_maintenance", "provider_limit", "mail_deferred"})
_LOST = frozenset({"step_timed_out", "run_cancelled"})
_OURS = frozenset({"database_unavailable", "document_store"})

PART_OF_A_PARK = frozenset({Event.PARKED, Event.PAYMENT_DOUBTFUL, Event.STEP_FAILED})
"""Events that tell again of the attempt before them."""

FAULTS = 20


class Failure(Fact):
    """One failed attempt. `money` and `documents`: what was and was not done; None in lines of older versions."""

    case_id: str
    step: Step | None
    cause: Cause
    code: str
    attempt: int
    faults: tuple[tuple[str, str], ...] = ()
    outcome_known: bool = True
    process: Process = Process.CASE
    at: datetime | None = None
    answer: AnswerClass = AnswerClass.NOT_ASKED
    money: Money | None = None
    documents: Documents | None = None
    ended: bool = False


def answer_of(kind_of_error: str, code: str) -> AnswerClass:
    """What the other side said, by the class of the error and its code; by the code alone, where no class is known."""
    if code in _OURS:
        return AnswerClass.NOT_ASKED
    for codes, answer in (
        (_LOST, AnswerClass.LOST), (_SAID_NO, AnswerClass.REFUSED), (_SAID_LATER, AnswerClass.LATER),
    ):  # fmt: skip
        if code in codes:
            return answer
    if kind_of_error:
        return _ANSWERS.get(kind_of_error, AnswerClass.NOT_ASKED)
    kind = FAILURES[known_code(code)]
    return AnswerClass.LOST if kind.unknown else _BY_CAUSE.get(kind.cause, AnswerClass.NOT_ASKED)


def recorded(
    code: str,
    state: CaseState | None,
    step: Step | None,
    answer: AnswerClass,
    *,
    outcome_known: bool = True,
    refunding: bool = False,
    faults: Sequence[tuple[str, str]] = (),
) -> dict[str, str]:
    """The details of a log line that make it a failure record."""
    kind = FAILURES[known_code(code)]
    details = {"answer": answer.value, "outcome": "known" if outcome_known and not kind.unknown else "unknown"}
    if state is not None:
        money = money_after(kind, state, step, outcome_known=outcome_known, refunding=refunding)
        details["money"] = money.value
        details["documents"] = documents_after(kind, state, step, outcome_known=outcome_known).value
    return details | {f"fault.{n}": f"{at} {what}" for n, (at, what) in enumerate(faults[:FAULTS])}


def failure_of(entry: LogEntry) -> Failure | None:
    """The record in a line of the log, or None where the line tells of no failure."""
    if entry.cause is None or entry.code is None:
        return None
    details = entry.details
    faults = [details[key].partition(" ") for key in details if key.startswith("fault.")]
    return Failure(
        case_id=entry.case_id or "",
        step=entry.step,
        cause=entry.cause,
        code=entry.code,
        attempt=entry.attempt or 1,
        faults=tuple((at, what) for at, _, what in faults),
        outcome_known=details.get("outcome", "known") == "known",
        process=process_of(entry.event, entry.step),
        at=entry.at,
        answer=AnswerClass(details.get("answer", AnswerClass.NOT_ASKED)),
        money=Money(details["money"]) if "money" in details else None,
        documents=Documents(details["documents"]) if "documents" in details else None,
        ended=entry.event not in {Event.ATTEMPT_FAILED, Event.REFUND_ATTEMPT_FAILED},
    )


def failures_of(entries: Sequence[LogEntry]) -> tuple[Failure, ...]:
    """Every failed attempt once, in the order of the lines (oldest first): a park repeats its last attempt."""
    found: list[Failure] = []
    for entry in entries:
        failure = failure_of(entry)
        if failure is None:
            continue
        last = next((f for f in reversed(found) if f.step is failure.step), None)
        if entry.event in PART_OF_A_PARK and last is not None and _same(last, failure):
            found[found.index(last)] = last.model_copy(
                update={"ended": last.ended or entry.event is not Event.PAYMENT_DOUBTFUL}
            )
            continue
        found.append(failure)
    return tuple(found)


def _same(last: Failure, told_again: Failure) -> bool:
    return not last.ended and last.code == told_again.code
