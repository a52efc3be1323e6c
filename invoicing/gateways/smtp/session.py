"""One SMTP session, and what each way of failing says about the mail.

Guarantee: the mail counts as handed over only by the answer to its final dot, and the outcome is unknown only between
the sending of that dot and its answer. The dot is written by itself after the body has left the process, so that a
connection lost before can be told from one lost after. Credentials never travel in clear. Source: RFC 5321 (4.5.3.2.6
and 6.1: who is responsible after the dot), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 1047 (the doubtful gap).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from invoicing.errors import ConnectivityFault, OutcomeUnknown, PaidcaseError, Refused, SettingsFault
from invoicing.gateways.smtp.message import Envelope

START_INPUT = 354
CHUNK = 64 * 1024
"""Written at once. An encrypted connection shows what waits in it only between two writes, so it may hold about this
much more than it says: such a loss counts as unknown, which is the safe side."""

AUTHENTICATION = frozenset({530, 534, 535, 538})
"""Replies that mean our account or our encryption is wrong, wherever they come (RFC 4954, 6)."""

CANNOT_AUTHENTICATE = "the mail server does not accept our account"
NO_STARTTLS = "the mail server does not offer STARTTLS"


class Security(StrEnum):
    """How the connection is encrypted."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed over, and as whom."""

    host: str
    port: int
    security: Security
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    local_hostname: str | None = None

    def __post_init__(self) -> None:
        if self.username and self.security is Security.NONE and not _is_loopback(self.host):
            raise SettingsFault("mail_not_configured", "a password is not sent over an unencrypted connection")


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class Session:
    """A connection that is ready for `MAIL`. After any fault it is of no more use."""

    def __init__(self, smtp: aiosmtplib.SMTP) -> None:
        self._smtp = smtp
        self._protocol = cast(SMTPProtocol, smtp.protocol)
        self._transport = cast(asyncio.Transport, smtp.transport)
        # With these limits "paused" means that something still waits in this process.
        self._transport.set_write_buffer_limits(high=1, low=0)
        self._writer = asyncio.StreamWriter(self._transport, self._protocol, None, asyncio.get_running_loop())
        self.body_begun = False
        self.dot_sent = False

    @property
    def is_usable(self) -> bool:
        """Whether the other side has not closed it, as far as we know."""
        return self._smtp.is_connected

    @property
    def local_hostname(self) -> str | None:
        """The name under which we said hello."""
        return self._smtp.local_hostname

    async def deliver(self, envelope: Envelope) -> None:
        """Hand one mail over. Raises `ConnectivityFault`, `Refused`, `OutcomeUnknown`, `SettingsFault`."""
        self.body_begun = self.dot_sent = False
        try:
            await self._envelope(envelope)
            self.body_begun = True
            code = await self._body(envelope.message)
        except aiosmtplib.SMTPResponseException as reply:
            raise self._refusal(reply.code) from None
        except (aiosmtplib.SMTPException, OSError) as lost:
            raise self.lost(type(lost).__name__) from None
        if not 200 <= code <= 299:
            raise self._refusal(code)

    async def _envelope(self, envelope: Envelope) -> None:
        size = [f"SIZE={len(envelope.message)}"] if self._smtp.supports_extension("size") else []
        await self._smtp.mail(envelope.sender, options=size)
        await self._smtp.rcpt(envelope.recipient)
        ready = await self._smtp.execute_command(b"DATA")
        if ready.code != START_INPUT:
            raise aiosmtplib.SMTPDataError(ready.code, "")

    async def _body(self, message: bytes) -> int:
        """Write the message, then its dot; the code of the answer."""
        if b"\r\n." in message:
            message = message.replace(b"\r\n.", b"\r\n..")
        answer = asyncio.ensure_future(self._protocol.read_response())
        try:
            # The library throws away what arrives before somebody waits for it, and uvloop may read before it runs
            # a new task: the waiting must have begun before the first byte leaves.
            await asyncio.sleep(0)
            for start in range(0, len(message), CHUNK):
                self._writer.write(message[start : start + CHUNK])
                if self._transport.get_write_buffer_size():
                    await self._drain(answer)
                if answer.done():
                    break
            else:
                if self._transport.is_closing():
                    raise aiosmtplib.SMTPServerDisconnected("closed before the end of data")
                self.dot_sent = True
                self._writer.write(b".\r\n")
            return (await answer).code
        finally:
            _forget(answer)

    async def _drain(self, answer: asyncio.Future[aiosmtplib.SMTPResponse]) -> None:
        """Wait until the body has left, or until the server answers or goes before it has all of it."""
        left = asyncio.ensure_future(self._writer.drain())
        either: set[asyncio.Future[Any]] = {left, answer}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                left.result()
        finally:
            _forget(left)

    def _refusal(self, code: int) -> PaidcaseError:
        """What a reply that is not the wished one means for the mail."""
        if code in AUTHENTICATION and not self.body_begun:
            return SettingsFault("mail_not_configured", f"{CANNOT_AUTHENTICATE}: SMTP {code}")
        if 500 <= code <= 599:
            return Refused("mail_refused", f"SMTP {code}")
        if 400 <= code <= 499:
            return ConnectivityFault("mail_deferred", f"SMTP {code}")
        if not self.dot_sent:
            return ConnectivityFault("mail_undeliverable", f"SMTP {code}")
        return OutcomeUnknown("mail_outcome_unknown", "the answer to the end of data cannot be read")

    def lost(self, told: str) -> PaidcaseError:
        """What a lost connection means for the mail that was under way."""
        if self.dot_sent:
            return OutcomeUnknown("mail_outcome_unknown", f"no answer to the end of data: {told}")
        return ConnectivityFault("mail_undeliverable", told)

    async def quit(self, within: float) -> None:
        """Leave politely, and leave in any case."""
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            async with asyncio.timeout(within):
                await self._smtp.quit()
        self.abort()

    def abort(self) -> None:
        """Drop the connection with whatever waits in it, so that a half-sent mail can never be completed."""
        self._transport.abort()
        self._smtp.close()


