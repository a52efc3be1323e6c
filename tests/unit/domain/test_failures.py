"""Failure codes: a closed list, each with one cause, and nothing unexplained beside it."""

from itertools import product

import pytest

from invoicing.domain.failure_records import Failure
from invoicing.domain.failures import FAILURES, known_code
from invoicing.domain.state import Step
from invoicing.errors import Cause


@pytest.mark.parametrize("code", FAILURES)
def test_a_listed_code_stands_under_its_own_name_and_is_kept(code: str) -> None:
    assert FAILURES[code].code == code
    assert known_code(code) == code


@pytest.mark.parametrize("code", ["", "no_such_code", "INTERNAL", "internal ", "ValueError: x"])
def test_an_unlisted_code_becomes_internal(code: str) -> None:
    assert known_code(code) == "internal"


def test_every_cause_has_a_code_and_the_internal_one_needs_an_engineer() -> None:
    assert {kind.cause for kind in FAILURES.values()} == set(Cause)
    assert FAILURES["internal"].cause is Cause.INTERNAL


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("billing_data_invalid", Cause.BILLING_DATA),
        ("issuer_not_ready", Cause.SETTINGS),
        ("gateway_unreachable", Cause.CONNECTIVITY),
        ("payment_refused", Cause.PAYMENT),
        ("provider_limit", Cause.LIMIT),
        ("document_store", Cause.INTERNAL),
    ],
)
def test_a_code_names_who_can_cure_it(code: str, cause: Cause) -> None:
    assert FAILURES[code].cause is cause


@pytest.mark.parametrize(("step", "cause"), list(product(Step, Cause)))
def test_a_failure_is_read_back_as_it_was_written(step: Step, cause: Cause) -> None:
    failure = Failure(
        case_id="c-1",
        step=step,
        cause=cause,
        code="internal",
        attempt=3,
        faults=(("a", "missing"),),
        outcome_known=False,
    )
    assert Failure.model_validate_json(failure.model_dump_json()) == failure
