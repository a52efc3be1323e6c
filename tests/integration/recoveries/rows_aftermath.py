"""Rows of what follows: mails, refunds, corrections."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from activities.queueing import decide
from activities.sweeping import SweepInput
from invoicing.bootstrap import utc_now
from invoicing.domain.consequences import Documents, Money
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import Event
from invoicing.domain.recoveries import Recovery
from invoicing.domain.state import Step
from tests.integration.recoveries import troubles
from tests.integration.recoveries.rows import Row, Trouble, by_hand
from tests.integration.recoveries.rows_decisions import correct, resend
from tests.integration.recoveries.rows_payments import no_gateway, wrong_key
from tests.integration.recoveries.stage import Play
from tests.stage_samples import BUYER

SOON = timedelta(milliseconds=500)


def smtp(fault: str, **more: Any) -> Trouble:
    """The mail server misbehaves towards the case's own address."""
    return troubles.switched(lambda play, case: play.mail(fault, f"{case}@example.com", **more))


async def invoiced(play: Play, case: str) -> None:
    """A case with its invoice, whose buyer has an address of his own."""
    await play.invoiced(case, billing_data={**BUYER, "email": f"{case}@example.com"})


def unsent(code: str, trouble: Trouble, **told: Any) -> Row:
    """The invoice's mail is not delivered; it is sent again."""

    async def fail(play: Play, case: str) -> None:
        await invoiced(play, case)
        async with trouble(play, case) as worker:
            await worker.step(case, Step.EMAIL, give_up_after=SOON)

    return Row(
        code, Recovery.DELIVERED, fail, sent_again, Step.EMAIL, Event.MAIL_FAILED, Event.INVOICE_MAILED,
        documents=Documents.STORED, **{"attempts": (), **told},
    )  # fmt: skip


async def sent_again(play: Play, case: str) -> None:
    play.mend()
    await resend(play, case)
    await play.carry_out(case)


async def expert_not_told(play: Play, case: str) -> None:
    """The expert's mail is refused; the notification itself is there."""
    await play.invoiced(case)
    play.mail("550", "ekspert@example.com")
    await play.step(case, Step.NOTIFY)


async def deferred(play: Play, case: str) -> None:
    """The server asks for another try, and takes the mail then."""
    await invoiced(play, case)
    play.mail("451", f"{case}@example.com", times=1)
    await play.step(case, Step.EMAIL)


async def stays_sent(play: Play, case: str) -> None:
    assert (await play.timeline(case))[-1].event is Event.INVOICE_MAILED


MAILS = (
    unsent("mail_refused", smtp("550")),
    unsent("mail_undeliverable", smtp("451"), attempt=2),
    unsent("mail_outcome_unknown", smtp("drop_after_data"), attempt=2, attempts=(1,)),
    unsent("mail_not_configured", troubles.settings(SMTP_HOST=None)),
)


# --- refunds ----------------------------------------------------------------------------------------------------------


async def refused(play: Play, case: str) -> None:
    """The gateway does not give the money back."""
    await play.kept(case)
    play.gateway("refund", "refuse", times=1)
    await play.refund(case)
    await play.carry_out(case)


async def too_much(play: Play, case: str) -> None:
    """Together they are more than came; the second was recorded when what nobody has begun did not count."""
    await play.kept(case)
    await play.refund(case, Decimal("300.00"))
    first = await play.decided(case)
    more = {"amount": "200.00", "reason": "reklamacja"}
    async with play.app.store.transaction() as db:
        await decide(db, case, DecisionKind.REFUND, f"refund:{case}:old", "ops", more, utc_now())
    await play.act(first)
    await play.carry_out(case)


async def rest_given_back(play: Play, case: str) -> None:
    play.mend()
    await play.refund(case)
    await play.carry_out(case)


def unordered(code: str, trouble: Trouble) -> Row:
    """The gateway does not take the order of a refund, which is not decided again: nothing else is left to refund."""

    async def fail(play: Play, case: str) -> None:
        await play.kept(case)
        await play.refund(case)
        async with trouble(play, case) as worker:
            await worker.carry_out(case, fails=True)

    return Row(
        code, Recovery.CARRIED_OUT, fail, taken_up, None, Event.STEP_FAILED, Event.REFUND_REQUESTED, key="decision:",
        money=Money.NOT_REFUNDED,
    )  # fmt: skip


