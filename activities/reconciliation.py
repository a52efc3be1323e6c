"""Reconciliation: the gateway is asked about the orders and refunds of the last days, and disagreements become alerts.

Guarantee: it moves no money, issues nothing and never writes the state record. One alert a case and kind with both
figures; it closes when a later comparison finds the difference gone. A case is compared at its newest line of the
activity log within the time asked for, so that one run meets it once; cases with an open alert are compared in any
case. The gateway is asked gently, one call after another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.alerting import raised, settled
from activities.failures import mapped
from invoicing.domain.reconciling import Books, Difference, DifferenceKind, differences
from invoicing.domain.records import Alert, LogQuery, StoredAlert
from invoicing.domain.state import Step
from invoicing.errors import Cause, ConnectivityFault, NotFound, SettingsFault, Throttled
from invoicing.ports import CaseStore, Clock, PaymentGateway

Answer = TypeVar("Answer")

CODE = "reconciliation_difference"

SETTLES_WITHIN = timedelta(minutes=15)
"""Money and invoices younger than this may still be on their way to each other."""

PAUSE = timedelta(milliseconds=100)
"""Between two questions to the gateway."""

LINES = 200
BUDGET = timedelta(seconds=25)
"""No further case is begun after so long; with `CASE_WITHIN` an activity ends well before its timeout."""

CASE_WITHIN = timedelta(seconds=25)

PATIENT_ATTEMPTS = 3
"""So often a page waits for a gateway at its limit; then what it will not tell is counted as unasked."""


class Source(StrEnum):
    """Where cases are found: in `activity` what happened in time, in `alerts` what is open from before."""

    ACTIVITY = "activity"
    ALERTS = "alerts"


class PageInput(BaseModel):
    """The cases to compare: those behind `after_id` (0: from the newest). `settles_within` spares what is too young."""

    model_config = ConfigDict(frozen=True)

    since: datetime
    until: datetime
    settles_within: timedelta = SETTLES_WITHIN
    source: Source = Source.ACTIVITY
    after_id: int = 0


class PageResult(BaseModel):
    """What was compared; the next page begins behind `after_id`, unless this one was the `last` of its source.

    `unasked` counts orders and refunds of which the gateway did not tell: service not configured, limit reached.
    """

    model_config = ConfigDict(frozen=True)

    after_id: int
    last: bool
    cases: int = 0
    differences: int = 0
    unasked: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """One row of a source; `case_id` is None where there is nothing to compare."""

    id: int
    case_id: str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of one case."""

    differences: tuple[Difference, ...]
    unasked: int


