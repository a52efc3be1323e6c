"""One row of the table: how a failure is brought about, what is told of it then, and what makes its alert close."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any

from invoicing.domain.consequences import Documents, Money
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import Event
from invoicing.domain.recoveries import Recovery
from invoicing.domain.state import Step
from tests.integration.recoveries.stage import Play

Act = Callable[[Play, str], Awaitable[None]]
Trouble = Callable[[Play, str], AbstractAsyncContextManager[Play]]
"""Something is broken within the block; it gives the play of the worker that meets it."""


@dataclass(frozen=True)
class Row:
    """A failure of a case and its recovery.

    `step` is what alert and record name; `event` is the line that ends the attempt, `closing` the line of what closes
    the alert. `attempts` have records of their own, from the first to `attempt` unless said otherwise. `about_case`:
    the alert names a case. `key`: how the alert's key begins, where others of the code open. `told_as`: the record's
    code, where the alert has another. `on`: the database that can fail so.
    """

    code: str
    way: Recovery | None
    fail: Act
    cure: Act
    step: Step | None
    event: Event
    closing: Event | None = None
    attempt: int = 1
    attempts: tuple[int, ...] | None = None
    money: Money | None = Money.KEPT
    documents: Documents | None = Documents.NONE
    name: str = ""
    about_case: bool = True
    key: str = ""
    told_as: str | None = None
    on: str = "sqlite"

    @property
    def id(self) -> str:
        """How the test is called."""
        return "-".join(part for part in (self.code, self.way.name.lower() if self.way else "none", self.name) if part)


async def nothing(_play: Play, _case: str) -> None:
    """No preparation."""


def parks(
    code: str,
    step: Step,
    trouble: Trouble,
    before: Act,
    *,
    cure: Act | None = None,
    **told: Any,
) -> Row:
    """The step fails within the trouble and parks; when the trouble is over it is tried again, and goes well."""

    async def fail(play: Play, case: str) -> None:
        await before(play, case)
        async with trouble(play, case) as worker:
            failure = await worker.failing(case, step)
        await play.parked(case, step, failure)

    async def again(play: Play, case: str) -> None:
        play.mend()
        if step in {Step.INVOICE, Step.EMAIL, Step.NOTIFY}:
            await play.app.deciding.take(case, DecisionKind.REGENERATE_INVOICE, "ops")
        await play.resumed(case, step)

    shown = {"event": Event.PARKED, "closing": Event.RESUMED, **told}
    return Row(code, Recovery.STEP_GOES_ON, fail, cure or again, step, **shown)


def stops(code: str, trouble: Trouble, before: Act, decide: Act, **told: Any) -> Row:
    """A decision cannot be carried out within the trouble; when it is over the same is decided again, and done."""

    async def fail(play: Play, case: str) -> None:
        await before(play, case)
        await decide(play, case)
        async with trouble(play, case) as worker:
            await worker.carry_out(case, fails=True)

    async def again(play: Play, case: str) -> None:
        play.mend()
        await decide(play, case)
        await play.carry_out(case)

    shown = {"event": Event.STEP_FAILED, "closing": Event.DECIDED, "step": None, "key": "decision:", **told}
    return Row(code, Recovery.DECIDED_AGAIN, fail, again, **shown)


def by_hand(row: Row, **told: Any) -> Row:
    """The same failure, after which a person of ops acknowledges the alert."""

    async def acknowledged(play: Play, case: str) -> None:
        play.mend()
        alerts = [alert for alert in await play.alerts() if alert.case_id == case and alert.code == row.code]
        await play.acknowledge(next(alert.id for alert in alerts if alert.closed_at is None))

    way = Recovery.ACKNOWLEDGED
    return replace(row, way=way, cure=acknowledged, closing=Event.ALERT_CLOSED, **told)
