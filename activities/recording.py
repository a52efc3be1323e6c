"""Failure records of attempts: an interceptor around every activity, so that no step can forget to write one.

Guarantee: an attempt that fails leaves one record in the activity log, also when the database was away at that moment
(written when the next activity ends) or when the worker died over it (written by the attempt that follows). What is
expected is no failure: a poll without a final answer, a look for a lost invoice. Recording never hides the failure
itself. Whoever writes the record together with what it changed says so by `RecordedFailure`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.failures import FailureDetail, RecordedFailure
from invoicing.domain.consequences import AnswerClass
from invoicing.domain.failure_records import answer_of, recorded
from invoicing.domain.failures import cause_of, known_code
from invoicing.domain.records import Event, LogEntry, LogQuery
from invoicing.domain.state import Step
from invoicing.errors import PaidcaseError, SettingsFault
from invoicing.ports import CaseStore, Clock

STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "validate_billing_data": Step.VALIDATE,
        "charge": Step.CHARGE,
        "settle_attempts": Step.CHARGE,
        "check_payment": Step.CHARGE,
        "refund_payment": Step.CHARGE,
        "watch_refund": Step.CHARGE,
        "watch_payment": Step.CHARGE,
        "generate_invoice": Step.INVOICE,
        "look_for_invoice": Step.INVOICE,
        "correct_after_refund": Step.INVOICE,
        "attach_invoice": Step.INVOICE,
        "email_invoice": Step.EMAIL,
        "email_refund": Step.EMAIL,
        "email_correction": Step.EMAIL,
        "notify_expert": Step.NOTIFY,
    }
)
"""The step that an activity belongs to; others are bookkeeping."""

REFUNDING = frozenset({"refund_payment", "watch_refund"})
POLLS = frozenset({"watch_payment", "watch_refund", "look_for_invoice"})
"""Activities whose retries are looks: only their last failure counts."""

EACH_UNTIL, THEN_EACH = 20, 12
"""Attempts up to the first number are all told, later ones each so many: a gateway may be away for days."""

KEPT = 1000
LOOK_BACK = 30

log = structlog.get_logger("failures")


def is_told(attempt: int) -> bool:
    """Whether an attempt of this number gets a record of its own."""
    return attempt <= EACH_UNTIL or attempt % THEN_EACH == 0


def execution(before: int = 0) -> str:
    """Which attempt this is, or the one so many before it, of which activity of which run; nothing outside of one."""
    if not activity.in_activity():
        return ""
    info = activity.info()
    # the end of a run's id: its beginning is the time, which runs that were started together share
    return f"{(info.workflow_run_id or '')[-12:]}:{info.activity_id}:{info.attempt - before}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that failed, before the case's state is known."""

    case_id: str
    name: str
    number: int
    execution: str
    at: datetime
    detail: FailureDetail
    answer: AnswerClass

    @property
    def event(self) -> Event:
        """What the log calls it."""
        return Event.REFUND_ATTEMPT_FAILED if self.name in REFUNDING else Event.ATTEMPT_FAILED


class FailureRecorder(Interceptor):
    """Installed in every worker."""

    def __init__(self, store: CaseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._unwritten: deque[Attempt] = deque(maxlen=KEPT)
        self._turn = asyncio.Lock()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Around every execution."""
        return _Recording(next, self)

    async def begun(self, case_id: str) -> None:
        """Tell of the attempt before this one when nobody has: its worker died, or its answer came too late."""
        info = activity.info()
        before = info.attempt - 1
        if before < 1 or info.activity_type not in STEPS or info.activity_type in POLLS or not is_told(before):
            return
        lost = FailureDetail(code="step_timed_out", outcome_known=False, attempt=before)
        await self._write(
            Attempt(case_id, info.activity_type, before, execution(1), self._clock(), lost, AnswerClass.LOST)
        )

    async def failed(self, case_id: str, error: ApplicationError) -> None:
        """Write the record of this attempt, and those that could not be written before."""
        info, kind = activity.info(), error.type or ""
        if kind == "StillPending" or isinstance(error, RecordedFailure):
            return
        if info.activity_type in POLLS and not error.non_retryable:
            return
        detail = next((one for one in error.details if isinstance(one, FailureDetail)), FailureDetail())
        if is_told(info.attempt):
            answer = answer_of(kind, detail.code)
            await self._write(
                Attempt(case_id, info.activity_type, info.attempt, execution(), self._clock(), detail, answer)
            )

    async def _write(self, attempt: Attempt) -> None:
        self._unwritten.append(attempt)
        await self.catch_up()

    async def catch_up(self) -> None:
        """Write what could not be written before; what still cannot stays for the next time."""
        if not self._unwritten:
            return
        async with self._turn:  # attempts fail at the same time, and each record is written once
            while self._unwritten:
                oldest = self._unwritten[0]
                try:
                    if not await self._is_written(oldest):
                        await self._written(oldest)
                except PaidcaseError as error:
                    if error.retryable or isinstance(error, SettingsFault):  # a database that must be put right
                        log.warning("failure_not_recorded_yet", case_id=oldest.case_id, code=error.code)
                        return
                    log.error("failure_not_recorded", case_id=oldest.case_id, code=error.code)
                if self._unwritten and self._unwritten[0] is oldest:
                    self._unwritten.popleft()

    async def _is_written(self, attempt: Attempt) -> bool:
        if attempt.execution == execution():
            return False
        lines = await self._store.activity(LogQuery(case_id=attempt.case_id, failed=True, limit=LOOK_BACK))
        return any(line.details.get("execution") == attempt.execution for line in lines)

    async def _written(self, attempt: Attempt) -> None:
        detail, step = attempt.detail, STEPS.get(attempt.name)
        async with self._store.transaction() as db:
            state = (await db.facts(attempt.case_id)).state
            details = recorded(
                detail.code,
                state,
                step,
                attempt.answer,
                outcome_known=detail.outcome_known,
                refunding=attempt.name in REFUNDING,
                faults=detail.faults,
            )
            await db.log(
                LogEntry(
                    case_id=attempt.case_id,
                    event=attempt.event,
                    at=attempt.at,
                    step=step,
                    attempt=attempt.number,
                    cause=cause_of(known_code(detail.code), detail.cause),
                    code=known_code(detail.code),
                    details={"activity": attempt.name, "execution": attempt.execution, **details},
                )
            )


class _Recording(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, recorder: FailureRecorder) -> None:
        super().__init__(inner)
        self._recorder = recorder

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """The activity itself, with a record of its failure; activities that are about no case leave none."""
        case_id = getattr(input.args[0], "case_id", None) if input.args else None
        if case_id is None:
            return await super().execute_activity(input)
        if activity.info().attempt > 1:
            await self._recorder.begun(case_id)
        try:
            done = await super().execute_activity(input)
        except ApplicationError as error:
            await self._recorder.failed(case_id, error)
            raise
        await self._recorder.catch_up()  # the database is there
        return done
