"""Gates of accounts on a real database: what one account alone explains holds its cases and nobody else's."""

from collections.abc import AsyncIterator

import pytest

from activities.invoices import Generated
from invoicing.domain.brownouts import Hold
from tests.integration.brownout_stage import AWAY, SECOND, Bench

MINE, OTHER = "exp-1", "exp-2"
ACCOUNT = f"wfirma/{MINE}"


@pytest.fixture
async def restored(bench: Bench) -> AsyncIterator[Bench]:
    """One account whose data are being restored, and three cases that have met it."""
    bench.wfirma.restored.add(MINE)
    await bench.fail("a", "b", "c", expert_id=MINE)
    yield bench


async def served(bench: Bench, case_id: str, expert_id: str) -> bool:
    made = await bench.generate(case_id, expert_id=expert_id)
    return isinstance(made, Generated) and not made.held


async def test_an_account_that_is_restored_holds_its_own_cases_alone(restored: Bench) -> None:
    assert (await restored.gate(ACCOUNT)).shut
    assert not (await restored.gate()).shut
    await restored.hold("d", expert_id=MINE)
    assert await served(restored, "e", OTHER)


async def test_a_few_cases_of_each_of_many_accounts_shut_nothing(bench: Bench) -> None:
    for nth in range(4):
        bench.wfirma.restored.add(f"exp-{nth}")
        await bench.fail(f"a-{nth}", f"b-{nth}", expert_id=f"exp-{nth}")
    assert [gate for gate in await bench.store.gates() if gate.shut] == []
    assert await bench.alerts() == []


async def test_one_alert_names_the_account_and_is_closed_when_the_last_of_its_cases_has_gone(restored: Bench) -> None:
    await restored.hold("d", expert_id=MINE)
    (alert,) = await restored.store.alerts(open_only=True, after_id=0, limit=10)
    assert (alert.key, alert.code) == (f"brownout:{ACCOUNT}", "provider_brownout")
    assert alert.details == {"issuer": "wfirma", "account": MINE, "code": "account_maintenance"}
    restored.clock.advance(30 * SECOND)
    assert await restored.look("d") is not None, "it is restored still"
    restored.wfirma.restored.clear()
    restored.clock.advance(30 * SECOND)
    assert await restored.look("d") is None
    assert restored.wfirma.probes == 2
    assert await restored.alerts() == [False]
    assert await served(restored, "d", MINE)


async def test_a_begun_case_of_the_account_that_is_served_opens_its_gate_and_one_of_another_does_not(
    restored: Bench,
) -> None:
    await restored.hold("d", expert_id=MINE)
    assert isinstance(await restored.generate("e", attempt=2, expert_id=OTHER), Generated)
    assert (await restored.gate(ACCOUNT)).shut
    restored.wfirma.restored.clear()
    assert isinstance(await restored.generate("a", attempt=2), Generated)
    assert not (await restored.gate(ACCOUNT)).shut


async def test_a_provider_that_names_an_account_is_there_for_all_others(bench: Bench) -> None:
    bench.wfirma.break_(AWAY)
    await bench.fail("a", "b", "c", expert_id=OTHER)
    await bench.hold("d", expert_id=MINE)
    await bench.hold("e", expert_id=OTHER)
    bench.wfirma.mend()
    bench.wfirma.restored.add(MINE)
    bench.clock.advance(30 * SECOND)
    assert await bench.look("d") is None, "its own turn: the probe was answered"
    assert not (await bench.gate()).shut
    bench.clock.advance(30 * SECOND)
    assert await bench.look("e") is None
    assert await served(bench, "e", OTHER)


async def test_an_account_whose_provider_goes_away_meanwhile_stays_held(restored: Bench) -> None:
    await restored.hold("d", expert_id=MINE)
    restored.wfirma.restored.clear()
    restored.wfirma.break_(AWAY)
    restored.clock.advance(30 * SECOND)
    assert await restored.look("d") is not None
    assert (await restored.gate(ACCOUNT)).shut


async def test_a_case_that_goes_from_one_gate_to_another_leaves_no_alert_behind(bench: Bench) -> None:
    bench.wfirma.break_(AWAY)
    await bench.fail("a", "b", "c", expert_id=OTHER)
    await bench.hold("d", "e", expert_id=MINE)
    bench.wfirma.mend()
    bench.wfirma.restored.add(MINE)
    bench.clock.advance(30 * SECOND)
    assert await bench.look("d") is None
    await bench.fail("x", "y", "d", expert_id=MINE)
    assert (await bench.gate(ACCOUNT)).shut
    again = await bench.generate("e", expert_id=MINE)
    assert isinstance(again, Generated)
    assert again.held
    async with bench.store.reading() as db:
        hold = await db.hold("e")
    assert isinstance(hold, Hold)
    assert hold.issuer == "wfirma", "its turn at the first gate has not come"
    bench.clock.advance(30 * SECOND)
    await bench.hold("e", expert_id=MINE)
    found = await bench.store.alerts(open_only=True, after_id=0, limit=10)
    assert [alert.key for alert in found if alert.code == "provider_brownout"] == [f"brownout:{ACCOUNT}"]
