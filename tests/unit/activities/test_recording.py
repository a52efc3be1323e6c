"""Every failed attempt leaves one failure record, whatever else fails at that moment."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import BaseModel
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.failures import application_error, unforeseen
from activities.recording import POLLS, REFUNDING, STEPS, FailureRecorder, is_told
from invoicing.domain.failure_records import Failure, failures_of
from invoicing.domain.records import LogEntry, LogQuery
from invoicing.domain.state import CaseState, PaymentState, PaymentStatus
from invoicing.errors import (
    ConnectivityFault,
    DataFault,
    Fault,
    InternalFault,
    OutcomeUnknown,
    PaidcaseError,
    Refused,
    SettingsFault,
    StillPending,
    Throttled,
)
from invoicing.ports import CaseStore
from tests.architecture.test_docs import named

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


class Case(BaseModel):
    case_id: str = "c-1"


class Nothing(BaseModel):
    inbox_id: int = 1


class Log:
    """The part of the store that recording needs; `away` says how often it is not there."""

    def __init__(self) -> None:
        self.lines: list[LogEntry] = []
        self.away = 0
        self.state = CaseState(case_id="c-1", currency="PLN", payment=PaymentState(status=PaymentStatus.COMPLETED))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        if self.away:
            self.away -= 1
            raise ConnectivityFault("database_unavailable")

        async def facts(_case_id: str) -> Any:
            return SimpleNamespace(state=self.state)

        async def log(*entries: LogEntry) -> None:
            self.lines += entries

        yield SimpleNamespace(facts=facts, log=log)

    async def activity(self, query: LogQuery) -> tuple[LogEntry, ...]:
        assert query.failed
        return tuple(self.lines[::-1])

    @property
    def failures(self) -> tuple[Failure, ...]:
        return failures_of(self.lines)


class Inner(ActivityInboundInterceptor):
    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def execute_activity(self, _input: ExecuteActivityInput) -> Any:
        if isinstance(self._error, PaidcaseError):
            raise application_error(self._error)
        if self._error is not None:
            raise unforeseen(self._error)
        return "done"


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def recorder(log: Log) -> FailureRecorder:
    return FailureRecorder(cast(CaseStore, log), lambda: NOW)


async def attempt(
    recorder: FailureRecorder, error: Exception | None, name: str = "generate_invoice", number: int = 1, **of: Any
) -> Any:
    """One attempt of an activity, as the worker runs it."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, activity_type=name, attempt=number, activity_id="7", workflow_run_id=of.get("run", "run-1")
    )
    given: Callable[..., Any] = lambda: None  # noqa: E731  # never called: the inner interceptor is the activity
    wanted = ExecuteActivityInput(fn=given, args=[of.get("case", Case())], executor=None, headers={})
    return await environment.run(recorder.intercept_activity(Inner(error)).execute_activity, wanted)


async def test_a_success_leaves_nothing(recorder: FailureRecorder, log: Log) -> None:
    assert await attempt(recorder, None) == "done"
    assert log.lines == []


@pytest.mark.parametrize(
    ("error", "code", "answer", "outcome_known"),
    [
        (DataFault("invoice_data_refused", [Fault("billing_data.name", "missing")]), None, "refused", True),
        (DataFault("billing_data_invalid"), None, "not_asked", True),
        (SettingsFault("issuer_not_ready"), None, "not_asked", True),
        (ConnectivityFault("issuer_unreachable"), None, "unreachable", True),
        (ConnectivityFault("database_unavailable"), None, "not_asked", True),
        (Throttled("provider_limit"), None, "later", True),
        (OutcomeUnknown("issuer_outcome_unknown"), None, "lost", False),
        (Refused("payment_refused"), None, "refused", True),
        (InternalFault("no_such_code"), "internal", "not_asked", True),
        (ValueError("Anna Kowalska"), "internal", "not_asked", True),
    ],
)
async def test_a_failure_is_told_with_what_the_other_side_said_and_what_was_done(
    recorder: FailureRecorder, log: Log, error: Exception, code: str | None, answer: str, outcome_known: bool
) -> None:
    with pytest.raises(ApplicationError):
        await attempt(recorder, error, number=2)
    lost, failure = log.failures
    assert (lost.attempt, lost.code) == (1, "step_timed_out")
    assert failure.code == (code or cast(PaidcaseError, error).code)
    assert (failure.attempt, failure.answer.value, failure.outcome_known) == (2, answer, outcome_known)
    assert (failure.at, failure.step, failure.ended) == (NOW, STEPS["generate_invoice"], False)
    assert (failure.money, failure.documents) == ("kept", "no_invoice" if outcome_known else "may_exist")
    assert "Anna" not in "".join(line.model_dump_json() for line in log.lines)
    if isinstance(error, DataFault):
        assert failure.faults == tuple((fault.field, fault.code) for fault in error.faults)


