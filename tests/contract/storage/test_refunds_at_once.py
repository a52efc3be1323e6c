"""Refunds of one payment decided at the same time, each carried out by a worker of its own, on both databases."""

import asyncio
from decimal import Decimal
from typing import cast

from temporalio.testing import ActivityEnvironment

from activities.refunds import RefundActivities, RefundInput
from invoicing.domain.decisions import DecisionKind, RefundStatus
from invoicing.ports import PaymentGateway
from invoicing.storage.store import SqlCaseStore
from tests.contract.storage.samples import NOW, capture, recorded

CASE, AT_ONCE = "2026-000123", 6


class Queueing:
    """A gateway that takes every order."""

    async def refund(self, service_id: str, remote_id: str, amount: Decimal, currency: str, message_id: str) -> None:
        """Queue it."""


async def test_refunds_at_once_never_order_more_than_was_paid(database_url: str) -> None:
    stores = [SqlCaseStore(database_url) for _ in range(2)]
    try:
        await recorded(stores[0], CASE)
        paid = capture("9ABC")
        async with stores[0].transaction() as db:
            await db.add_capture(paid)
            for number in range(AT_ONCE):
                body = {"reason": "less work", "amount": "150.00"}
                await db.decide(CASE, DecisionKind.REFUND, f"k-{number}", "ops", body, NOW)
        gateway = cast("PaymentGateway", Queueing())
        workers = [RefundActivities(store, gateway, lambda: NOW) for store in stores]
        asked = [RefundInput(case_id=CASE, number=number) for number in range(1, AT_ONCE + 1)]
        told = await asyncio.gather(
            *(ActivityEnvironment().run(workers[one.number % 2].refund_payment, one) for one in asked)
        )
        assert sorted(one.status for one in told) == [RefundStatus.FAILED] * (AT_ONCE - 2) + [RefundStatus.QUEUED] * 2
        async with stores[0].reading() as db:
            refunds = await db.refunds(CASE)
        ordered = sum(one.amount for one in refunds if one.status is RefundStatus.QUEUED)
        assert ordered == Decimal(300) <= paid.amount
    finally:
        for store in stores:
            await store.close()
