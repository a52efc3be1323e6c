"""The mailer against its stand-in, which was written from the protocol and shares no code with it."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator

import aiohttp
import pytest

from invoicing.errors import ConnectivityFault, OutcomeUnknown, PaidcaseError, Refused
from invoicing.gateways.smtp.mailer import SmtpMailer
from invoicing.ports import Attachment, Mail, utc_now
from tests.contract.gateways.sandbox_shop import Shop, opened


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with opened() as made:
        yield made


def mailer_of(shop: Shop) -> SmtpMailer:
    running = shop.running
    return SmtpMailer(running.smtp_host, running.smtp_port, "none", sender="faktury@example.com", clock=utc_now)


MAIL = Mail(
    "case-1.invoice@example.com", "anna@example.com", "Faktura", "Dzień dobry", "pl", (Attachment("f.pdf", b"%PDF"),)
)


async def test_a_mail_reaches_the_mailbox_whole(shop: Shop) -> None:
    mailer = mailer_of(shop)
    await mailer.send(MAIL)
    await mailer.send(MAIL)
    await mailer.close()
    first, second = shop.running.mailbox.find(recipient=MAIL.recipient)
    assert first.message_id == second.message_id == f"<{MAIL.message_id}>"
    assert (first.mail_from, first.recipients, first.subject) == ("faktury@example.com", (MAIL.recipient,), "Faktura")
    assert first.raw is not None
    (attached,) = email.message_from_bytes(first.raw, policy=email.policy.default).iter_attachments()
    assert attached.get_content() == b"%PDF"


@pytest.mark.parametrize(
    ("fault", "kind", "stored"),
    [
        ("421", ConnectivityFault, 0),
        ("451", ConnectivityFault, 0),
        ("550", Refused, 0),
        ("refuse_connection", ConnectivityFault, 0),
        ("drop_before_data", ConnectivityFault, 0),
        ("drop_after_data", OutcomeUnknown, 1),
    ],
)
async def test_a_disturbed_mail_has_the_outcome_that_the_mailbox_shows(
    fault: str, kind: type[PaidcaseError], stored: int, shop: Shop
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{shop.running.mailbox_url}/_sandbox/faults", json={"fault": fault, "times": 1}) as answer,
    ):
        assert answer.status == 201
    mailer = mailer_of(shop)
    with pytest.raises(kind):
        await mailer.send(MAIL)
    assert len(shop.running.mailbox) == stored
    await mailer.send(MAIL)
    await mailer.close()
    assert len(shop.running.mailbox) == stored + 1
