"""An SMTP server of a few lines that answers, drops or falls silent exactly where a test says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

CLOSE = "<close>"
SILENCE = "<silence>"
STARTTLS_READY = "220 go ahead"
EHLO = "250-mail.example.com\r\n250-SIZE 10000000\r\n250 8BITMIME"


@dataclass
class RawSmtp:
    """`replies` maps a stage (a verb, `banner`, `body`, `dot`) to a reply; a list is used up one by one."""

    replies: dict[str, str | list[str]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    tls_from_start: bool = False
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    body_begun: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        context = self.tls if self.tls_from_start else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context, limit=2**16)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def forget_connections(self) -> None:
        """Drop every connection without a word, as a server does that was restarted."""
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    def _reply(self, stage: str, usual: str) -> str:
        told = self.replies.get(stage, usual)
        if isinstance(told, list):
            told = told.pop(0) if told else usual
        return told

    async def _say(self, writer: asyncio.StreamWriter, stage: str, usual: str) -> str:
        told = self._reply(stage, usual)
        if told == CLOSE:
            raise ConnectionAbortedError
        if told == SILENCE:
            await asyncio.Event().wait()
        writer.write(told.encode() + b"\r\n")
        await writer.drain()
        return told

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        usual: dict[str, Callable[[], str]] = {
            "EHLO": lambda: EHLO,
            "STARTTLS": lambda: STARTTLS_READY,
            "AUTH": lambda: "235 welcome",
            "DATA": lambda: "354 go on",
            "QUIT": lambda: "221 bye",
        }
        await self._say(writer, "banner", "220 mail.example.com")
        while line := await reader.readline():
            command = line.decode().rstrip("\r\n")
            self.commands.append(command)
            verb = command.split(" ")[0].upper()
            told = await self._say(writer, verb, usual.get(verb, lambda: "250 fine")())
            if verb == "STARTTLS" and told == STARTTLS_READY:
                assert self.tls is not None
                await writer.start_tls(self.tls)
            if told.startswith("354"):
                await self._receive(reader, writer)
            if verb == "QUIT" or told.startswith("421"):
                return

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "body" in self.replies:
            await reader.readexactly(100)
            self.body_begun.set()
            await self._say(writer, "body", "")
            await asyncio.Event().wait()
        lines = []
        while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        self.mails.append(b"".join(lines))
        await self._say(writer, "dot", "250 kept")
