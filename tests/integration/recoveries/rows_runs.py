"""Rows of runs that are gone, of messages and accounts that cannot be believed, and of a provider that is away."""

from datetime import timedelta

from activities.brownouts import WaitInput
from activities.interruptions import InterruptedInput
from activities.reconciliation import PageInput
from activities.sweeping import SweepInput
from activities.watching import NotificationInput
from invoicing.domain.consequences import Documents, Money
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.experts import ExpertInput
from invoicing.domain.records import Event, InboxMessage
from invoicing.domain.recoveries import Recovery
from invoicing.domain.state import Step
from tests.integration.recoveries.messages import itn
from tests.integration.recoveries.rows import Row, by_hand, nothing
from tests.integration.recoveries.rows_decisions import check, paid_unheard
from tests.integration.recoveries.rows_steps import wrong_platform_key
from tests.integration.recoveries.stage import EXPERTS, Play
from tests.stage_samples import EXPERT

MOMENT = timedelta(milliseconds=300)
AT_ONCE = SweepInput(young=timedelta(0))


async def cancelled(play: Play, case: str) -> None:
    """The run is cancelled from outside before it has made the invoice."""
    await play.paid(case)
    await play.engine.run("record_interrupted", InterruptedInput(case_id=case))


async def lost(play: Play, case: str) -> None:
    """The run is terminated, and the sweep sees that it is gone."""
    await play.paid(case)
    await play.change("DELETE FROM outbox WHERE case_id = :case", case=case)  # the relay has delivered it all
    play.runs.gone = {case}
    page = AT_ONCE
    while not (swept := await play.engine.run("sweep_cases", page)).last and not swept.lost:
        page = page.model_copy(update={"after": swept.after})
    play.runs.gone.clear()
    assert swept.lost == 1


async def started_again(play: Play, case: str) -> None:
    await play.decide(case, DecisionKind.REGENERATE_INVOICE)
    await play.carry_out(case)
    await play.step(case, Step.INVOICE)


async def act_ended(play: Play, case: str) -> None:
    """The act of a decision is terminated, and the sweep sees that."""
    await paid_unheard(play, case)
    await check(play, case)
    play.runs.ended = {(case, (await play.decided(case)).number)}
    await play.engine.run("sweep_acts", AT_ONCE)
    play.runs.ended.clear()


async def checked_again(play: Play, case: str) -> None:
    await play.checked(case)


async def stuck(play: Play, case: str) -> None:
    """The run's own code fails again and again."""
    await play.paid(case)
    play.runs.failing.add(case)
    await play.engine.run("sweep_acts", AT_ONCE)


async def works(play: Play, case: str) -> None:
    play.runs.failing.discard(case)
    await play.engine.run("sweep_acts", AT_ONCE)


async def forged(play: Play, case: str) -> None:
    """A message about an order of ours has another signature."""
    await play.opened(case)
    await play.receive(itn(f"{case}-1", remote_id="9FORGED", key="another-key"))


async def unknown_order(play: Play, case: str) -> None:
    """A message was stored whose attempt the restored database does not know."""
    await play.opened(case)
    message = InboxMessage(
        service_id="100001", order_id=f"{case}-9", remote_id=f"9-{case}", status="SUCCESS", amount="398.52",
        currency="PLN", details=None, paid_at=None, case_id=case, received_at=play.clock(),
    )  # fmt: skip
    async with play.app.store.transaction() as db:
        assert await db.receive(message)
    await play.engine.run("record_notification", NotificationInput(inbox_id=await play.inbox_id(case)))


async def saved(play: Play, _case: str) -> None:
    play.mend()
    await play.app.experts.save("exp-u", ExpertInput.model_validate({**EXPERT, **EXPERTS["exp-wfirma"]}), "service")


async def saved_unchecked(play: Play, case: str) -> None:
    """wFirma does not answer while an expert is saved."""
    play.wfirma("any", "http_500")
    await play.app.experts.save("exp-u", ExpertInput.model_validate({**EXPERT, **EXPERTS["exp-wfirma"]}), "service")


