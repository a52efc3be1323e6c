"""Rows of the charge: attempts that are refused or in doubt, money of another amount, money twice."""

import contextlib
from datetime import timedelta
from functools import partial
from typing import Any

from activities.records import CloseInput
from activities.watching import WatchInput
from invoicing.domain.consequences import Money
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import Event
from invoicing.domain.recoveries import Recovery
from invoicing.domain.state import Step
from invoicing.sandbox.autopay.desk import Action
from tests.integration.recoveries import troubles
from tests.integration.recoveries.engine import GoesOnTrying
from tests.integration.recoveries.messages import itn
from tests.integration.recoveries.rows import Act, Row, Trouble, by_hand, nothing, parks
from tests.integration.recoveries.stage import Play
from tests.stage_samples import document

FAR = "2036-11-22T10:00:00Z"


async def asked(play: Play, case: str) -> None:
    await play.asked(case)


async def is_open(play: Play, case: str) -> None:
    await play.opened(case)


charge = partial(parks, step=Step.CHARGE, before=asked, money=Money.NOT_CHARGED)
no_gateway = troubles.settings(AUTOPAY_BASE_URL=None, AUTOPAY_SERVICE_ID=None, AUTOPAY_SHARED_KEY=None)
wrong_key = troubles.settings(AUTOPAY_SHARED_KEY="another-key")
nobody_there = troubles.settings(AUTOPAY_BASE_URL="http://127.0.0.1:9")
busy = troubles.switched(lambda play, case: play.gateway("status", "http_429", case))


async def charged(play: Play, case: str) -> None:
    """The charge gets through."""
    play.mend()
    await play.step(case, Step.CHARGE)


def doubt(code: str, trouble: Trouble, money: Money, before: Act = asked, cure: Act = charged, **told: Any) -> Row:
    """The charge does not get through, and goes on trying; ops are told at the third try."""

    async def fail(play: Play, case: str) -> None:
        await before(play, case)
        async with trouble(play, case) as worker:
            with contextlib.suppress(GoesOnTrying):
                await worker.failing(case, Step.CHARGE, requested=2 if before is payer_refused else 1)

    return Row(
        code, Recovery.PAYMENT_SETTLED, fail, cure, Step.CHARGE, Event.PAYMENT_DOUBTFUL, attempt=3, money=money,
        key="charge:", **{"attempts": (1, 2, 3, 4, 5, 6), "closing": Event.PAYMENT_OPENED, **told},
    )  # fmt: skip


def answers_lost(play: Play, case: str) -> None:
    play.gateway("start", "drop_after_accept", case)
    play.gateway("status", "http_500", case)


async def found_paid(play: Play, case: str) -> None:
    """The attempt whose answer was lost has been paid, and the gateway says so."""
    play.mend()
    play.pay(case)
    await play.step(case, Step.CHARGE)


async def refused(play: Play, case: str) -> None:
    """The gateway does not want to open the payment."""
    await play.asked(case)
    play.gateway("start", "refuse", case, times=1)
    await play.step(case, Step.CHARGE)


async def pressed_again(play: Play, case: str) -> None:
    """The client presses once more."""
    await play.step(case, Step.CHARGE, requested=2)


async def abandoned(play: Play, case: str) -> None:
    """Nobody pays for so long that the case is closed."""
    await play.engine.run("record_unpaid", CloseInput(case_id=case))


async def paid_another_way(play: Play, case: str) -> None:
    """The money came by a transfer."""
    await play.external(case)
    await play.carry_out(case)


async def told_another_amount(play: Play, case: str) -> None:
    """An authentic message speaks of another amount than the attempt's."""
    await play.opened(case)
    (item,) = play.box.autopay.ledger.anywhere(f"{case}-1")
    answer = await play.receive(itn(f"{case}-1", remote_id=item.remote_id, amount="1.00"))
    assert "NOTCONFIRMED" in answer


async def another_amount_came(play: Play, case: str) -> None:
    """The gateway has the money, and it is another amount."""
    await play.opened(case)
    play.pay(case, action=Action.WRONG_AMOUNT)
    await play.checked(case)


async def money_came(play: Play, case: str) -> None:
    play.pay(case)
    await play.checked(case)


