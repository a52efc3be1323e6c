"""Every policy in numbers: who changes one changes this page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio.common import RetryPolicy

from invoicing.settings import load
from workflows import policies
from workflows.policies import Timing

SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


def waits(policy: RetryPolicy, count: int) -> list[timedelta]:
    """The pauses before the first further tries."""
    longest = policy.maximum_interval or 100 * policy.initial_interval
    return [min(policy.initial_interval * int(policy.backoff_coefficient) ** n, longest) for n in range(count)]


def test_an_activity_ends_within_sixty_seconds() -> None:
    assert policies.ACTIVITY_TIMEOUT == 60 * SECOND


def test_bookkeeping_is_tried_from_one_second_up_to_every_minute_without_end() -> None:
    assert waits(policies.BOOKKEEPING_RETRY, 8) == [n * SECOND for n in (1, 2, 4, 8, 16, 32, 60, 60)]
    assert policies.BOOKKEEPING_RETRY.maximum_attempts == 0


def test_validation_is_tried_like_bookkeeping() -> None:
    assert policies.VALIDATE_RETRY == policies.BOOKKEEPING_RETRY


def test_a_check_that_a_person_asked_for_is_tried_five_times_within_two_minutes() -> None:
    assert policies.CHECK_RETRY.maximum_attempts == 5
    assert waits(policies.CHECK_RETRY, 4) == [n * SECOND for n in (5, 10, 20, 40)]


def test_a_charge_is_tried_from_two_seconds_up_to_every_five_minutes_without_end() -> None:
    assert waits(policies.CHARGE_RETRY, 9)[:3] == [2 * SECOND, 4 * SECOND, 8 * SECOND]
    assert waits(policies.CHARGE_RETRY, 9)[-1] == 5 * MINUTE
    assert policies.CHARGE_RETRY.maximum_attempts == 0


def test_a_comparison_is_tried_from_five_seconds_up_to_every_ten_minutes_without_end() -> None:
    assert waits(policies.RECONCILE_RETRY, 8)[:3] == [n * SECOND for n in (5, 10, 20)]
    assert waits(policies.RECONCILE_RETRY, 8)[-1] == 10 * MINUTE
    assert policies.RECONCILE_RETRY.maximum_attempts == 0


def test_an_invoice_has_three_attempts_in_all_thirty_and_sixty_seconds_apart() -> None:
    policy = policies.invoice_retry(Timing())
    assert policy.maximum_attempts == 3
    assert waits(policy, 2) == [30 * SECOND, 60 * SECOND]


def test_a_payment_is_polled_from_five_minutes_up_to_every_six_hours_without_end() -> None:
    policy = policies.poll_retry(Timing())
    assert waits(policy, 3) == [5 * MINUTE, 10 * MINUTE, 20 * MINUTE]
    assert policy.maximum_interval == policies.LONGEST_POLL_INTERVAL == 6 * HOUR
    assert policy.maximum_attempts == 0


def test_a_lost_invoice_is_looked_for_from_thirty_seconds_up_to_every_hour_without_end() -> None:
    policy = policies.look_retry(Timing())
    assert waits(policy, 9)[:3] == [30 * SECOND, MINUTE, 2 * MINUTE]
    assert waits(policy, 9)[-1] == policies.LONGEST_LOOK_INTERVAL == HOUR
    assert policy.maximum_attempts == 0


def test_a_wait_for_the_provider_that_cannot_read_the_database_is_tried_from_five_seconds_without_end() -> None:
    assert waits(policies.WAIT_RETRY, 6) == [n * SECOND for n in (5, 10, 20, 40, 60, 60)]
    assert policies.WAIT_RETRY.maximum_attempts == 0


def test_a_mail_is_tried_from_one_minute_up_to_every_two_hours_until_the_activity_gives_up() -> None:
    policy = policies.mail_retry(Timing())
    assert waits(policy, 3) == [MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert policy.maximum_interval == policies.LONGEST_MAIL_INTERVAL == 2 * HOUR
    assert policy.maximum_attempts == 0


@pytest.mark.parametrize(
    "make", [policies.poll_retry, policies.look_retry, policies.mail_retry], ids=["poll", "look", "mail"]
)
def test_an_interval_longer_than_the_longest_stays_a_legal_policy(make: Callable[[Timing], RetryPolicy]) -> None:
    policy = make(Timing(payment_poll_interval=DAY, invoice_retry_interval=DAY, mail_retry_interval=DAY))
    assert policy.maximum_interval == policy.initial_interval == DAY


def test_timing_in_numbers() -> None:
    assert Timing() == Timing(
        payment_validity=3 * DAY,
        payment_poll_interval=5 * MINUTE,
        payment_abandon_after=30 * DAY,
        invoice_retry_interval=30 * SECOND,
        mail_retry_interval=MINUTE,
        mail_give_up_after=24 * HOUR,
    )


def test_timing_and_settings_have_the_same_defaults() -> None:
    settings = load({})
    assert {name: getattr(settings, name) for name in Timing.model_fields} == Timing().model_dump()


def test_no_policy_is_without_a_test_here() -> None:
    named = {name for name, value in vars(policies).items() if isinstance(value, RetryPolicy)}
    made = {name for name in vars(policies) if name.endswith("_retry")}
    assert named == {
        "BOOKKEEPING_RETRY",
        "VALIDATE_RETRY",
        "CHARGE_RETRY",
        "CHECK_RETRY",
        "RECONCILE_RETRY",
        "WAIT_RETRY",
    }
    assert made == {"poll_retry", "invoice_retry", "look_retry", "mail_retry"}
