"""An API killed between claiming a row and marking it as delivered: nothing accepted is lost, nothing is done twice."""

import asyncio
import signal
from pathlib import Path

import pytest

from invoicing.domain.state import InvoiceStatus
from invoicing.sandbox.autopay.desk import Action
from invoicing.storage import tables
from tests.faults.stage import Forked, armed, unarmed
from tests.stage import World, world
from tests.stage_temporal import TemporalServer


async def died(stage: World, process: Forked) -> None:
    """Until the process has killed itself."""
    assert await asyncio.to_thread(process.wait, 60) == -signal.SIGKILL, stage.logs()


async def test_an_api_killed_with_a_claimed_start_leaves_it_to_the_workers(
    temporal: TemporalServer, template: Path, tmp_path: Path
) -> None:
    async with world(temporal, tmp_path / "start", workers=0, api=False, template=template) as stage:
        api = armed(stage, "between claim and delivery", "claim-1", role="api")
        await stage.is_ready(api)
        await stage.record("claim-1", paid=True)
        await died(stage, api)
        assert not await stage.has_run("claim-1")
        unarmed(stage)
        state = await stage.ended("claim-1", 60)
        assert (state.invoice.status, len(await stage.rows(tables.invoices))) == (InvoiceStatus.AVAILABLE, 1)


@pytest.mark.parametrize("point", ["between claim and signal", "between signal and record"])
async def test_an_api_killed_with_a_claimed_message_of_the_gateway_loses_no_money(
    temporal: TemporalServer, template: Path, tmp_path: Path, point: str
) -> None:
    async with world(temporal, tmp_path / "message", workers=0, api=False, template=template) as stage:
        worker = unarmed(stage)
        await stage.record("claim-2")
        assert (await stage.pay("claim-2", 30)).redirect_url
        worker.send_signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait, 60)
        api = armed(stage, point, "claim-2", role="api")
        await stage.is_ready(api)
        stage.act("claim-2-1", Action.PAY)
        await died(stage, api)
        unarmed(stage)
        state = await stage.ended("claim-2", 60)
        assert (state.invoice.status, len(await stage.kept("claim-2"))) == (InvoiceStatus.AVAILABLE, 1)
        assert len(stage.successes("claim-2")) == 1
        assert len(stage.mails("claim-2")) == 2
