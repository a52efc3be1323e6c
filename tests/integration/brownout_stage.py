"""Gates on a real database, with a clock to move and issuers to break; activities as a worker has them."""

import dataclasses
from dataclasses import dataclass, field
from datetime import date, timedelta

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.brownouts import BrownoutActivities, WaitInput
from activities.gates import Gates
from activities.invoices import Generated, GenerateInput, InvoiceActivities
from invoicing.domain.brownouts import BrownoutLimits, Gate
from invoicing.domain.cases import ExpertDocument
from invoicing.domain.records import Event, LogQuery
from invoicing.domain.state import CaseState, InvoiceStatus
from invoicing.errors import ConnectivityFault, Fault, PaidcaseError
from invoicing.ports import Issued, IssueOrder
from invoicing.storage.store import SqlCaseStore
from tests.contract.gateways.wfirma_stage import MovedClock, facts
from tests.contract.issuers.benches import SELLER

SECOND = timedelta(seconds=1)
LIMITS = BrownoutLimits(cases=3, window=60 * SECOND, probe_interval=30 * SECOND)
AWAY = ConnectivityFault("issuer_unreachable")
RESTORED = ConnectivityFault("account_maintenance")


class Breakable:
    """An issuer that fails with what it is told to; it knows how to look for what was lost."""

    def __init__(self) -> None:
        self.fault: PaidcaseError | None = None
        self.restored: set[str] = set()
        self.probe_fault: PaidcaseError | None = None
        self.issued: list[str] = []
        self.probes = 0

    async def issue(self, order: IssueOrder) -> Issued:
        self._demand_account(order)
        if self.fault is not None:
            raise self.fault
        self.issued.append(order.facts.document.case_id)
        return Issued(f"FV/{len(self.issued)}", date(2026, 11, 22), "0" * 64)

    async def correct_to_zero(self, order: IssueOrder) -> Issued:
        raise AssertionError("nothing is corrected on this stage")

    async def look(self, order: IssueOrder) -> Issued | None:
        return None

    async def check(self, expert: ExpertDocument) -> tuple[Fault, ...]:
        raise AssertionError("nobody is saved on this stage")

    async def probe(self, order: IssueOrder) -> None:
        self.probes += 1
        self._demand_account(order)
        if self.probe_fault is not None:
            raise self.probe_fault

    def _demand_account(self, order: IssueOrder) -> None:
        if order.facts.document.expert_id in self.restored:
            raise RESTORED

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

    async def record(self, case_id: str, issuer: str = "wfirma", expert_id: str | None = None) -> None:
        keys = {} if issuer == "wfirma" else {"wfirma": None}
        found = facts(case_id, expert={**SELLER, "issuer": issuer, **keys}).model_copy(update={"billing": None})
        document = found.document.model_copy(update={"expert_id": expert_id or f"exp-{issuer}"})
        expert = found.expert
        assert expert is not None
        async with self.store.transaction() as db:
            await db.save_expert(document.expert_id, expert.model_copy(update={"wfirma": None}), self.clock())
            await db.record_case(document, found.state, self.clock())

    async def generate(
        self,
        case_id: str,
        *,
        attempt: int = 1,
        may_wait: bool = True,
        issuer: str = "wfirma",
        expert_id: str | None = None,
    ) -> Generated | ApplicationError:
        """One attempt; the case is recorded when it is new."""
        if case_id not in {state.case_id for state in await self.store.statuses([case_id])}:
            await self.record(case_id, issuer, expert_id)
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

    async def fail(self, *case_ids: str, attempt: int = 1, expert_id: str | None = None) -> None:
        for case_id in case_ids:
            assert isinstance(await self.generate(case_id, attempt=attempt, expert_id=expert_id), ApplicationError)

    async def shut(self) -> None:
        """Three cases shut the gate."""
        self.wfirma.break_(AWAY)
        await self.fail("a", "b", "c")
        assert (await self.gate()).shut

    async def hold(self, *case_ids: str, expert_id: str | None = None) -> None:
        for case_id in case_ids:
            generated = await self.generate(case_id, expert_id=expert_id)
            assert isinstance(generated, Generated)
            assert (generated.held, generated.status) == (True, InvoiceStatus.NONE)
            self.clock.advance(SECOND / 1000)

    async def gate(self, name: str = "wfirma") -> Gate:
        async with self.store.reading() as db:
            return await db.gate(name)

    async def state(self, case_id: str) -> CaseState:
        async with self.store.reading() as db:
            return (await db.facts(case_id)).state

    async def alerts(self) -> list[bool]:
        """Whether each alert of a brown-out is open, newest first."""
        found = await self.store.alerts(open_only=False, after_id=0, limit=100)
        return [alert.closed_at is None for alert in found if alert.code == "provider_brownout"]

    async def logged(self, event: Event) -> int:
        return len(await self.store.activity(LogQuery(event=event, limit=1000)))
