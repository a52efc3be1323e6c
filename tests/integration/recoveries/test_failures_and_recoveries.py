"""Every code of the table of failures: brought about and told, its alert opened; cured, its alert closed."""

from itertools import count

import pytest

from invoicing.domain.failure_records import failures_of
from invoicing.domain.failures import FAILURES
from invoicing.domain.records import Event, LogQuery, StoredAlert
from invoicing.domain.recoveries import RECOVERIES, Recovery
from invoicing.domain.state import Step
from invoicing.sandbox.autopay.desk import Action
from tests.integration.recoveries import rows_aftermath, rows_decisions, rows_payments, rows_runs, rows_steps
from tests.integration.recoveries.engine import GoesOnTrying
from tests.integration.recoveries.rows import Row
from tests.integration.recoveries.rows_payments import nobody_there
from tests.integration.recoveries.stage import Play

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = (*rows_steps.ROWS, *rows_payments.ROWS, *rows_decisions.ROWS, *rows_aftermath.ROWS, *rows_runs.ROWS)
CASES = count(1)
EACH = {Event.ATTEMPT_FAILED, Event.REFUND_ATTEMPT_FAILED}


async def opened(play: Play, row: Row, case: str) -> StoredAlert:
    """The row fails; the one alert that it opens."""
    known = {alert.id for alert in await play.alerts()}
    await row.fail(play, case)
    about = case if row.about_case else None
    fresh = [alert for alert in await play.alerts() if alert.id not in known and alert.case_id == about]
    (alert,) = [alert for alert in fresh if alert.code == row.code and alert.key.startswith(row.key)]
    return alert


@pytest.mark.parametrize("row", [row for row in ROWS if row.way is None], ids=lambda row: str(row.id))
async def test_a_failure_without_an_alert_is_told_by_its_record(play: Play, row: Row) -> None:
    case, known = f"c{next(CASES)}", len(await play.alerts())
    await row.fail(play, case)
    assert len(await play.alerts()) == known
    (line,) = [line for line in await play.timeline(case) if line.code == row.code]
    assert (line.event, line.step, line.cause) == (row.event, row.step, FAILURES[row.code].cause)
    (failure,) = failures_of([line])
    assert (failure.attempt, failure.money, failure.documents) == (row.attempt, row.money, row.documents)
    await row.cure(play, case)


def rows(on: str) -> list[Row]:
    return [row for row in ROWS if row.way is not None and row.on == on]


@pytest.mark.parametrize("row", rows("sqlite"), ids=lambda row: str(row.id))
async def test_a_failure_is_told_and_its_recovery_closes_its_alert_and_nothing_else_does(play: Play, row: Row) -> None:
    await fails_and_recovers(play, row)


@pytest.mark.parametrize("row", rows("postgresql"), ids=lambda row: str(row.id))
async def test_a_failure_that_only_a_server_knows_is_told_and_cured_alike(play_postgres: Play, row: Row) -> None:
    await fails_and_recovers(play_postgres, row)


async def fails_and_recovers(play: Play, row: Row) -> None:
    """The whole life of an alert, and of a second one of the same kind beside it."""
    case, other = (f"c{next(CASES)}" for _ in range(2))
    alert = await opened(play, row, case)
    await tells_the_truth(play, row, case, alert)
    if row.about_case:
        elsewhere = await opened(play, row, other)
        await row.cure(play, other)
        assert (await now(play, elsewhere)).closed_at is not None
        await play.mailed(case)
    assert (await now(play, alert)).closed_at is None
    await row.cure(play, case)
    await is_over(play, row, case, alert)


async def now(play: Play, alert: StoredAlert) -> StoredAlert:
    """The alert as it stands."""
    (found,) = [one for one in await play.alerts() if one.id == alert.id]
    return found


async def tells_the_truth(play: Play, row: Row, case: str, alert: StoredAlert) -> None:
    """The record, written together with the alert; what it says; every attempt before it."""
    kind, about = FAILURES[row.code], case if row.about_case else None
    assert (alert.step, alert.cause, alert.acknowledged_at, alert.closed_at) == (row.step, kind.cause, None, None)
    groups = {(group.cause, group.code) for group in await play.app.store.alert_groups()}
    assert (kind.cause, row.code) in groups
    unit = play.journal.opening(alert.key)
    (line,) = [line for line in unit.lines if line.event is row.event]
    code = row.told_as or row.code
    assert (line.case_id, line.step, line.cause, line.code) == (about, row.step, FAILURES[code].cause, code)
    (failure,) = failures_of([line])
    assert (failure.attempt, failure.money, failure.documents) == (row.attempt, row.money, row.documents)
    assert failure.at == alert.opened_at
    if row.event is Event.PARKED:
        assert [saved.parked.code for saved in unit.states if saved.parked] == [row.code]
    told = [line.attempt for line in await play.timeline(case) if line.event in EACH and line.code == code]
    assert told == list(row.attempts if row.attempts is not None else range(1, row.attempt + 1))


async def is_over(play: Play, row: Row, case: str, alert: StoredAlert) -> None:
    """The alert is closed by what the table says, at the time of that event, and no failed task is left of it."""
    closed = await now(play, alert)
    assert closed.closed_at is not None
    lines = await play.app.store.activity(LogQuery(event=row.closing, limit=50))
    assert closed.closed_at in {line.at for line in lines}
    assert alert.key not in {task.key for task in await play.tasks(case)}
    if row.about_case:
        state = await play.state(case)
        assert state.parked is None or state.parked.code != row.code


async def test_an_acknowledged_alert_stays_so_while_its_failure_repeats_and_a_later_one_is_another(play: Play) -> None:
    (row,) = [row for row in ROWS if row.code == "gateway_unreachable" and row.way is Recovery.PAYMENT_SETTLED]
    case = f"c{next(CASES)}"
    alert = await opened(play, row, case)
    await play.acknowledge(alert.id)
    async with nobody_there(play, case) as worker:
        with pytest.raises(GoesOnTrying):
            await worker.failing(case, Step.CHARGE)
    assert [one.id for one in await play.alerts() if one.case_id == case] == [alert.id]
    assert (await now(play, alert)).acknowledged_by == "ops:ops-1"
    await row.cure(play, case)
    play.pay(case, action=Action.REFUSE)
    await play.checked(case)
    async with nobody_there(play, case) as worker:
        with pytest.raises(GoesOnTrying):
            await worker.failing(case, Step.CHARGE, requested=2)
    (later,) = [one for one in await play.alerts() if one.case_id == case and one.id != alert.id]
    assert (later.code, later.acknowledged_by, later.closed_at) == (row.code, None, None)


async def test_every_way_of_every_code_is_in_the_table() -> None:
    promised = {(code, way) for code, ways in RECOVERIES.items() for way in ways or (None,)}
    assert {(row.code, row.way) for row in ROWS} == promised