class ReconciliationActivities:
    """Compares case after case."""

    def __init__(self, store: CaseStore, gateway: PaymentGateway, clock: Clock) -> None:
        self._store = store
        self._gateway = gateway
        self._clock = clock

    @activity.defn(name="reconcile_page")
    @mapped
    async def reconcile_page(self, page: PageInput) -> PageResult:
        """Compare as many cases of a page as fit into the budget, and open and close their alerts.

        Raises `ConnectivityFault` when gateway or database do not answer; comparing a case again changes nothing.
        """
        places, last = await self.places(page)
        begun = self._clock()
        result = PageResult(after_id=page.after_id, last=False)
        for place in places:
            if self._clock() - begun > BUDGET:
                return result
            done = result.model_copy(update={"after_id": place.id})
            if place.case_id is not None:
                compared = await self.compared(place.case_id, page.settles_within)
                await self._record(place.case_id, compared)
                done = done.model_copy(
                    update={
                        "cases": result.cases + 1,
                        "differences": result.differences + len(compared.differences),
                        "unasked": result.unasked + compared.unasked,
                    }
                )
            result = done
        return result.model_copy(update={"last": last})

    async def places(self, page: PageInput) -> tuple[tuple[Place, ...], bool]:
        """The next rows of a source, and whether they are its last."""
        if page.source is Source.ALERTS:
            alerts = await self._store.alerts(open_only=True, after_id=page.after_id, limit=LINES)
            found = [Place(each.id, await self._quiet(each, page)) for each in alerts]
            return _once(found), len(alerts) < LINES
        # the beginning is not asked of the database, which would read its whole archive to find nothing older
        lines = await self._store.activity(LogQuery(until=page.until, after_id=page.after_id, limit=LINES))
        met = _once([Place(line.id, line.case_id if line.at >= page.since else None) for line in lines])
        places = tuple([await self._newest(place, page.until) for place in met])
        return places, len(lines) < LINES or all(line.at < page.since for line in lines)

    async def _newest(self, place: Place, until: datetime) -> Place:
        """The place without its case when a page before had it."""
        if place.case_id is None:
            return place
        (line,) = await self._store.activity(LogQuery(case_id=place.case_id, until=until, limit=1))
        return place if line.id == place.id else Place(place.id, None)

    async def _quiet(self, alert: StoredAlert, page: PageInput) -> str | None:
        """The case of an open difference, unless its activity leads to it anyway."""
        if alert.code != CODE or alert.case_id is None:
            return None
        lines = await self._store.activity(LogQuery(case_id=alert.case_id, until=page.until, limit=1))
        return None if any(line.at >= page.since for line in lines) else alert.case_id

    async def compared(self, case_id: str, settles_within: timedelta = SETTLES_WITHIN) -> Compared:
        """Ask the gateway, then read what is recorded. Raises `ConnectivityFault` when that takes too long."""
        settled_before = self._clock() - settles_within
        try:
            async with asyncio.timeout(CASE_WITHIN.total_seconds()):
                return await self._compared(case_id, settled_before)
        except TimeoutError:
            raise ConnectivityFault("gateway_unreachable", "the gateway answers too slowly") from None

    async def _compared(self, case_id: str, settled_before: datetime) -> Compared:
        async with self._store.reading() as db:
            try:
                await db.facts(case_id)
            except NotFound:  # the log keeps what was told of cases that are not recorded
                return Compared((), 0)
            attempts, refunds = await db.attempts(case_id), await db.refunds(case_id)
        told = {
            (each.service_id, each.order_id): await self._asked(self._gateway.status, each.service_id, each.order_id)
            for each in attempts
            if each.sent_at is not None
        }
        progress = {
            each.message_id: await self._asked(self._gateway.refund_status, each.service_id, each.message_id)
            for each in refunds
        }
        # read after asking: what was recorded meanwhile is no difference
        async with self._store.reading() as db:
            books = Books(
                state=(await db.facts(case_id)).state,
                attempts=await db.attempts(case_id),
                captures=await db.captures(case_id),
                refunds=await db.refunds(case_id),
                invoices=tuple(stored.invoice for stored in await db.invoices(case_id)),
                told={key: answer for key, answer in told.items() if answer is not None},
                progress={key: stage for key, stage in progress.items() if stage is not None},
            )
        unasked = sum(answer is None for answer in (*told.values(), *progress.values()))
        return Compared(differences(books, settled_before), unasked)

    @staticmethod
    async def _asked(call: Callable[[str, str], Awaitable[Answer]], service_id: str, subject: str) -> Answer | None:
        try:
            answer = await call(service_id, subject)
        except (SettingsFault, Throttled) as error:
            # what is settled for good on one order must not keep the others from being compared
            if error.retryable and activity.in_activity() and activity.info().attempt <= PATIENT_ATTEMPTS:
                raise
            return None
        await asyncio.sleep(PAUSE.total_seconds())
        return answer

    async def _record(self, case_id: str, compared: Compared) -> None:
        now, found = self._clock(), {one.kind for one in compared.differences}
        # what could not be asked is not proved to agree
        gone = [] if compared.unasked else [alert_key(case_id, kind) for kind in DifferenceKind if kind not in found]
        async with self._store.transaction() as db:
            await settled(db, case_id, CODE, gone, now)
            for kind in found:
                state = (await db.facts(case_id)).state
                await raised(db, _alert(kind, [one for one in compared.differences if one.kind is kind], now), state)


def _once(places: Sequence[Place]) -> tuple[Place, ...]:
    """The places with each case only at its first one."""
    seen: set[str | None] = set()
    kept: list[Place] = []
    for place in places:
        kept.append(place if place.case_id not in seen else Place(place.id, None))
        seen.add(place.case_id)
    return tuple(kept)


def alert_key(case_id: str, kind: DifferenceKind) -> str:
    return f"reconciliation:{case_id}:{kind.value}"


def _alert(kind: DifferenceKind, alike: Sequence[Difference], now: datetime) -> Alert:
    case_id = alike[0].case_id
    invoiced = kind in {DifferenceKind.PAID_NOT_INVOICED, DifferenceKind.INVOICE_DIFFERS}
    return Alert(
        key=alert_key(case_id, kind),
        case_id=case_id,
        step=Step.INVOICE if invoiced else Step.CHARGE,
        cause=Cause.PAYMENT,
        code=CODE,
        opened_at=now,
        details={
            "kind": kind.value,
            "subject": ", ".join(one.subject for one in alike),
            "expected": ", ".join(one.expected for one in alike),
            "found": ", ".join(one.found for one in alike),
        },
    )