async def taken_up(play: Play, case: str) -> None:
    """The sweep finds that nobody follows the refund, and has it handed over anew."""
    decided = await play.decided(case)
    await play.change("DELETE FROM outbox WHERE case_id = :case", case=case)  # the relay has delivered it all
    play.runs.forgotten = {(case, decided.number): "completed"}
    swept = await play.engine.run("sweep_acts", SweepInput(young=timedelta(0)))
    assert swept.refunds == 1
    handed = f"decision:{case}:{decided.number}:again:%"
    (row,) = await play.rows("SELECT body FROM outbox WHERE key LIKE :key", key=handed)
    assert '"again"' in row.body
    await play.act(decided)


# --- corrections ------------------------------------------------------------------------------------------------------


async def bought_and_invoiced(play: Play, case: str) -> None:
    await play.kept(case)
    await play.step(case, Step.INVOICE)


async def partly_refunded(play: Play, case: str) -> None:
    await bought_and_invoiced(play, case)
    await play.refund(case, Decimal("100.00"))
    await play.carry_out(case)


async def corrected(play: Play, case: str) -> None:
    await correct(play, case)
    await play.carry_out(case)


async def not_taken_back(play: Play, case: str) -> None:
    """The money is back, and the correction to zero cannot be stored."""
    await bought_and_invoiced(play, case)
    await play.refund(case)
    async with troubles.no_documents(play, case) as worker:
        await worker.carry_out(case, fails=True)


async def not_ours_to_correct(play: Play, case: str) -> None:
    """The money is back, and the correction to zero has to be issued through KSeF."""
    await bought_and_invoiced(play, case)
    await play.refund(case)
    async with troubles.ksef(play, case) as worker:
        await worker.carry_out(case)


async def corrected_after_all(play: Play, case: str) -> None:
    """The expert was marked by mistake, and a person decides on the correction."""
    await taken_back(play, case)


async def taken_back(play: Play, case: str) -> None:
    """A person decides on the correction that has its number already."""
    wish = CorrectionRequest(reason="zwrot", to_zero=True)
    await play.app.deciding.correct_invoice(case, "ops", wish, None)
    await play.carry_out(case)


PROPOSED = Row(
    "correction_proposed", Recovery.CORRECTED, partly_refunded, corrected, Step.INVOICE, Event.ALERT_RAISED,
    Event.INVOICE_CORRECTED, attempts=(), money=Money.PARTLY_REFUNDED, documents=Documents.NOT_CORRECTED,
)  # fmt: skip
UNFINISHED = Row(
    "refund_unfinished", Recovery.CORRECTED, not_taken_back, taken_back, None, Event.STEP_FAILED,
    Event.INVOICE_CORRECTED, attempt=3, money=Money.REFUNDED, documents=Documents.STORED, told_as="document_store",
)  # fmt: skip
OUTSIDE = Row(
    "correction_ksef_required", Recovery.CORRECTED, not_ours_to_correct, corrected_after_all, Step.INVOICE,
    Event.ALERT_RAISED, Event.INVOICE_CORRECTED, attempts=(), money=Money.REFUNDED, documents=Documents.NOT_CORRECTED,
)  # fmt: skip
GIVEN_BACK = (Recovery.GIVEN_BACK, refused, rest_given_back, Step.CHARGE, Event.REFUND_FAILED, Event.REFUND_DONE)

ROWS = (
    *MAILS,
    *(by_hand(row) for row in MAILS),
    by_hand(MAILS[0], fail=expert_not_told, step=Step.NOTIFY, name="expert"),
    Row(
        "mail_deferred", None, deferred, stays_sent, Step.EMAIL, Event.ATTEMPT_FAILED, documents=Documents.STORED
    ),
    Row("refund_refused", *GIVEN_BACK, attempts=(), money=Money.NOT_REFUNDED),
    Row(
        "refund_too_large", Recovery.GIVEN_BACK, too_much, rest_given_back, Step.CHARGE, Event.REFUND_FAILED,
        Event.REFUND_DONE, attempts=(), money=Money.NOT_REFUNDED,
    ),
    unordered("autopay_disabled", no_gateway),
    unordered("gateway_settings", wrong_key),
    PROPOSED,
    by_hand(PROPOSED),
    UNFINISHED,
    by_hand(UNFINISHED),
    OUTSIDE,
    by_hand(OUTSIDE),
)  # fmt: skip
