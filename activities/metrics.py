"""What activities tell the worker's metrics (`METRICS_ADDRESS`), beside what the SDK measures by itself.

Labels are closed sets: the SDK adds activity type, namespace and task queue; no id and no personal data is a label.
Outside an activity nothing is told.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from invoicing.domain.records import DeliveryStatus
from invoicing.errors import PaidcaseError

FAILED_ATTEMPTS = "paidcase_failed_attempts"
INVOICE_ATTEMPTS = "paidcase_invoice_attempts"
MAILS = "paidcase_mails"
ITN_LAG = "paidcase_itn_lag"

BUCKETS = {INVOICE_ATTEMPTS: [1, 2, 3], ITN_LAG: [1, 5, 15, 60, 300, 3600, 86400]}
"""Upper bounds of the histograms: attempts of a round, seconds from a message's arrival until it was applied."""


def count_failure(error: PaidcaseError) -> None:
    """One attempt of an activity has ended with an error."""
    if activity.in_activity():
        counter = activity.metric_meter().create_counter(
            FAILED_ATTEMPTS, "Attempts of activities that ended in an error"
        )
        counter.add(1, {"cause": error.cause.value, "code": error.code})


def note_invoice(attempts: int) -> None:
    """An invoice is there after so many attempts of its round."""
    if activity.in_activity():
        meter = activity.metric_meter()
        meter.create_histogram(INVOICE_ATTEMPTS, "Attempts of its round until an invoice was there").record(attempts)


def count_mail(status: DeliveryStatus) -> None:
    """A mail has come to its end."""
    if activity.in_activity():
        activity.metric_meter().create_counter(MAILS, "Mails that came to their end").add(1, {"status": status.value})


def note_message(waited: timedelta) -> None:
    """A message of the gateway was applied so long after it had arrived."""
    if activity.in_activity():
        meter = activity.metric_meter()
        meter.create_histogram_timedelta(ITN_LAG, "From a message's arrival until it was applied").record(waited)
