"""Workers that die while a case is being held, and while they hold the one probe: others go on, nothing is lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from invoicing.domain.brownouts import Gate, SeenGate
from invoicing.domain.records import Event
from invoicing.domain.state import InvoiceStatus
from invoicing.storage import tables
from tests.faults.stage import Forked, armed_for, unarmed
from tests.stage import WFIRMA_KEYS, World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXPERT = "exp-wfirma"
LAST = "hold-1"
PROBING = ("probe-1", "probe-2", "probe-3")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(
    temporal: TemporalServer, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    folder, settings = tmp_path_factory.mktemp("probes"), {"BROWNOUT_PROBE_INTERVAL": "500ms"}
    async with world(temporal, folder, workers=0, api=False, template=template, settings=settings) as opened:
        await opened.save_expert(EXPERT, issuer="wfirma", invoice_series=None, wfirma=WFIRMA_KEYS)
        yield opened


async def dead(process: Forked) -> None:
    async def gone() -> bool:
        return process.poll() is not None

    await until(gone, "the worker has struck itself")


async def gate_of(stage: World) -> SeenGate:
    (gate,) = await stage.app.store.gates()
    return gate


async def test_those_that_wait_go_on_when_workers_die_holding_them_or_holding_the_probe(stage: World) -> None:
    async with stage.app.store.transaction() as db:
        await db.save_gate(Gate(issuer="wfirma", shut_at=stage.app.clock()))
    # wFirma is there, and who finds it out dies before he can say so
    probing = armed_for(stage, dict.fromkeys(PROBING, "after probe 1 of wait_for_provider"))
    for case_id in PROBING:
        await stage.record(case_id, paid=True, expert_id=EXPERT)
    await dead(probing)
    gate = await gate_of(stage)
    assert (gate.shut, gate.probes) == (True, 1)

    stage.wfirma_fault("any", "out_of_service", times=1_000_000)
    holding = armed_for(stage, {LAST: "after commit 1 of generate_invoice"})
    await stage.record(LAST, paid=True, expert_id=EXPERT)
    await dead(holding)
    assert (await stage.state(LAST)).held

    stage.box.wfirma.switches.clear()
    await stage.is_ready(unarmed(stage))
    times_held: dict[str, int] = {}
    for case_id in (*PROBING, LAST):
        state = await stage.ended(case_id)
        assert (state.invoice.status, state.invoice.round, state.held) == (InvoiceStatus.AVAILABLE, 1, False)
        assert len(stage.issued(case_id)) == 1
        times_held[case_id] = (await stage.events(case_id)).count(Event.INVOICE_HELD)
    # who had not come to the gate yet when the first worker died may have found it open
    assert times_held[LAST] == 1
    assert {times_held[case_id] for case_id in PROBING} in ({1}, {0, 1})
    kinds = [row["kind"] for row in await stage.rows(tables.notices)]
    assert kinds == ["expert-paid"] * 4, "nobody was told of a failure"
    gate = await gate_of(stage)
    assert (gate.shut, gate.waiting) == (False, 0)
    assert gate.probes >= 2
