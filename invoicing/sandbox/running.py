"""Starts all stand-ins in one event loop, for the command and for tests.

Guarantee: only loopback addresses are bound, and leaving the context stops everything that was started. Another
stand-in joins here: options, an opening function, and one line in ``RunningSandbox.addresses``.
"""

import ipaddress
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from invoicing.sandbox.autopay.desk import AutopayOptions, Desk
from invoicing.sandbox.autopay.server import application
from invoicing.sandbox.clock import Clock, WallClock
from invoicing.sandbox.mail.mailbox import KEEP, Mailbox
from invoicing.sandbox.mail.pages import Pages
from invoicing.sandbox.mail.smtp import MailServer
from invoicing.sandbox.switches import SwitchBoard
from invoicing.sandbox.wfirma.desk import WfirmaDesk, WfirmaOptions
from invoicing.sandbox.wfirma.server import application as wfirma_application

SHUTDOWN_SECONDS = 1.0


class NotLoopback(ValueError):
    """The stand-ins were asked to listen where other machines could reach them."""


@dataclass(frozen=True)
class MailOptions:
    """How the mail stand-in is set up; port 0 takes a free one."""

    smtp_port: int = 9025
    mailbox_port: int = 9026
    user: str | None = None
    password: str | None = None
    keep: int = KEEP


@dataclass(frozen=True)
class SandboxOptions:
    """All stand-ins together."""

    host: str = "127.0.0.1"
    autopay: AutopayOptions = field(default_factory=AutopayOptions)
    mail: MailOptions = field(default_factory=MailOptions)
    wfirma: WfirmaOptions = field(default_factory=WfirmaOptions)


@dataclass(frozen=True)
class RunningSandbox:
    """Addresses for clients, and the insides for tests in the same process."""

    autopay_url: str
    smtp_host: str
    smtp_port: int
    mailbox_url: str
    wfirma_url: str
    autopay: Desk
    mailbox: Mailbox
    mail_switches: SwitchBoard
    wfirma: WfirmaDesk

    def addresses(self) -> list[tuple[str, str]]:
        return [
            ("Autopay", self.autopay_url),
            ("SMTP", f"smtp://{self.smtp_host}:{self.smtp_port}"),
            ("Mailbox", self.mailbox_url),
            ("wFirma", self.wfirma_url),
        ]


@asynccontextmanager
async def sandbox(options: SandboxOptions | None = None, clock: Clock | None = None) -> AsyncIterator[RunningSandbox]:
    """Run every stand-in until the block is left."""
    options = options or SandboxOptions()
    if not _loopback(options.host):
        raise NotLoopback(f"the stand-ins listen on loopback addresses only, not on {options.host}")
    clock = clock or WallClock()
    async with AsyncExitStack() as stack:
        desk = Desk(options.autopay, clock)
        # Stacked first, closed last of its pair: requests must end before the state that they use.
        stack.push_async_callback(desk.close)
        autopay_url = await _serve(stack, application(desk), options.host, options.autopay.port)
        # Registered after the server, so it runs before it: held lines let go at once.
        stack.callback(desk.notifier.closing.set)
        desk.open(autopay_url)
        mailbox, switches = Mailbox(options.mail.keep), SwitchBoard()
        smtp = MailServer(mailbox, switches, clock, options.mail.user, options.mail.password)
        stack.push_async_callback(smtp.close)
        smtp_port = await smtp.open(options.host, options.mail.smtp_port)
        pages = Pages(mailbox, switches).application()
        mailbox_url = await _serve(stack, pages, options.host, options.mail.mailbox_port)
        books = WfirmaDesk(options.wfirma, clock)
        stack.push_async_callback(books.close)
        wfirma_url = await _serve(stack, wfirma_application(books), options.host, options.wfirma.port)
        stack.callback(books.closing.set)
        yield RunningSandbox(
            autopay_url, options.host, smtp_port, mailbox_url, wfirma_url, desk, mailbox, switches, books
        )


async def _serve(stack: AsyncExitStack, app: web.Application, host: str, port: int) -> str:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port).start()
    taken = runner.addresses[0]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{taken[1]}"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
