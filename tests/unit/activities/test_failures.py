"""What of an error reaches Temporal: its class, its code, whether to try again; never what a library quoted."""

import dataclasses
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.failures import REPLANS, UNFORESEEN_TRIES, FailureDetail, mapped
from invoicing.errors import Cause, DataFault, Fault, OutcomeUnknown, SettingsFault, VersionConflict

SECRET = "anna.sekretna@example.com"


class Acting:
    """An activity class whose method raises what it is given."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    @mapped
    async def act(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def raised_by(error: Exception, attempt: int = 1) -> ApplicationError:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=attempt)
    with pytest.raises(ApplicationError) as caught:
        await environment.run(Acting(error).act)
    return caught.value


def detail(error: ApplicationError) -> FailureDetail:
    return FailureDetail.model_validate(error.details[0])


@pytest.mark.parametrize("attempt", [1, UNFORESEEN_TRIES - 1, UNFORESEEN_TRIES, UNFORESEEN_TRIES + 1])
async def test_an_error_that_nobody_thought_of_is_told_by_its_class_and_parks_after_a_few_tries(attempt: int) -> None:
    error = await raised_by(ValueError(f"input_value={SECRET}"), attempt)
    assert (error.message, error.type) == ("unforeseen ValueError", "InternalFault")
    assert error.non_retryable is (attempt >= UNFORESEEN_TRIES)
    assert detail(error) == FailureDetail(attempt=attempt)


@pytest.mark.parametrize(
    "error", [ValueError(SECRET), SettingsFault("gateway_settings", "refused"), OutcomeUnknown("lost", "lost")]
)
async def test_no_cause_travels_with_an_error(error: Exception) -> None:
    error.__cause__ = RuntimeError(SECRET)
    told: BaseException | None = await raised_by(error)
    while told is not None:
        assert SECRET not in str(told)
        told = told.__cause__ or (None if told.__suppress_context__ else told.__context__)


async def test_every_fault_of_the_data_is_told_by_field_and_code() -> None:
    error = await raised_by(DataFault("billing_data_invalid", [Fault("billing_data.tax_id", "bad_nip")]))
    assert error.non_retryable
    assert detail(error).faults == (("billing_data.tax_id", "bad_nip"),)
    assert (detail(error).cause, detail(error).code) == (Cause.BILLING_DATA, "billing_data_invalid")


async def test_a_version_conflict_is_planned_again_and_costs_no_attempt() -> None:
    acting = Acting(*(VersionConflict("version_conflict") for _ in range(REPLANS - 1)))
    assert await ActivityEnvironment().run(acting.act) == "done"
    assert acting.calls == REPLANS


async def test_endless_conflicts_end_as_a_failed_attempt_that_is_tried_again() -> None:
    errors: list[Any] = [VersionConflict("version_conflict") for _ in range(REPLANS)]
    with pytest.raises(ApplicationError) as caught:
        await ActivityEnvironment().run(Acting(*errors).act)
    assert (caught.value.type, caught.value.non_retryable) == ("VersionConflict", False)
