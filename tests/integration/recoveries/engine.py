"""What the workflow engine does with activities, without one: attempts, their failure records, acts of the workflows.

Activities are the application's own, over its database and the stand-ins, inside the worker's recorder. The acts of
decisions are the workflows' own code: only `execute_activity_method` is played here, by the policies that it is given.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, RetryState, TimeoutError, TimeoutType
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.failures import FailureDetail
from activities.recording import FailureRecorder
from workflows.reading import detail_of

ENOUGH = 6
"""Attempts after which an activity that is tried without end is told to go on failing."""


class GoesOnTrying(AssertionError):
    """An activity without a last attempt was still failing."""


class _Carried(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        return await input.fn(*input.args)


class _Frozen(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        raise asyncio.CancelledError


class Engine:
    """Runs activities; `advance` lets the pauses between attempts pass."""

    def __init__(
        self, activities: Sequence[Callable[..., Any]], recorder: FailureRecorder, advance: Callable[[timedelta], None]
    ) -> None:
        self._activities: Mapping[str, Callable[..., Any]] = {each.__name__: each for each in activities}
        self._recorder = recorder
        self._advance = advance
        self._executions = 0
        self.frozen: set[str] = set()
        self.logger = logging.getLogger("tests.engine")

    async def attempt(self, name: str, argument: Any, number: int = 1, activity_id: str | None = None) -> Any:
        """One attempt of an activity, as a worker runs it."""
        self._executions += 1
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(
            environment.info,
            activity_type=name,
            attempt=number,
            activity_id=activity_id or str(self._executions),
            workflow_run_id="the-run-of-the-stage",
        )
        none: Any = None
        inner = (_Frozen if name in self.frozen else _Carried)(none)
        wanted = ExecuteActivityInput(fn=self._activities[name], args=[argument], executor=None, headers={})
        return await environment.run(self._recorder.intercept_activity(inner).execute_activity, wanted)

    async def run(self, name: str, argument: Any, most: int = 0) -> Any:
        """Attempt after attempt, so many at most (0: without end), as the engine does. Raises `ActivityError`."""
        activity_id = f"{name}-{self._executions}"
        for number in range(1, (most or ENOUGH) + 1):
            try:
                return await self.attempt(name, argument, number, activity_id)
            except ApplicationError as error:
                if error.non_retryable or number == most:
                    state = RetryState.NON_RETRYABLE_FAILURE if error.non_retryable else _SPENT
                    raise _failed(name, state) from error
                self._advance(error.next_retry_delay or timedelta(seconds=1))
            except asyncio.CancelledError:
                if number == most:
                    late = TimeoutError("late", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[])
                    raise _failed(name, _SPENT) from late
        raise GoesOnTrying(name)

    async def failing(self, name: str, argument: Any, most: int = 0) -> FailureDetail:
        """What the workflow reads of an activity that cannot go on."""
        try:
            await self.run(name, argument, most)
        except ActivityError as error:
            return detail_of(error)
        raise AssertionError(f"{name} did not fail")

    async def execute_activity_method(
        self, method: Callable[..., Any], argument: Any, *, retry_policy: RetryPolicy, **_more: Any
    ) -> Any:
        """Stands for the function of `temporalio.workflow`."""
        return await self.run(method.__name__, argument, retry_policy.maximum_attempts)


_SPENT = RetryState.MAXIMUM_ATTEMPTS_REACHED


def _failed(name: str, state: RetryState) -> ActivityError:
    return ActivityError(
        "failed", scheduled_event_id=1, started_event_id=2, identity="stage", activity_type=name, activity_id="1",
        retry_state=state,
    )  # fmt: skip
