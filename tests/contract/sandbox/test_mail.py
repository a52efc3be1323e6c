"""The mail stand-in through a real SMTP client, and its mailbox over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any

import aiohttp
import aiosmtplib
import pytest

from invoicing.sandbox.autopay.desk import AutopayOptions
from invoicing.sandbox.running import MailOptions, RunningSandbox, SandboxOptions, sandbox
from tests.contract.sandbox.stage import HeldClock

PDF = b"%PDF-1.4 pretend\r\n\x00\xff bytes"


@asynccontextmanager
async def mail_stand_in(**options: Any) -> AsyncIterator[RunningSandbox]:
    made = SandboxOptions(autopay=AutopayOptions(port=0), mail=MailOptions(smtp_port=0, mailbox_port=0, **options))
    async with sandbox(made, HeldClock()) as running:
        yield running


@pytest.fixture
async def running() -> AsyncIterator[RunningSandbox]:
    async with mail_stand_in() as opened:
        yield opened


def invoice_mail(recipient: str = "anna@example.com", subject: str = "Faktura za sprawę") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "faktury@example.com", recipient, subject
    message["Message-ID"] = "<case-1.invoice.1@example.com>"
    message.set_content("Dzień dobry,\nw załączniku <b>faktura</b>.\n")
    message.add_attachment(PDF, maintype="application", subtype="pdf", filename="Faktura 1/11/2026.pdf")
    return message


async def send(running: RunningSandbox, message: EmailMessage | None = None, **login: str) -> str:
    _, reply = await aiosmtplib.send(
        message or invoice_mail(),
        hostname=running.smtp_host,
        port=running.smtp_port,
        timeout=10,
        start_tls=False,
        **login,  # type: ignore[arg-type]  # the overloads of the client do not see through keyword arguments
    )
    return reply


async def fault(running: RunningSandbox, **body: object) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.mailbox_url}/_sandbox/faults", json=body) as answer,
    ):
        return answer.status, await answer.json()


async def read(running: RunningSandbox, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(running.mailbox_url + path) as answer:
        if answer.content_type == "application/json":
            return answer.status, await answer.json()
        return answer.status, await answer.read()


async def test_a_message_arrives_with_headers_text_and_attachment(running: RunningSandbox) -> None:
    await send(running)

    _, listing = await read(running, "/messages")
    _, message = await read(running, "/messages/1")
    _, pdf = await read(running, "/messages/1/attachments/1")

    assert [item["subject"] for item in listing["items"]] == ["Faktura za sprawę"]
    assert listing["items"][0]["recipients"] == ["anna@example.com"]
    assert message["text"].splitlines() == ["Dzień dobry,", "w załączniku <b>faktura</b>."]
    assert ["Message-ID", "<case-1.invoice.1@example.com>"] in message["headers"]
    assert message["attachments"][0]["content_type"] == "application/pdf"
    assert message["attachments"][0]["size"] == len(PDF)
    assert pdf == PDF


async def test_duplicates_by_message_id_are_kept_and_counted(running: RunningSandbox) -> None:
    await send(running)
    await send(running)
    await send(running, invoice_mail("ekspert@example.com"))

    _, everything = await read(running, "/messages")
    _, narrowed = await read(running, "/messages?recipient=anna@example.com")

    assert [item["copies"] for item in everything["items"]] == [3, 3, 3]
    assert [item["number"] for item in narrowed["items"]] == [1, 2]
    assert running.mailbox.copies("<case-1.invoice.1@example.com>") == 3


async def test_pages_escape_everything_that_came_in_a_message(running: RunningSandbox) -> None:
    await send(running, invoice_mail(subject="<script>alert(1)</script>"))

    _, listing = await read(running, "/")
    _, page = await read(running, "/mail/1")

    for body in (listing.decode(), page.decode()):
        assert "<script" not in body
        assert "&lt;script&gt;" in body
    assert "&lt;b&gt;faktura&lt;/b&gt;" in page.decode()
    assert '<a href="/messages/1/attachments/1">Faktura 1/11/2026.pdf</a>' in page.decode()


async def test_an_empty_mailbox_and_unknown_numbers_are_told_apart(running: RunningSandbox) -> None:
    await send(running)

    assert (await read(running, "/messages/2"))[0] == 404
    assert (await read(running, "/messages/0"))[0] == 404
    assert (await read(running, "/messages/1/attachments/2"))[0] == 404


async def test_an_attachment_is_a_download_with_a_harmless_name(running: RunningSandbox) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "a@example.com", "b@example.com"
    message.set_content("x")
    message.add_attachment(b"<script>", maintype="text", subtype="html", filename='a";\t<b>.html')
    await send(running, message)

    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{running.mailbox_url}/messages/1/attachments/1") as answer,
    ):
        headers = answer.headers

    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"] == 'attachment; filename="a____b_.html"'
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("code", [451, 550])
async def test_a_recipient_is_refused_with_the_code_asked_for_and_nothing_is_stored(
    running: RunningSandbox, code: int
) -> None:
    await fault(running, fault=str(code), recipient="anna@example.com")

    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await send(running)
    await send(running, invoice_mail("ekspert@example.com"))
    await send(running)

    assert refused.value.recipients[0].code == code
    assert [item.recipients for item in running.mailbox.find()] == [("ekspert@example.com",), ("anna@example.com",)]


async def test_421_is_said_before_the_line_is_closed(running: RunningSandbox) -> None:
    await fault(running, fault="421")
    client = aiosmtplib.SMTP(hostname=running.smtp_host, port=running.smtp_port, start_tls=False, timeout=10)
    await client.connect()
    await client.mail("faktury@example.com")

    with pytest.raises(aiosmtplib.SMTPRecipientRefused) as refused:
        await client.rcpt("anna@example.com")
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await client.noop()

    assert refused.value.code == 421
    assert len(running.mailbox) == 0


async def test_a_line_dropped_before_the_data_stores_nothing(running: RunningSandbox) -> None:
    await fault(running, fault="drop_before_data")

    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(running)

    assert len(running.mailbox) == 0


async def test_a_line_dropped_after_the_data_hides_a_message_that_was_accepted(running: RunningSandbox) -> None:
    await fault(running, fault="drop_after_data")

    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(running)
    await send(running)

    assert running.mailbox.copies("<case-1.invoice.1@example.com>") == 2


async def test_a_refused_connection_is_reset_before_the_banner(running: RunningSandbox) -> None:
    await fault(running, fault="refuse_connection", times=1)

    with pytest.raises((aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected)):
        await send(running)
    await send(running)

    assert len(running.mailbox) == 1


async def test_a_hanging_recipient_is_dropped_in_the_end_and_stores_nothing(running: RunningSandbox) -> None:
    await fault(running, fault="hang", seconds=0)

    with pytest.raises((aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPRecipientsRefused)):
        await send(running)

    assert len(running.mailbox) == 0


async def test_a_hanging_client_times_out_and_the_stand_in_still_stops() -> None:
    async with mail_stand_in() as running:
        await fault(running, fault="hang")
        with pytest.raises(aiosmtplib.SMTPTimeoutError):
            await aiosmtplib.send(
                invoice_mail(),
                hostname=running.smtp_host,
                port=running.smtp_port,
                timeout=0.2,
                start_tls=False,
            )

        assert len(running.mailbox) == 0


async def test_faults_are_cleared_and_wrong_ones_refused_with_the_reason(running: RunningSandbox) -> None:
    await fault(running, fault="550", times=9)
    async with (
        aiohttp.ClientSession() as session,
        session.delete(f"{running.mailbox_url}/_sandbox/faults") as answer,
    ):
        assert answer.status == 204
    await send(running)

    assert len(running.mailbox) == 1
    assert "fault must be" in (await fault(running, fault="554"))[1]["error"]
    assert (await fault(running, fault="refuse_connection", recipient="a@example.com"))[0] == 400


async def test_a_login_is_demanded_when_one_is_set() -> None:
    async with mail_stand_in(user="sandbox", password="sandbox-password") as running:
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await send(running, username="sandbox", password="wrong")
        with pytest.raises(aiosmtplib.SMTPResponseException):
            await send(running)
        await send(running, username="sandbox", password="sandbox-password")

        assert len(running.mailbox) == 1


async def test_one_connection_carries_many_messages(running: RunningSandbox) -> None:
    client = aiosmtplib.SMTP(hostname=running.smtp_host, port=running.smtp_port, start_tls=False, timeout=10)
    async with client:
        for _ in range(3):
            await client.send_message(invoice_mail())

    assert len(running.mailbox) == 3


async def test_only_the_newest_messages_keep_their_bytes_and_all_are_counted() -> None:
    async with mail_stand_in(keep=2) as running:
        for _ in range(3):
            await send(running)

        assert (await read(running, "/messages/1"))[0] == 410
        assert (await read(running, "/messages/2"))[0] == 200
        assert len((await read(running, "/messages"))[1]["items"]) == 3


async def test_a_message_of_broken_headers_is_still_kept_and_shown(running: RunningSandbox) -> None:
    raw = b"Subject: =?utf-8?q?broken\r\nTo: <<@@>\r\nContent-Type: multipart/mixed\r\n\r\nno boundary\r\n"
    client = aiosmtplib.SMTP(hostname=running.smtp_host, port=running.smtp_port, start_tls=False, timeout=10)
    async with client:
        await client.sendmail("a@example.com", ["b@example.com"], raw)

    assert (await read(running, "/messages/1"))[0] == 200
    assert (await read(running, "/mail/1"))[0] == 200
