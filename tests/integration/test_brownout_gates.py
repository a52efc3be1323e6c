"""Gates on a real database, a clock to move and an issuer to break: shutting, probing, letting go, relapsing."""

import asyncio
import dataclasses
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.brownouts import BrownoutActivities, WaitInput
from activities.gates import Gates
from activities.invoices import Generated, GenerateInput, InvoiceActivities
from invoicing.domain.brownouts import BrownoutLimits, Gate
from invoicing.domain.records import Event, LogQuery
from invoicing.domain.state import CaseState, InvoiceStatus
from invoicing.errors import ConnectivityFault, OutcomeUnknown, PaidcaseError, SettingsFault, Throttled
from invoicing.ports import Issued, IssueOrder
from invoicing.storage.schema import upgrade
from invoicing.storage.store import SqlCaseStore
from tests.contract.gateways.wfirma_stage import MovedClock, facts
from tests.contract.issuers.benches import SELLER

SECOND = timedelta(seconds=1)
LIMITS = BrownoutLimits(cases=3, window=60 * SECOND, probe_interval=30 * SECOND)
AWAY = ConnectivityFault("issuer_unreachable")


class Breakable:
    """An issuer that fails with what it is told to; it knows how to look for what was lost."""

    def __init__(self) -> None:
        self.fault: PaidcaseError | None = None
        self.probe_fault: PaidcaseError | None = None
        self.issued: list[str] = []
        self.probes = 0

    async def issue(self, order: IssueOrder) -> Issued:
        if self.fault is not None:
            raise self.fault
        self.issued.append(order.facts.document.case_id)
        return Issued(f"FV/{len(self.issued)}", date(2026, 11, 22), "0" * 64)

    async def correct_to_zero(self, order: IssueOrder) -> Issued:
        raise NotImplementedError

    async def look(self, order: IssueOrder) -> Issued | None:
        return None

    async def probe(self, order: IssueOrder) -> None:
        self.probes += 1
        if self.probe_fault is not None:
            raise self.probe_fault

    def break_(self, fault: PaidcaseError) -> None:
        self.fault = self.probe_fault = fault

    def mend(self) -> None:
        self.fault = self.probe_fault = None


@dataclass
class Bench:
    """One database, one clock, two issuers; activities as a worker has them."""

    store: SqlCaseStore
    clock: MovedClock
    limits: BrownoutLimits = LIMITS
    wfirma: Breakable = field(default_factory=Breakable)
    builtin: Breakable = field(default_factory=Breakable)

    @property
    def gates(self) -> Gates:
        return Gates(self.store, self.clock, self.limits)

    async def record(self, case_id: str, issuer: str = "wfirma") -> None:
        keys = {} if issuer == "wfirma" else {"wfirma": None}
        found = facts(case_id, expert={**SELLER, "issuer": issuer, **keys}).model_copy(update={"billing": None})
        document = found.document.model_copy(update={"expert_id": f"exp-{issuer}"})
        expert = found.expert
        assert expert is not None
        async with self.store.transaction() as db:
            await db.save_expert(document.expert_id, expert.model_copy(update={"wfirma": None}), self.clock())
            await db.record_case(document, found.state, self.clock())

    async def generate(
        self, case_id: str, *, attempt: int = 1, may_wait: bool = True, issuer: str = "wfirma"
    ) -> Generated | ApplicationError:
        """One attempt; the case is recorded when it is new."""
        if case_id not in {state.case_id for state in await self.store.statuses([case_id])}:
            await self.record(case_id, issuer)
        issuers = {"wfirma": self.wfirma, "builtin": self.builtin}
        activities = InvoiceActivities(self.store, issuers, self.clock, self.gates)
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, attempt=attempt)
        try:
            generated: Generated = await environment.run(
                activities.generate_invoice, GenerateInput(case_id=case_id, may_wait=may_wait)
            )
            return generated
        except ApplicationError as error:
            return error

    async def look(self, case_id: str) -> timedelta | None:
        """One look of a case that waits: the time until the next one, or None when it goes."""
        issuers = {"wfirma": self.wfirma, "builtin": self.builtin}
        activities = BrownoutActivities(self.store, issuers, self.gates, self.clock)
        try:
            await ActivityEnvironment().run(activities.wait_for_provider, WaitInput(case_id=case_id))
        except ApplicationError as error:
            assert error.type == "StillPending"
            return error.next_retry_delay
        return None

    async def fail(self, *case_ids: str, attempt: int = 1) -> None:
        for case_id in case_ids:
            assert isinstance(await self.generate(case_id, attempt=attempt), ApplicationError)

    async def shut(self) -> None:
        """Three cases shut the gate."""
        self.wfirma.break_(AWAY)
        await self.fail("a", "b", "c")
        assert (await self.gate()).shut

    async def hold(self, *case_ids: str) -> None:
        for case_id in case_ids:
            generated = await self.generate(case_id)
            assert isinstance(generated, Generated)
            assert (generated.held, generated.status) == (True, InvoiceStatus.NONE)
            self.clock.advance(SECOND / 1000)

    async def gate(self) -> Gate:
        async with self.store.reading() as db:
            return await db.gate("wfirma")

    async def state(self, case_id: str) -> CaseState:
        async with self.store.reading() as db:
            return (await db.facts(case_id)).state

    async def alerts(self) -> list[bool]:
        """Whether each alert of a brown-out is open, newest first."""
        found = await self.store.alerts(open_only=False, after_id=0, limit=100)
        return [alert.closed_at is None for alert in found if alert.code == "provider_brownout"]

    async def logged(self, event: Event) -> int:
        return len(await self.store.activity(LogQuery(event=event, limit=1000)))


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "paidcase.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
async def bench(migrated: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    shutil.copy(migrated, tmp_path / "paidcase.db")
    clock = MovedClock()
    store = SqlCaseStore(f"sqlite+aiosqlite:///{tmp_path / 'paidcase.db'}", clock)
    yield Bench(store, clock)
    await store.close()


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
