"""Every point at which a mail server can fail, and whether the mail may have been accepted there."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import uvloop

from invoicing.errors import ConnectivityFault, OutcomeUnknown, PaidcaseError, Refused, SettingsFault
from invoicing.gateways.smtp.mailer import SmtpMailer
from invoicing.gateways.smtp.session import Security
from invoicing.ports import Attachment, Mail, Mailer, utc_now
from tests.contract.gateways.raw_smtp import CLOSE, EHLO, SILENCE, RawSmtp

MAIL = Mail("case-1.invoice.1@example.com", "anna@example.com", "Faktura", ".tekst\n..żółć\n.\n", "pl")
LARGE = Mail(
    "case-1.invoice.2@example.com", "anna@example.com", "x", "x", "pl", (Attachment("a.pdf", b"%PDF" * 4_000_000),)
)
"""Larger than what two kernels keep for a connection, so that the end cannot leave while the server does not read."""

AUTH_EHLO = "250-mail.example.com\r\n250 AUTH PLAIN"
STARTTLS_EHLO = "250-mail.example.com\r\n250-AUTH PLAIN\r\n250 STARTTLS"
PASSWORD = "sesame-sesame"


@pytest.fixture
async def server() -> AsyncIterator[RawSmtp]:
    raw = RawSmtp()
    await raw.start()
    yield raw
    await raw.stop()


def mailer_for(server: RawSmtp, **options: Any) -> SmtpMailer:
    known = {"security": "none", "sender": "Paidcase <faktury@example.com>", "local_hostname": "paidcase.example.com",
             "clock": utc_now}  # fmt: skip
    return SmtpMailer("127.0.0.1", server.port, **{**known, **options})


@pytest.fixture
async def mailer(server: RawSmtp) -> AsyncIterator[SmtpMailer]:
    made = mailer_for(server)
    yield made
    await made.close()


@pytest.fixture
async def hasty(server: RawSmtp) -> AsyncIterator[SmtpMailer]:
    """Gives up soon; for servers that fall silent."""
    made = mailer_for(server, timeout=timedelta(seconds=0.6), command_timeout=timedelta(seconds=0.3))
    yield made
    await made.close()


async def fault_of(mailer: Mailer, mail: Mail = MAIL) -> PaidcaseError:
    with pytest.raises(PaidcaseError) as fault:
        await mailer.send(mail)
    shown = f"{fault.value!r} {fault.value} {fault.value.__cause__!r}"
    assert "anna" not in shown
    assert PASSWORD not in shown
    return fault.value


async def test_a_mail_arrives_whole(server: RawSmtp, mailer: SmtpMailer) -> None:
    port: Mailer = mailer
    await port.send(MAIL)
    assert server.commands[:4] == [
        "EHLO paidcase.example.com",
        f"MAIL FROM:<faktury@example.com> SIZE={len(server.mails[0])}",
        "RCPT TO:<anna@example.com>",
        "DATA",
    ]
    told = email.message_from_bytes(server.mails[0], policy=email.policy.default)
    assert told["Message-ID"] == "<case-1.invoice.1@example.com>"
    body = told.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == MAIL.text


async def test_the_connection_is_used_again_and_left_politely(server: RawSmtp, mailer: SmtpMailer) -> None:
    for _ in range(3):
        await mailer.send(MAIL)
    await mailer.close()
    assert (server.connections, len(server.mails)) == (1, 3)
    assert server.commands[-1] == "QUIT"


async def test_no_more_connections_are_opened_than_are_allowed(server: RawSmtp) -> None:
    mailer = mailer_for(server, connections=2)
    await asyncio.gather(*(mailer.send(MAIL) for _ in range(20)))
    assert len(server.mails) == 20
    assert server.connections <= 2
    await mailer.close()


def test_an_answer_that_is_faster_than_the_event_loop_is_not_lost() -> None:
    # Only a server in another thread can answer before a loop has run what it was given.
    loop, server, started = asyncio.new_event_loop(), RawSmtp(), threading.Event()

    def serve() -> None:
        loop.run_until_complete(server.start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(server.stop())
        loop.close()

    async def send_many() -> None:
        mailer = mailer_for(server)
        for _ in range(50):
            await mailer.send(MAIL)
        await mailer.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert started.wait(10)
        uvloop.run(send_many())
        assert (server.connections, len(server.mails)) == (1, 50)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def test_a_connection_that_waited_too_long_is_not_used(server: RawSmtp) -> None:
    now = [0.0]
    mailer = mailer_for(server, kept_for=timedelta(seconds=30), elapsed=lambda: now[0])
    await mailer.send(MAIL)
    now[0] = 29.0
    await mailer.send(MAIL)
    assert server.connections == 1
    now[0] = 60.0
    await mailer.send(MAIL)
    assert server.connections == 2
    await mailer.close()


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("way", [CLOSE, "421 closing"])
async def test_a_kept_connection_that_was_given_up_is_replaced_once(
    verb: str, way: str, server: RawSmtp, mailer: SmtpMailer
) -> None:
    await mailer.send(MAIL)
    server.replies[verb] = [way]
    await mailer.send(MAIL)
    assert (server.connections, len(server.mails)) == (2, 2)
    server.replies[verb] = [way, way]
    assert type(await fault_of(mailer)) is ConnectivityFault
    assert len(server.mails) == 2


async def test_a_server_that_was_restarted_meanwhile_is_no_fault(server: RawSmtp, mailer: SmtpMailer) -> None:
    await mailer.send(MAIL)
    server.forget_connections()
    await mailer.send(MAIL)
    assert len(server.mails) == 2


async def test_a_kept_connection_is_not_replaced_when_the_server_says_later(
    server: RawSmtp, mailer: SmtpMailer
) -> None:
    await mailer.send(MAIL)
    server.replies["RCPT"] = ["451 greylisted"]
    assert (await fault_of(mailer)).message == "SMTP 451"
    assert server.connections == 1


STAGES = ["banner", "EHLO", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("stage", STAGES)
async def test_a_connection_lost_before_the_body_means_not_accepted(
    stage: str, server: RawSmtp, mailer: SmtpMailer
) -> None:
    server.replies[stage] = CLOSE
    fault = await fault_of(mailer)
    assert type(fault) is ConnectivityFault
    assert fault.code == "mail_undeliverable"
    assert server.mails == []


@pytest.mark.parametrize("stage", STAGES)
async def test_silence_before_the_body_means_not_accepted(stage: str, server: RawSmtp, hasty: SmtpMailer) -> None:
    server.replies[stage] = SILENCE
    assert type(await fault_of(hasty)) is ConnectivityFault


@pytest.mark.parametrize("way", [CLOSE, SILENCE])
async def test_a_body_of_which_the_end_never_left_means_not_accepted(
    way: str, server: RawSmtp, mailer: SmtpMailer, hasty: SmtpMailer
) -> None:
    server.replies["body"] = way
    fault = await fault_of(hasty if way == SILENCE else mailer, LARGE)
    assert type(fault) is ConnectivityFault
    assert server.mails == []


@pytest.mark.parametrize("way", [CLOSE, SILENCE])
async def test_an_answer_to_the_final_dot_that_never_comes_is_an_unknown_outcome(
    way: str, server: RawSmtp, mailer: SmtpMailer, hasty: SmtpMailer
) -> None:
    server.replies["dot"] = way
    fault = await fault_of(hasty if way == SILENCE else mailer)
    assert isinstance(fault, OutcomeUnknown)
    assert fault.code == "mail_outcome_unknown"
    assert len(server.mails) == 1  # it has arrived: exactly what cannot be known from here


async def test_a_lost_dot_on_a_kept_connection_is_not_sent_again(server: RawSmtp, mailer: SmtpMailer) -> None:
    await mailer.send(MAIL)
    server.replies["dot"] = [CLOSE]
    assert isinstance(await fault_of(mailer), OutcomeUnknown)
    assert (server.connections, len(server.mails)) == (1, 2)


async def test_an_unreadable_answer_to_the_final_dot_is_an_unknown_outcome(server: RawSmtp, mailer: SmtpMailer) -> None:
    server.replies["dot"] = "what?"
    assert isinstance(await fault_of(mailer), OutcomeUnknown)


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
async def test_later_is_a_connectivity_fault_and_never_is_a_refusal(
    stage: str, server: RawSmtp, mailer: SmtpMailer
) -> None:
    server.replies[stage] = ["451 4.3.0 anna@example.com later", "550 5.1.1 anna@example.com never"]
    later = await fault_of(mailer)
    assert type(later) is ConnectivityFault
    assert later.message == "SMTP 451"
    never = await fault_of(mailer)
    assert isinstance(never, Refused)
    assert (never.code, never.message) == ("mail_refused", "SMTP 550")
    await mailer.send(MAIL)


@pytest.mark.parametrize(("reply", "kind"), [("552 too large", Refused), ("452 full", ConnectivityFault)])
async def test_an_answer_before_the_end_of_the_body_decides(
    reply: str, kind: type[PaidcaseError], server: RawSmtp, mailer: SmtpMailer
) -> None:
    server.replies["body"] = reply
    assert isinstance(await fault_of(mailer, LARGE), kind)


@pytest.mark.parametrize(
    ("stage", "reply", "kind"),
    [
        ("banner", "421 busy", ConnectivityFault),
        ("banner", "554 no service for you", SettingsFault),
        ("banner", "hello?", ConnectivityFault),
        ("EHLO", "451 later", ConnectivityFault),
        ("MAIL", "530 authentication required", SettingsFault),
    ],
)
async def test_a_server_that_does_not_let_us_in(
    stage: str, reply: str, kind: type[PaidcaseError], server: RawSmtp, mailer: SmtpMailer
) -> None:
    server.replies[stage] = reply
    if stage == "EHLO":
        server.replies["HELO"] = reply
    assert type(await fault_of(mailer)) is kind


async def test_an_old_server_without_ehlo_is_greeted_the_old_way(server: RawSmtp, mailer: SmtpMailer) -> None:
    server.replies["EHLO"] = "502 what is that"
    await mailer.send(MAIL)
    assert "MAIL FROM:<faktury@example.com>" in server.commands


async def test_a_server_that_is_not_there_is_a_connectivity_fault(server: RawSmtp, mailer: SmtpMailer) -> None:
    await server.stop()
    assert type(await fault_of(mailer)) is ConnectivityFault


@pytest.mark.parametrize(("reply", "kind"), [("535 no", SettingsFault), ("454 later", ConnectivityFault)])
async def test_an_account_that_is_not_accepted(reply: str, kind: type[PaidcaseError], server: RawSmtp) -> None:
    server.replies |= {"EHLO": AUTH_EHLO, "AUTH": reply}
    mailer = mailer_for(server, username="u", password=PASSWORD)
    assert type(await fault_of(mailer)) is kind
    assert server.mails == []


async def test_an_accepted_account_sends(server: RawSmtp) -> None:
    server.replies["EHLO"] = AUTH_EHLO
    mailer = mailer_for(server, username="u", password=PASSWORD)
    await mailer.send(MAIL)
    await mailer.close()
    assert any(command.startswith("AUTH PLAIN ") for command in server.commands)


async def test_a_server_without_a_way_to_log_in_is_a_matter_of_settings(server: RawSmtp) -> None:
    assert isinstance(await fault_of(mailer_for(server, username="u", password=PASSWORD)), SettingsFault)


async def test_without_starttls_neither_password_nor_mail_is_sent(server: RawSmtp) -> None:
    server.replies["EHLO"] = AUTH_EHLO
    fault = await fault_of(mailer_for(server, security="starttls", username="u", password=PASSWORD))
    assert isinstance(fault, SettingsFault)
    assert fault.code == "mail_not_configured"
    assert server.commands == ["EHLO paidcase.example.com"]


def test_a_password_without_encryption_is_allowed_on_loopback_only() -> None:
    with pytest.raises(SettingsFault):
        SmtpMailer("mail.example.com", 25, Security.NONE, "u", PASSWORD, "faktury@example.com", clock=utc_now)
    for loopback in ("127.0.0.1", "::1", "localhost"):
        assert SmtpMailer(loopback, 25, Security.NONE, "u", PASSWORD, "faktury@example.com", clock=utc_now)


@pytest.mark.parametrize(("host", "sender"), [(None, "a@example.com"), ("127.0.0.1", None), ("127.0.0.1", "nobody")])
async def test_without_server_or_sender_mail_is_not_configured(host: str | None, sender: str | None) -> None:
    fault = await fault_of(SmtpMailer(host, 1, "none", sender=sender, clock=utc_now))
    assert isinstance(fault, SettingsFault)
    assert fault.code == "mail_not_configured"


async def test_a_cancelled_send_leaves_no_half_sent_mail_behind(server: RawSmtp, mailer: SmtpMailer) -> None:
    server.replies["body"] = SILENCE
    sending = asyncio.create_task(mailer.send(LARGE))
    await server.body_begun.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    del server.replies["body"]
    await mailer.send(MAIL)
    assert (server.connections, len(server.mails)) == (2, 1)


CERTIFICATES = Path(str(files("aiosmtpd"))) / "tests" / "certs"
"""A self-signed certificate, valid until 2119, for a host that is not ours; it comes with aiosmtpd."""


@pytest.fixture(params=[Security.STARTTLS, Security.TLS])
async def secure(request: pytest.FixtureRequest) -> AsyncIterator[tuple[RawSmtp, Security]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.crt", CERTIFICATES / "server.key")
    raw = RawSmtp({"EHLO": STARTTLS_EHLO}, tls=context, tls_from_start=request.param is Security.TLS)
    await raw.start()
    yield raw, request.param
    await raw.stop()


def secure_mailer(server: RawSmtp, security: Security, tls: ssl.SSLContext | None) -> SmtpMailer:
    return mailer_for(server, security=security, username="u", password=PASSWORD, tls=tls)


def trusting(*, names_matter: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(CERTIFICATES / "server.crt"))
    context.check_hostname = names_matter
    return context


async def test_an_encrypted_connection_carries_password_and_mail(secure: tuple[RawSmtp, Security]) -> None:
    raw, security = secure
    mailer = secure_mailer(raw, security, trusting(names_matter=False))
    await mailer.send(MAIL)
    await mailer.send(LARGE)
    await mailer.close()
    assert (raw.connections, len(raw.mails)) == (1, 2)
    if security is Security.STARTTLS:
        assert raw.commands.index("STARTTLS") < next(i for i, c in enumerate(raw.commands) if c.startswith("AUTH"))


async def test_points_of_failure_are_told_apart_under_encryption_too(secure: tuple[RawSmtp, Security]) -> None:
    raw, security = secure
    mailer = secure_mailer(raw, security, trusting(names_matter=False))
    raw.replies["dot"] = [CLOSE]
    assert isinstance(await fault_of(mailer), OutcomeUnknown)
    raw.replies["body"] = CLOSE
    assert type(await fault_of(mailer, LARGE)) is ConnectivityFault


@pytest.mark.parametrize("tls", [None, trusting(names_matter=True)], ids=["unknown issuer", "another name"])
async def test_a_certificate_that_is_not_trusted_gets_neither_password_nor_mail(
    tls: ssl.SSLContext | None, secure: tuple[RawSmtp, Security]
) -> None:
    raw, security = secure
    fault = await fault_of(secure_mailer(raw, security, tls))
    assert isinstance(fault, SettingsFault)
    assert "certificate" in fault.message
    assert not any(command.startswith(("AUTH", "MAIL")) for command in raw.commands)


async def test_the_size_is_not_announced_to_a_server_that_does_not_ask(server: RawSmtp, mailer: SmtpMailer) -> None:
    server.replies["EHLO"] = EHLO.replace("SIZE 10000000", "PIPELINING")
    await mailer.send(MAIL)
    assert "MAIL FROM:<faktury@example.com>" in server.commands