def _forget(future: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more; a fault it ended with has been told another way."""
    if not future.cancel() and not future.cancelled():
        future.exception()


async def connect(server: Server, tls: ssl.SSLContext, command_timeout: float) -> Session:
    """A session ready for mail. Raises `ConnectivityFault` (not reached, 4xx) or `SettingsFault`."""
    smtp = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.security is Security.TLS,
        start_tls=False,
        tls_context=tls,
        local_hostname=server.local_hostname,
        timeout=command_timeout,
    )
    try:
        await smtp.connect()
        await _introduce(smtp)
        if server.security is Security.STARTTLS:
            if not smtp.supports_extension("starttls"):
                raise SettingsFault("mail_not_configured", NO_STARTTLS)
            await smtp.starttls()
            await _introduce(smtp)
        if server.username:
            await _log_in(smtp, server.username, server.password or "")
        return Session(smtp)
    except aiosmtplib.SMTPResponseException as reply:
        smtp.close()
        raise _not_ready(reply.code) from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
        smtp.close()
        if isinstance(fault, ssl.SSLCertVerificationError) or isinstance(fault.__cause__, ssl.SSLCertVerificationError):
            raise SettingsFault("mail_not_configured", "the mail server's certificate is not trusted") from None
        raise ConnectivityFault("mail_undeliverable", type(fault).__name__) from None
    except BaseException:
        smtp.close()
        raise


async def _introduce(smtp: aiosmtplib.SMTP) -> None:
    try:
        await smtp.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not smtp.is_connected:
            raise
        await smtp.helo()


async def _log_in(smtp: aiosmtplib.SMTP, username: str, password: str) -> None:
    if not smtp.supported_auth_methods:
        raise SettingsFault("mail_not_configured", f"{CANNOT_AUTHENTICATE}: it offers no way to log in")
    await smtp.login(username, password)


def _not_ready(code: int) -> PaidcaseError:
    """A no before any mail: passing when it is 4xx or unreadable, else a matter of settings."""
    if 500 <= code <= 599:
        return SettingsFault("mail_not_configured", f"{CANNOT_AUTHENTICATE}: SMTP {code}")
    later = 400 <= code <= 499
    return ConnectivityFault("mail_deferred" if later else "mail_undeliverable", f"SMTP {code}")
