"""The only place where a project error becomes an `ApplicationError`.

`mapped` wraps every activity. What the workflow reads of a failure is `FailureDetail`: codes, never sentences and never
personal data. A `VersionConflict` is answered by planning again on fresh facts, so that two writers of one state record
do not cost an attempt.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from pydantic import BaseModel, ConfigDict
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.metrics import count_failure
from invoicing.domain.failures import cause_of
from invoicing.errors import (
    BadNotification,
    Cause,
    ConnectivityFault,
    DataFault,
    InternalFault,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    PaidcaseError,
    Refused,
    SettingsFault,
    StillPending,
    Throttled,
    VersionConflict,
)

REPLANS = 8
"""How often an activity plans again after a version conflict before the conflict counts as a failed attempt."""

UNFORESEEN_TRIES = 5
"""How often an activity may fail for a reason nobody thought of before a person is asked."""

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")


class FailureDetail(BaseModel):
    """What the workflow may know of a failure."""

    model_config = ConfigDict(frozen=True)

    cause: Cause = Cause.INTERNAL
    code: str = "internal"
    outcome_known: bool = True
    attempt: int = 1
    faults: tuple[tuple[str, str], ...] = ()


CATEGORIES: dict[type[PaidcaseError], ApplicationErrorCategory] = {
    DataFault: ApplicationErrorCategory.BENIGN,
    SettingsFault: ApplicationErrorCategory.UNSPECIFIED,
    ConnectivityFault: ApplicationErrorCategory.UNSPECIFIED,
    Throttled: ApplicationErrorCategory.UNSPECIFIED,
    OutcomeUnknown: ApplicationErrorCategory.UNSPECIFIED,
    Refused: ApplicationErrorCategory.BENIGN,
    VersionConflict: ApplicationErrorCategory.BENIGN,
    NotFound: ApplicationErrorCategory.UNSPECIFIED,
    NotAllowed: ApplicationErrorCategory.BENIGN,
    StillPending: ApplicationErrorCategory.BENIGN,
    BadNotification: ApplicationErrorCategory.UNSPECIFIED,
    InternalFault: ApplicationErrorCategory.UNSPECIFIED,
}
"""Every class of the error tree; expected outcomes are benign, so that they raise no failure metric."""


class RecordedFailure(ApplicationError):
    """The same to Temporal; its failure record was written together with what the attempt changed."""


def application_error(error: PaidcaseError) -> ApplicationError:
    """The form in which an error reaches Temporal: type, code, retryability, waiting time."""
    faults = tuple((item.field, item.code) for item in error.faults) if isinstance(error, DataFault) else ()
    detail = FailureDetail(
        cause=cause_of(error.code, error.cause),
        code=error.code,
        outcome_known=error.outcome_known,
        attempt=activity.info().attempt if activity.in_activity() else 1,
        faults=faults,
    )
    known = next(cls for cls in type(error).__mro__ if cls in CATEGORIES)
    made = RecordedFailure if error.recorded else ApplicationError
    return made(
        error.message,
        detail,
        type=known.__name__,
        non_retryable=not error.retryable,
        next_retry_delay=error.retry_after,
        category=CATEGORIES[known],
    )


def unforeseen(error: Exception) -> ApplicationError:
    """An error that nobody thought of, by its class alone: its text may quote personal data.

    Tried again a few times, because it may be the weather, and then told as a fault of ours that waits for a person.
    """
    attempt = activity.info().attempt if activity.in_activity() else 1
    return ApplicationError(
        f"unforeseen {type(error).__name__}",
        FailureDetail(attempt=attempt),
        type=InternalFault.__name__,
        non_retryable=attempt >= UNFORESEEN_TRIES,
    )


def mapped(
    call: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Run an activity method, plan again on version conflicts, and translate its errors."""

    @functools.wraps(call)
    async def wrapper(self: S, *args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(REPLANS):
            try:
                return await call(self, *args, **kwargs)
            except VersionConflict as conflict:
                last = conflict
            except PaidcaseError as error:
                count_failure(error)
                # without its cause: what a library quoted must not travel into a history
                raise application_error(error) from None
            except ApplicationError:
                raise
            except Exception as error:
                raise unforeseen(error) from None
        raise application_error(last) from None

    return cast("Callable[Concatenate[S, P], Coroutine[Any, Any, T]]", wrapper)