async def test_a_failed_order_of_a_refund_says_that_nothing_was_given_back(recorder: FailureRecorder, log: Log) -> None:
    for number, error in enumerate(
        (ConnectivityFault("gateway_unreachable"), OutcomeUnknown("gateway_outcome_unknown"))
    ):
        with pytest.raises(ApplicationError):
            await attempt(recorder, error, "refund_payment", number + 1)
    assert [(one.process, one.money) for one in log.failures] == [
        ("refund", "not_refunded"), ("refund", "may_be_refunded"),
    ]  # fmt: skip


async def test_what_is_expected_or_recorded_already_or_about_no_case_leaves_nothing(
    recorder: FailureRecorder, log: Log
) -> None:
    with pytest.raises(ApplicationError):
        await attempt(recorder, StillPending("payment_pending"), "watch_payment", 3)
    with pytest.raises(ApplicationError):
        await attempt(recorder, OutcomeUnknown("issuer_outcome_unknown"), "look_for_invoice", 2)
    written = ConnectivityFault("mail_deferred")
    written.recorded = True
    with pytest.raises(ApplicationError) as told:
        await attempt(recorder, written, "email_invoice")
    assert told.value.type == "ConnectivityFault"
    with pytest.raises(ApplicationError):
        await attempt(recorder, ConnectivityFault("gateway_unreachable"), "record_notification", case=Nothing())
    assert log.lines == []


async def test_the_last_look_counts(recorder: FailureRecorder, log: Log) -> None:
    with pytest.raises(ApplicationError):
        await attempt(recorder, DataFault("issuer_invoice_differs"), "look_for_invoice", 5)
    assert [one.code for one in log.failures] == ["issuer_invoice_differs"]


async def test_an_attempt_whose_worker_died_is_told_by_the_next_one_once(recorder: FailureRecorder, log: Log) -> None:
    with pytest.raises(ApplicationError):
        await attempt(recorder, ConnectivityFault("issuer_unreachable"))
    await attempt(recorder, None, number=3)
    assert [(one.attempt, one.code, one.outcome_known) for one in log.failures] == [
        (1, "issuer_unreachable", True), (2, "step_timed_out", False),
    ]  # fmt: skip
    await attempt(recorder, None, number=3)
    assert len(log.lines) == 2


async def test_a_record_that_the_database_could_not_take_is_written_with_the_next_one(
    recorder: FailureRecorder, log: Log
) -> None:
    log.away = 1
    with pytest.raises(ApplicationError, match="database_unavailable"):
        await attempt(recorder, ConnectivityFault("database_unavailable"))
    assert log.lines == []
    await attempt(recorder, None, number=2)
    assert [(one.attempt, one.code) for one in log.failures] == [(1, "database_unavailable")]


async def test_attempts_without_end_are_told_each_and_then_now_and_then(recorder: FailureRecorder, log: Log) -> None:
    for number in range(1, 61):
        with pytest.raises(ApplicationError):
            await attempt(recorder, ConnectivityFault("gateway_unreachable"), "charge", number)
    assert [one.attempt for one in log.failures] == [*range(1, 21), 24, 36, 48, 60]
    assert not is_told(23)


def test_every_activity_that_the_table_names_exists() -> None:
    assert set(STEPS) <= named("activity.defn", "activities")
    assert set(STEPS) >= POLLS | REFUNDING


async def test_attempts_that_fail_at_the_same_time_leave_one_record_each(
    recorder: FailureRecorder, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = log.transaction

    @asynccontextmanager
    async def slow() -> AsyncIterator[Any]:
        async with transaction() as db:
            await asyncio.sleep(0)
            yield db
            await asyncio.sleep(0)

    monkeypatch.setattr(log, "transaction", slow)
    cases = [f"c-{number}" for number in range(6)]
    fault = ConnectivityFault("issuer_unreachable")
    done = await asyncio.gather(
        *(attempt(recorder, fault, case=Case(case_id=case_id)) for case_id in cases), return_exceptions=True
    )
    assert all(isinstance(error, ApplicationError) for error in done)
    assert sorted(line.case_id or "" for line in log.lines) == cases


async def test_runs_that_were_started_together_do_not_take_each_other_s_records_for_their_own(
    recorder: FailureRecorder, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = log.transaction

    @asynccontextmanager
    async def slow() -> AsyncIterator[Any]:
        for _ in range(9):
            await asyncio.sleep(0)
        async with transaction() as db:
            yield db

    monkeypatch.setattr(log, "transaction", slow)
    first, second = (Case(case_id=f"c-{number}") for number in (1, 2))
    fault, ends = ConnectivityFault("issuer_unreachable"), {"c-1": "031953842c51", "c-2": "031953842c52"}
    of: dict[str, Any] = {case_id: {"run": f"01a21fd8-7eec-72a5-b031-{end}"} for case_id, end in ends.items()}
    await asyncio.gather(attempt(recorder, fault, case=first, **of["c-1"]), return_exceptions=True)
    await asyncio.gather(
        attempt(recorder, fault, case=second, **of["c-2"]),
        attempt(recorder, fault, number=2, case=first, **of["c-1"]),
        return_exceptions=True,
    )
    told = sorted((line.case_id or "", line.attempt or 0) for line in log.lines)
    assert told == [("c-1", 1), ("c-1", 2), ("c-2", 1)]
