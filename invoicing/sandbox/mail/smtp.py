"""The SMTP side of the mail stand-in: aiosmtpd on our own event loop, with the faults of ``mail.faults``.

Plain SMTP (RFC 5321), SMTPUTF8, AUTH LOGIN and PLAIN when a user is configured. No relaying: what is accepted
is stored.
"""

import asyncio
import hmac
import warnings
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from invoicing.sandbox.clock import Clock
from invoicing.sandbox.connections import HANG, held
from invoicing.sandbox.mail.faults import REPLIES, Moment
from invoicing.sandbox.mail.mailbox import Mailbox
from invoicing.sandbox.switches import Switch, SwitchBoard

HOSTNAME = "sandbox.localhost"


def hang_up(transport: asyncio.BaseTransport | None) -> None:
    """Close after what was written so far has left."""
    if transport is not None:
        transport.close()


class Postman:
    """aiosmtpd's handler: accepts, stores, and fails on demand."""

    def __init__(self, mailbox: Mailbox, switches: SwitchBoard, clock: Clock, closing: asyncio.Event) -> None:
        self._mailbox = mailbox
        self._switches = switches
        self._clock = clock
        self._closing = closing

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds its hooks by these names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        switch = self._switches.take(Moment.RECIPIENT, address)
        if switch is None:
            envelope.rcpt_tos.append(address)
            return "250 OK"
        await held(switch, self._closing)
        if switch.fault in ("421", HANG):
            # After this step of the loop, so that the reply of 421 is written first.
            asyncio.get_running_loop().call_soon(hang_up, server.transport)
        return REPLIES.get(switch.fault, REPLIES["421"])

    async def handle_DATA(  # noqa: N802 - aiosmtpd finds its hooks by these names
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        recipients = tuple(envelope.rcpt_tos)
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        stored = self._mailbox.store(self._clock.now(), envelope.mail_from or "", recipients, content)
        if (switch := self.strikes(Moment.STORED, recipients)) is not None:
            await held(switch, self._closing)
            hang_up(server.transport)
        return f"250 2.0.0 stored as {stored.number}"

    def strikes(self, moment: Moment, recipients: tuple[str, ...]) -> Switch | None:
        for recipient in recipients:
            if (switch := self._switches.take(moment, recipient)) is not None:
                return switch
        return None


class Conversation(SMTP):
    """One SMTP connection that can be cut at DATA and is known to its server."""

    def __init__(self, postman: Postman, connections: "set[asyncio.BaseTransport]", **options: Any) -> None:
        super().__init__(postman, **options)
        self._postman = postman
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self.transport)
        super().connection_lost(error)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd finds commands by these names
        recipients = tuple(self.envelope.rcpt_tos) if self.envelope is not None else ()
        if self._postman.strikes(Moment.DATA, recipients) is not None:
            hang_up(self.transport)
            return
        await super().smtp_DATA(arg)


class Refused(asyncio.Protocol):
    """A connection that is reset before the banner."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()


class MailServer:
    """Listens on loopback until ``close``; also ends conversations that are under way."""

    def __init__(
        self, mailbox: Mailbox, switches: SwitchBoard, clock: Clock, user: str | None, password: str | None
    ) -> None:
        self._switches = switches
        self._closing = asyncio.Event()
        self._postman = Postman(mailbox, switches, clock, self._closing)
        self._user = user
        self._password = password
        self._connections: set[asyncio.BaseTransport] = set()
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Start listening; the port that was taken."""
        self._server = await asyncio.get_running_loop().create_server(self._conversation, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def _conversation(self) -> asyncio.BaseProtocol:
        if self._switches.take(Moment.CONNECT, "") is not None:
            return Refused()
        with warnings.catch_warnings():
            # Plain AUTH is what loopback without TLS means here; aiosmtpd warns about it on every connection.
            warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
            return self._new_conversation()

    def _new_conversation(self) -> Conversation:
        return Conversation(
            self._postman,
            self._connections,
            hostname=HOSTNAME,
            ident="mail stand-in",
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
            authenticator=self._authenticate if self._user is not None else None,
            auth_required=self._user is not None,
            auth_require_tls=False,
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        given = data if isinstance(data, LoginPassword) else LoginPassword(b"", b"")
        user = hmac.compare_digest(given.login, (self._user or "").encode())
        password = hmac.compare_digest(given.password, (self._password or "").encode())
        return AuthResult(success=user and password, handled=False)

    async def close(self) -> None:
        self._closing.set()
        if self._server is not None:
            self._server.close()
        for transport in list(self._connections):
            hang_up(transport)
        if self._server is not None:
            await self._server.wait_closed()
