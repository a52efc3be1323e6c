"""Mail through an SMTP server, over a few connections that are used again.

Guarantee: a send is over within 30 seconds and ends accepted, refused or unknown. Only a kept connection that proves
dead before any of the body was sent is replaced, once; nothing else is sent twice. Source: RFC 5321.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from invoicing.errors import ConnectivityFault, SettingsFault
from invoicing.gateways.smtp.message import Envelope, Sender, compose, read_sender
from invoicing.gateways.smtp.session import Security, Server, Session, connect
from invoicing.ports import Clock, Mail


class SmtpMailer:
    """The port `Mailer`. `close` ends the kept connections; a later send opens new ones."""

    def __init__(
        self,
        host: str | None,
        port: int = 587,
        security: Security | str = Security.STARTTLS,
        username: str | None = None,
        password: str | None = None,
        sender: str | None = None,
        *,
        clock: Clock,
        local_hostname: str | None = None,
        tls: ssl.SSLContext | None = None,
        connections: int = 4,
        timeout: timedelta = timedelta(seconds=25),
        command_timeout: timedelta = timedelta(seconds=10),
        kept_for: timedelta = timedelta(seconds=30),
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        self._server = Server(host, port, Security(security), username, password, local_hostname) if host else None
        self._sender = sender
        self._read_sender: Sender | None = None
        self._tls = tls
        self._timeout = timeout.total_seconds()
        self._command_timeout = command_timeout.total_seconds()
        self._kept_for = kept_for.total_seconds()
        self._clock = clock
        self._elapsed = elapsed
        self._free = asyncio.Semaphore(connections)
        self._kept: list[tuple[float, Session]] = []

    async def send(self, mail: Mail) -> None:
        """Return when the server has accepted the mail."""
        if self._server is None or not self._sender:
            raise SettingsFault("mail_not_configured", "no mail server or no sender is set")
        if self._read_sender is None:
            self._read_sender = read_sender(self._sender)
        envelope = compose(mail, self._read_sender, self._clock())
        in_doubt: list[Session] = []
        try:
            async with asyncio.timeout(self._timeout), self._free:
                await self._deliver(self._server, envelope, in_doubt)
        except TimeoutError:
            if in_doubt:
                raise in_doubt[-1].lost("timeout") from None
            raise ConnectivityFault("mail_undeliverable", "timeout") from None
        finally:
            # Whatever did not end well is not used again, also when this task was cancelled.
            for session in in_doubt:
                session.abort()

    async def _deliver(self, server: Server, envelope: Envelope, in_doubt: list[Session]) -> None:
        kept = self._take()
        if kept is not None:
            in_doubt.append(kept)
            try:
                await kept.deliver(envelope)
            except ConnectivityFault:
                # The server may have given a kept connection up meanwhile; one that lives has said its own "later".
                if kept.body_begun or kept.is_usable:
                    raise
            else:
                self._keep(in_doubt.pop())
                return
        in_doubt.append(await connect(server, await self._context(), self._command_timeout))
        await in_doubt[-1].deliver(envelope)
        self._keep(in_doubt.pop())

    def _take(self) -> Session | None:
        """The connection used last, if it still looks alive; those that waited too long are left."""
        while self._kept:
            since, session = self._kept.pop()
            if session.is_usable and self._elapsed() - since < self._kept_for:
                return session
            session.abort()
        return None

    def _keep(self, session: Session) -> None:
        if session.is_usable:
            self._kept.append((self._elapsed(), session))
        else:
            session.abort()

    async def _context(self) -> ssl.SSLContext:
        """The TLS context, made once: loading the certificates takes 20 ms."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls

    async def close(self) -> None:
        """Leave every kept connection."""
        kept, self._kept = self._kept, []
        for _, session in kept:
            await session.quit(1.0)