async def refused_everywhere(play: Play, case: str) -> None:
    """wFirma refuses the keys of three experts within the hour."""
    await play.paid(case, "exp-wfirma")
    async with wrong_platform_key(play, case) as worker:
        await worker.failing(case, Step.INVOICE)


async def taken_again(play: Play, case: str) -> None:
    """wFirma takes the keys of any of them."""
    play.mend()
    play.clock.advance(timedelta(minutes=2))
    await play.step(case, Step.INVOICE)


async def away(play: Play, case: str) -> None:
    """wFirma fails two cases, so that a third one is held."""
    names = [f"{case}-{n}" for n in range(3)]
    for name in names:
        await play.paid(name, "exp-wfirma")
    play.wfirma("any", "out_of_service")
    async with play.with_settings(BROWNOUT_GOVERNOR="on", BROWNOUT_CASES="2") as governed:
        for name in names[:2]:
            await governed.failing(name, Step.INVOICE)
        held = await governed.step(names[2], Step.INVOICE, may_wait=True)
    assert held.held


async def back(play: Play, case: str) -> None:
    """wFirma answers the probe of the case that is held, and it goes."""
    play.mend()
    play.clock.advance(timedelta(minutes=10))
    async with play.with_settings(BROWNOUT_GOVERNOR="on", BROWNOUT_CASES="2") as governed:
        await governed.engine.run("wait_for_provider", WaitInput(case_id=f"{case}-2"))


CANCELLED = Row(
    "run_cancelled", Recovery.STEP_GOES_ON, cancelled, started_again, Step.INVOICE, Event.PARKED, Event.RESUMED,
    attempts=(), documents=Documents.MAY_EXIST,
)  # fmt: skip
FORGED = Row(
    "notification_rejected", Recovery.ACKNOWLEDGED, forged, nothing, Step.CHARGE, Event.NOTIFICATION_REJECTED,
    attempts=(), money=Money.OPEN,
)  # fmt: skip


async def unheard(play: Play, case: str) -> None:
    """The gateway has money of which nobody has told us."""
    await play.opened(case)
    play.pay(case)
    await compare(play)


async def compare(play: Play) -> None:
    """The comparison of the day."""
    lately = PageInput(since=play.clock() - MOMENT, until=play.clock(), settles_within=timedelta(0))
    await play.engine.run("reconcile_page", lately)


async def heard(play: Play, case: str) -> None:
    await play.checked(case)
    await play.step(case, Step.INVOICE)
    await compare(play)


ROWS = (
    Row(
        "reconciliation_difference", Recovery.AGREES, unheard, heard, Step.CHARGE, Event.ALERT_RAISED,
        Event.ALERT_CLOSED, attempts=(), money=Money.NOT_MOVED,
    ),
    CANCELLED,
    Row(**{**vars(CANCELLED), "code": "run_lost", "fail": lost}),
    Row(
        "run_lost", Recovery.DECIDED_AGAIN, act_ended, checked_again, None, Event.STEP_FAILED, Event.DECIDED,
        attempts=(), money=Money.OPEN,
    ),
    Row(
        "run_stuck", Recovery.RUN_WORKS, stuck, works, None, Event.ALERT_RAISED, Event.ALERT_CLOSED, attempts=(),
    ),
    by_hand(FORGED),
    by_hand(FORGED, fail=unknown_order, event=Event.ALERT_RAISED, name="inbox"),
    Row(
        "issuer_unchecked", Recovery.PROVED, saved_unchecked, saved, None, Event.ALERT_RAISED, Event.EXPERT_SAVED,
        attempts=(), money=None, documents=None, about_case=False,
    ),
    Row(
        "platform_key_refused", Recovery.LOGIN_TAKEN, refused_everywhere, taken_again, Step.INVOICE, Event.ALERT_RAISED,
        Event.ALERT_CLOSED, attempts=(1,), money=None, documents=None, about_case=False,
    ),
    Row(
        "provider_brownout", Recovery.PROVIDER_BACK, away, back, Step.INVOICE, Event.ISSUER_SHUT, Event.INVOICE_LET_GO,
        attempts=(), money=None, documents=None, about_case=False,
    ),
)  # fmt: skip
