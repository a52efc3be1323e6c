"""What is accepted while Temporal is down goes on when it is back. The server keeps its state in a file."""

import pytest

from invoicing.domain.state import PaymentStatus
from invoicing.intake import PaymentAnswer
from invoicing.sandbox.autopay.desk import Action
from tests.stage import world
from tests.stage_samples import until
from tests.stage_temporal import temporal_server


async def test_cases_and_messages_accepted_while_temporal_is_down_go_on_later(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("away")
    with temporal_server(folder, on_file=True) as server:
        async with world(server, folder) as stage:
            await stage.record("paid-1")
            await stage.pay("paid-1", within=20)
            server.stop()
            await stage.record("ext-1", paid=True)
            await stage.record("asked-1")
            asked = await stage.pay("asked-1", within=0.5)
            assert (asked.answer, asked.redirect_url) == (PaymentAnswer.NOT_KNOWN, None)
            stage.act("paid-1-1", Action.PAY)

            async def confirmed() -> bool:
                return (await stage.app.store.waiting())["inbox"] == 1

            await until(confirmed, "the message is stored")
            assert (await stage.state("paid-1")).payment.status is PaymentStatus.OPEN
            server.start()
            await stage.ended("ext-1", 60)
            await stage.ended("paid-1", 60)
            await stage.when("asked-1", lambda state: state.payment.status is PaymentStatus.OPEN, "it is open", 60)
            assert len(stage.ledger("asked-1")) == len(stage.ledger("paid-1")) == 1
            assert len(await stage.kept("paid-1")) == 1
            assert [len(stage.mails(case_id)) for case_id in ("ext-1", "paid-1")] == [2, 2]
