"""Corrections on a real server: while the case's run is open, when it has closed, and after a full refund."""

from collections.abc import AsyncIterator
from decimal import Decimal
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
import pytest_asyncio

from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.invoices import Invoice
from invoicing.domain.state import Badge
from invoicing.sandbox.autopay.desk import Action
from tests.stage import World, world
from tests.stage_samples import BUYER, document, until
from tests.stage_temporal import TemporalServer
from workflows import identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHEAPER = [{**document("x").lines[0].model_dump(mode="json"), "unit_price": "200.00"}]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = {"PAYMENT_POLL_INTERVAL": "300ms"}
    async with world(temporal, tmp_path_factory.mktemp("corrections"), settings=settings) as opened:
        yield opened


async def correct(stage: World, case_id: str, **fields: Any) -> None:
    """Decide as an expert would."""
    wish = CorrectionRequest.model_validate({"reason": "po reklamacji", **fields})
    await stage.app.deciding.correct_invoice(case_id, "expert:exp-1", wish, None)


async def documents(stage: World, case_id: str) -> list[Invoice]:
    async with stage.app.store.reading() as db:
        return [stored.invoice for stored in await db.invoices(case_id)]


async def corrections_mailed(stage: World, case_id: str, times: int) -> list[tuple[str, list[str]]]:
    """Recipient and names of the attached files of every correction's mail, once there are so many."""

    async def there() -> list[tuple[str, list[str]]] | None:
        mails = [mail for mail in stage.mails(case_id) if "correction." in mail.message_id]
        read = [message_from_bytes(mail.raw or b"", policy=default) for mail in mails]
        found = [(str(mail["To"]), [str(part.get_filename()) for part in mail.iter_attachments()]) for mail in read]
        return found if len(found) >= times else None

    return await until(there, f"{case_id}: {times} corrections are mailed")


async def test_a_closed_case_is_corrected_by_a_run_of_its_own_and_the_new_buyer_gets_it(stage: World) -> None:
    await stage.record("cor-1", paid=True)
    await stage.ended("cor-1")
    await correct(stage, "cor-1", billing_data={**BUYER, "name": "Nowa sp. z o.o.", "email": "nowa@example.com"})
    await stage.when("cor-1", lambda state: Badge.CORRECTED in state.badges, "it is corrected")
    _, correction = await documents(stage, "cor-1")
    ((recipient, files),) = await corrections_mailed(stage, "cor-1", 1)
    assert (recipient, files) == ("nowa@example.com", [f"{correction.number.replace('/', '-')}.pdf"])
    history = await stage.temporal.get_workflow_handle(identity.case_action_id("cor-1", 1)).fetch_history()
    assert "Nowa" not in history.to_json()


async def test_an_open_run_takes_the_correction_as_an_update(stage: World) -> None:
    stage.mail_fault("451", "late@example.com", times=1000)
    await stage.record("cor-2", paid=True, billing_data={**BUYER, "email": "late@example.com"})
    await stage.when("cor-2", lambda state: state.invoice.sha256, "it is invoiced")
    await correct(stage, "cor-2", lines=CHEAPER)
    await stage.when("cor-2", lambda state: Badge.CORRECTED in state.badges, "it is corrected")
    assert "correct_invoice" in await stage.completed("cor-2")
    stage.box.mail_switches.clear()
    await stage.ended("cor-2")
    await corrections_mailed(stage, "cor-2", 1)
    assert await stage.alerts("cor-2") == []


async def test_a_full_refund_takes_back_what_the_corrections_left(stage: World) -> None:
    await stage.record("cor-3")
    await stage.pay("cor-3")
    stage.act("cor-3-1", Action.PAY)
    await stage.ended("cor-3")
    await stage.app.deciding.refund("cor-3", "ops", Decimal("66.42"), "less work", "part")
    await until(lambda: stage.alerts("cor-3"), "a correction is proposed")
    await correct(stage, "cor-3", lines=CHEAPER)

    async def no_alert() -> bool:
        return not await stage.alerts("cor-3")

    await until(no_alert, "the proposal is closed")
    await stage.app.deciding.refund("cor-3", "ops", None, "no work at all", "rest")
    await corrections_mailed(stage, "cor-3", 2)
    invoice, cheaper, zero = await documents(stage, "cor-3")
    assert [fact.gross for fact in (invoice, cheaper, zero)] == [Decimal("398.52"), Decimal("332.10"), Decimal(0)]
    assert [fact.decision for fact in (cheaper, zero)] == [2, 3]
    assert zero.correction is not None
    assert zero.correction.before_gross == Decimal("332.10")
    assert (await stage.state("cor-3")).badges == (Badge.REFUNDED, Badge.CORRECTED)
