"""Every timeout and retry policy, by name.

An outward call ends within 30 seconds and an activity within 60, so that another worker soon takes over from a frozen
one. No policy limits a workflow's life. What is configurable travels in `Timing` with the run, because a worker must
never decide from settings of its own what another worker decided from others.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict
from temporalio.common import RetryPolicy

ACTIVITY_TIMEOUT = timedelta(seconds=60)
"""Start-to-close of every activity."""

LONGEST_POLL_INTERVAL = timedelta(hours=6)
"""The interval between two polls doubles up to this."""

LONGEST_LOOK_INTERVAL = timedelta(hours=1)
"""The interval between two looks for an invoice doubles up to this."""

LONGEST_MAIL_INTERVAL = timedelta(hours=2)
"""The interval between two tries of a mail doubles up to this."""

BOOKKEEPING_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)
)
"""Activities that only read or write the database: until it is back."""

RECORD_AGAIN_AFTER = timedelta(minutes=1)
"""Pause after the database has refused a record for another reason than being away."""

VALIDATE_RETRY = BOOKKEEPING_RETRY
"""Data faults are never retried, because they are raised as not retryable."""

CHARGE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=2), backoff_coefficient=2, maximum_interval=timedelta(minutes=5)
)
"""Without end: a charge whose outcome is unknown is settled, never given up and never repeated blindly."""

RECONCILE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=5), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
)
"""Without end and without haste: a comparison that waits for the gateway holds nobody up."""


class Timing(BaseModel):
    """Durations from the settings, fixed when a run starts."""

    model_config = ConfigDict(frozen=True)

    payment_validity: timedelta = timedelta(days=3)
    payment_poll_interval: timedelta = timedelta(minutes=5)
    payment_abandon_after: timedelta = timedelta(days=30)
    invoice_retry_interval: timedelta = timedelta(seconds=30)
    mail_retry_interval: timedelta = timedelta(minutes=1)
    mail_give_up_after: timedelta = timedelta(hours=24)


WAIT_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=5), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)
)
"""Waiting for an issuer's provider: each look names the time of the next one; this is for a database that is away."""

CHECK_ATTEMPTS, INVOICE_ATTEMPTS = 5, 3

CHECK_RETRY = RetryPolicy(initial_interval=timedelta(seconds=5), backoff_coefficient=2, maximum_attempts=CHECK_ATTEMPTS)
"""A person waits for the answer of a check: it is tried for about a minute and a half, then told as failed."""


def poll_retry(timing: Timing) -> RetryPolicy:
    """Asking for the status: the retries of one activity are the polls, so that waiting costs no events."""
    longest = max(LONGEST_POLL_INTERVAL, timing.payment_poll_interval)
    return RetryPolicy(initial_interval=timing.payment_poll_interval, backoff_coefficient=2, maximum_interval=longest)


def invoice_retry(timing: Timing) -> RetryPolicy:
    """Three attempts in all; the first one counts."""
    return RetryPolicy(
        initial_interval=timing.invoice_retry_interval, backoff_coefficient=2, maximum_attempts=INVOICE_ATTEMPTS
    )


def look_retry(timing: Timing) -> RetryPolicy:
    """Looking for an invoice whose answer was lost: the retries of one activity are the looks."""
    longest = max(LONGEST_LOOK_INTERVAL, timing.invoice_retry_interval)
    return RetryPolicy(initial_interval=timing.invoice_retry_interval, backoff_coefficient=2, maximum_interval=longest)


def mail_retry(timing: Timing) -> RetryPolicy:
    """Until the activity itself gives up after `MAIL_GIVE_UP_AFTER`."""
    longest = max(LONGEST_MAIL_INTERVAL, timing.mail_retry_interval)
    return RetryPolicy(initial_interval=timing.mail_retry_interval, backoff_coefficient=2, maximum_interval=longest)
