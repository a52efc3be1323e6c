"""Five activities that do nothing: what the engine costs by itself.

Imports nothing but the SDK and the standard library, so that the stock worker's sandbox has no more to load than a
workflow needs.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow

QUEUE = "bench-empty"


@activity.defn(name="empty_validate")
async def validate(case_id: str) -> str:
    """Nothing."""
    return case_id


@activity.defn(name="empty_charge")
async def charge(case_id: str) -> str:
    """Nothing."""
    return case_id


@activity.defn(name="empty_invoice")
async def invoice(case_id: str) -> str:
    """Nothing."""
    return case_id


@activity.defn(name="empty_mail")
async def mail(case_id: str) -> str:
    """Nothing."""
    return case_id


@activity.defn(name="empty_notify")
async def notify(case_id: str) -> str:
    """Nothing."""
    return case_id


STEPS = (validate, charge, invoice, mail, notify)


@workflow.defn(name="EmptyCase")
class EmptyCase:
    """Five activities, one after another."""

    @workflow.run
    async def run(self, case_id: str) -> str:
        """Run them."""
        for step in STEPS:
            await workflow.execute_activity(step, case_id, start_to_close_timeout=timedelta(seconds=60))
        return case_id