async def from_the_future(play: Play, case: str) -> None:
    """The case claims a payment that has not been made yet."""
    payment = {"method": "external", "reference": "R-1", "paid_at": FAR}
    await play.app.intake.record_case(document(case, payment=payment), "service")


async def given_up(play: Play, case: str) -> None:
    await play.decide(case, DecisionKind.GIVE_UP)
    await play.carry_out(case)


async def paid_twice(play: Play, case: str) -> None:
    await play.opened(case)
    play.pay(case, action=Action.PAY_TWICE)
    await play.checked(case)


async def second_given_back(play: Play, case: str) -> None:
    """The refund that was decided with the second payment is carried out."""
    await play.carry_out(case)


async def expired(play: Play, case: str) -> None:
    """The time to pay is over, and the gateway knows of no money."""
    await play.asked(case)
    await play.step(case, Step.CHARGE, validity=timedelta(minutes=1))
    play.pay(case, action=Action.EXPIRE)
    play.clock.advance(timedelta(minutes=3))
    await play.engine.run("watch_payment", WatchInput(case_id=case, attempt=1))


async def payer_refused(play: Play, case: str) -> None:
    await play.opened(case)
    play.pay(case, action=Action.REFUSE)
    await play.checked(case)


def refusal(cure: Act, closing: Event, name: str = "") -> Row:
    return Row(
        "payment_refused", Recovery.PAYMENT_SETTLED, refused, cure, Step.CHARGE, Event.PAYMENT_REFUSED, closing,
        attempts=(), money=Money.NOT_CHARGED, name=name,
    )  # fmt: skip


ANOTHER_AMOUNT = Row(
    "payment_not_verified", Recovery.MONEY_CAME, another_amount_came, nothing, Step.CHARGE, Event.ALERT_RAISED,
    attempts=(), money=Money.OPEN, name="paid",
)  # fmt: skip

ROWS = (
    charge("autopay_disabled", trouble=no_gateway),
    charge("gateway_settings", trouble=wrong_key),
    charge(
        "charge_of_paid_case", before=is_open, cure=money_came, money=Money.OPEN,
        trouble=troubles.changed(
            "UPDATE payment_attempts SET state = 'paid' WHERE case_id = '{case}'",
            "UPDATE payment_attempts SET state = 'open' WHERE case_id = '{case}'",
        ),
    ),
    charge(
        "payment_not_verified", trouble=troubles.none, before=from_the_future, cure=given_up, closing=Event.GIVEN_UP
    ),
    doubt(
        "provider_limit", busy, Money.NOT_CHARGED, payer_refused, pressed_again, closing=Event.ALERT_CLOSED
    ),
    doubt("gateway_unreachable", nobody_there, Money.NOT_CHARGED),
    doubt(
        "gateway_outcome_unknown", troubles.switched(answers_lost), Money.MAY_BE_CHARGED, cure=found_paid,
        closing=Event.PAYMENT_COMPLETED,
    ),
    refusal(pressed_again, Event.PAYMENT_OPENED),
    refusal(abandoned, Event.CLOSED_UNPAID, "abandoned"),
    refusal(paid_another_way, Event.PAYMENT_COMPLETED, "external"),
    Row(
        "payment_not_verified", Recovery.MONEY_CAME, told_another_amount, money_came, Step.CHARGE,
        Event.NOTIFICATION_REJECTED, Event.PAYMENT_COMPLETED, attempts=(), money=Money.OPEN, name="told",
    ),
    by_hand(ANOTHER_AMOUNT),
    Row(
        "payment_duplicate", Recovery.GIVEN_BACK, paid_twice, second_given_back, Step.CHARGE, Event.PAYMENT_DUPLICATE,
        Event.REFUND_DONE, attempts=(), money=Money.PAID_TWICE,
    ),
    Row(
        "expired", None, expired, pressed_again, Step.CHARGE, Event.PAYMENT_FAILED, attempts=(),
        money=Money.NOT_CHARGED,
    ),
    Row(
        "payment_failed", None, payer_refused, pressed_again, Step.CHARGE, Event.PAYMENT_FAILED, attempts=(),
        money=Money.NOT_CHARGED,
    ),
)  # fmt: skip
