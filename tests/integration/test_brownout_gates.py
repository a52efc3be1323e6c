"""Gates on a real database, a clock to move and an issuer to break: shutting, probing, letting go, relapsing."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.invoices import Generated
from invoicing.domain.records import Event
from invoicing.errors import ConnectivityFault, OutcomeUnknown, PaidcaseError, SettingsFault, Throttled
from tests.contract.gateways.wfirma_stage import facts
from tests.contract.issuers.benches import SELLER
from tests.integration.brownout_stage import AWAY, LIMITS, SECOND, Bench


@pytest.mark.parametrize(
    "fault",
    [
        SettingsFault("issuer_settings"),
        Throttled("provider_limit"),
        ConnectivityFault("database_unavailable"),
        ConnectivityFault("exchange_rates_unreachable"),
    ],
    ids=lambda fault: fault.code,
)
async def test_what_no_outage_explains_shuts_nothing(bench: Bench, fault: PaidcaseError) -> None:
    bench.wfirma.break_(fault)
    await bench.fail("a", "b", "c", "d")
    assert not (await bench.gate()).shut
    assert await bench.alerts() == []


async def test_lost_answers_and_maintenance_count_beside_each_other(bench: Bench) -> None:
    for case_id, fault in (
        ("a", OutcomeUnknown("issuer_outcome_unknown")),
        ("b", ConnectivityFault("provider_maintenance")),
        ("c", AWAY),
    ):
        assert not (await bench.gate()).shut
        bench.wfirma.break_(fault)
        await bench.fail(case_id)
    assert (await bench.gate()).shut


async def test_one_case_that_fails_three_times_shuts_nothing(bench: Bench) -> None:
    bench.wfirma.break_(AWAY)
    for attempt in (1, 2, 3):
        await bench.fail("a", attempt=attempt)
    await bench.fail("b")
    assert not (await bench.gate()).shut


async def test_another_issuer_goes_on(bench: Bench) -> None:
    await bench.shut()
    own = await bench.generate("own-1", issuer="builtin")
    assert isinstance(own, Generated)
    assert (own.held, bench.builtin.issued) == (False, ["own-1"])


async def test_a_case_that_has_begun_is_never_held(bench: Bench) -> None:
    await bench.shut()
    await bench.fail("a", attempt=2)
    await bench.record("noted")
    async with bench.store.transaction() as db:
        assert await db.claim_issue("noted", 1, bench.clock(), bench.clock() - SECOND)
    await bench.fail("noted")
    assert not (await bench.state("a")).held


async def test_an_execution_that_held_a_case_and_died_has_begun_nothing(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d")
    again = await bench.generate("d", attempt=2)
    assert isinstance(again, Generated)
    assert again.held
    sent = await bench.generate("d", may_wait=False)
    assert isinstance(sent, ApplicationError)
    assert not (await bench.state("d")).held


async def test_a_run_that_does_not_know_how_to_wait_is_not_held(bench: Bench) -> None:
    await bench.shut()
    assert isinstance(await bench.generate("old", may_wait=False), ApplicationError)
    assert not (await bench.state("old")).held


async def test_a_governor_that_is_off_neither_counts_nor_holds(bench: Bench) -> None:
    bench.limits = LIMITS.model_copy(update={"on": False})
    bench.wfirma.break_(AWAY)
    await bench.fail("a", "b", "c", "d")
    assert not (await bench.gate()).shut


async def test_a_governor_that_is_switched_off_lets_everybody_go_and_closes_the_alert(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d", "e")
    bench.limits = LIMITS.model_copy(update={"on": False})
    assert [await bench.look("d"), await bench.look("e")] == [None, None]
    assert bench.wfirma.probes == 0
    assert await bench.alerts() == [False]


async def test_held_cases_ask_one_at_a_time_and_go_one_after_the_other(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d", "e", "f")
    assert await bench.look("e") is not None
    assert bench.wfirma.probes == 0, "no probe is due yet"
    bench.clock.advance(30 * SECOND)
    assert [await bench.look(one) is None for one in ("f", "d", "e")] == [False] * 3
    assert bench.wfirma.probes == 1
    bench.wfirma.mend()
    bench.clock.advance(30 * SECOND)
    assert await bench.look("d") is None, "the oldest goes at once"
    assert bench.wfirma.probes == 2
    assert not (await bench.gate()).shut
    assert await bench.alerts() == [True], "others wait still"
    assert [await bench.look("e"), await bench.look("f")] == [30 * SECOND, 45 * SECOND]
    bench.clock.advance(45 * SECOND)
    assert [await bench.look("e"), await bench.look("f")] == [None, None]
    assert await bench.alerts() == [False]
    for case_id in ("d", "e", "f"):
        assert isinstance(await bench.generate(case_id), Generated)
    assert bench.wfirma.issued == ["d", "e", "f"]
    assert bench.wfirma.probes == 2


async def test_a_held_case_whose_run_begins_again_is_held_once_and_keeps_its_place(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d", "e", "d")
    async with bench.store.reading() as db:
        assert [hold.case_id for hold in await db.holds("wfirma")] == ["d", "e"]
    assert await bench.logged(Event.INVOICE_HELD) == 2
    bench.wfirma.mend()
    bench.clock.advance(30 * SECOND)
    await bench.look("d")
    again = await bench.generate("e")
    assert isinstance(again, Generated)
    assert again.held, "the gate is open, and it is not its turn"


async def test_who_comes_while_the_gate_is_open_does_not_queue(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d", "e")
    bench.wfirma.mend()
    bench.clock.advance(30 * SECOND)
    await bench.look("d")
    fresh = await bench.generate("new")
    assert isinstance(fresh, Generated)
    assert not fresh.held


async def test_a_probe_whose_asker_died_is_made_by_another_when_its_time_has_lapsed(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d", "e")
    bench.clock.advance(30 * SECOND)
    assert await bench.gates.claim_probe("wfirma") is not None  # and the process is killed
    bench.wfirma.mend()
    assert await bench.look("e") is not None
    assert bench.wfirma.probes == 0
    bench.clock.advance(30 * SECOND)
    await bench.look("e")
    assert bench.wfirma.probes == 1
    assert not (await bench.gate()).shut


async def test_the_answer_of_an_asker_that_was_frozen_opens_nothing(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d")
    bench.clock.advance(30 * SECOND)
    claimed = await bench.gates.claim_probe("wfirma")
    assert claimed is not None
    bench.clock.advance(61 * SECOND)
    await bench.gates.open(*claimed)
    assert (await bench.gate()).shut


async def test_many_that_look_when_a_probe_is_due_make_one(bench: Bench) -> None:
    await bench.shut()
    await bench.hold(*(f"w-{n}" for n in range(9)))
    bench.clock.advance(30 * SECOND)
    await asyncio.gather(*(bench.look(f"w-{n}") for n in range(9)))
    assert bench.wfirma.probes == 1


async def test_a_waiting_time_that_the_provider_names_is_kept(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d")
    bench.wfirma.probe_fault = Throttled("provider_limit", retry_after=300 * SECOND)
    bench.clock.advance(30 * SECOND)
    assert await bench.look("d") == 300 * SECOND
    bench.clock.advance(299 * SECOND)
    assert await bench.look("d") == SECOND
    assert bench.wfirma.probes == 1


async def test_a_case_with_keys_of_its_own_to_mend_goes_and_the_others_wait(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d", "e")
    bench.wfirma.probe_fault = SettingsFault("issuer_settings")
    bench.clock.advance(30 * SECOND)
    assert await bench.look("d") is None
    assert await bench.look("e") is not None
    assert (await bench.gate()).shut


async def test_a_begun_case_that_is_served_opens_the_gate_like_a_probe(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d")
    bench.wfirma.mend()
    assert isinstance(await bench.generate("a", attempt=2), Generated)
    assert not (await bench.gate()).shut
    assert bench.wfirma.probes == 0
    assert await bench.look("d") is None


async def test_the_alert_stays_open_when_the_last_one_leaves_a_gate_that_is_shut(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d")
    await bench.gates.begin("d")
    async with bench.store.reading() as db:
        assert await db.count_holds("wfirma") == 0
    assert await bench.alerts() == [True]


async def test_with_nobody_waiting_the_alert_is_closed_when_the_gate_opens(bench: Bench) -> None:
    await bench.shut()
    bench.wfirma.mend()
    assert isinstance(await bench.generate("b", attempt=2), Generated)
    assert await bench.alerts() == [False]


async def test_a_provider_that_answers_and_still_fails_is_left_alone_after_two_and_longer_each_time(
    bench: Bench,
) -> None:
    await bench.shut()
    waiting = [f"w-{n:02}" for n in range(20)]
    await bench.hold(*waiting)
    bench.wfirma.probe_fault = None  # it is found, and adding fails
    burnt: list[str] = []
    pauses: list[timedelta] = []
    for _ in range(3):
        bench.clock.advance((await bench.look(waiting[-1])) or 30 * SECOND)
        while True:
            for case_id in [one for one in waiting if one not in burnt]:
                if await bench.look(case_id) is None:
                    await bench.fail(case_id)
                    burnt.append(case_id)
            gate = await bench.gate()
            if gate.shut:
                break
            bench.clock.advance(SECOND)
        assert gate.probe_at is not None
        pauses.append(gate.probe_at - bench.clock())
        bench.clock.advance(pauses[-1])
    assert [pause / SECOND for pause in pauses] == [60, 120, 240]
    assert len(burnt) <= 3 * 3
    assert await bench.alerts() == [True], "one alert for all of it"
    assert (await bench.logged(Event.ISSUER_SHUT), await bench.logged(Event.ISSUER_OPENED)) == (4, 3)


async def test_what_cannot_be_counted_does_not_hide_what_has_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.wfirma.break_(AWAY)
    await bench.record("a")

    def away() -> None:
        raise ConnectivityFault("database_unavailable")

    monkeypatch.setattr(bench.store, "transaction", away)
    error = await bench.generate("a")
    assert isinstance(error, ApplicationError)
    assert error.details[0].code == "issuer_unreachable"


async def test_an_expert_who_changes_his_issuer_takes_his_cases_out_of_the_queue(bench: Bench) -> None:
    await bench.shut()
    await bench.hold("d")
    found = facts("d", expert={**SELLER, "issuer": "builtin", "wfirma": None}).expert
    assert found is not None
    async with bench.store.transaction() as db:
        await db.save_expert("exp-wfirma", found, bench.clock())
    assert await bench.look("d") is None
    assert not (await bench.state("d")).held
