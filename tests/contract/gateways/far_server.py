"""The far side of a gateway's HTTP calls: a real server that answers, breaks off or is silent as a test tells it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FarServer:
    """Answers what a test tells it, and keeps from which ports it was called. What else was asked, `keep` keeps."""

    begins = b"<transaction>"
    """What it sends of an answer that breaks off."""

    def __init__(self) -> None:
        self.answer: Handler = self.unexpected
        self.ports: set[int] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await self.keep(request)
        self.ports.add(request.transport.get_extra_info("peername")[1] if request.transport else 0)
        return await self.answer(request)

    async def keep(self, request: web.Request) -> None:
        """Nothing, unless a test wants to know."""

    async def unexpected(self, request: web.Request) -> web.StreamResponse:
        raise AssertionError("not expected to be asked")

    def says(self, told: str | bytes, http: int = 200, **headers: str) -> None:
        body = told.encode() if isinstance(told, str) else told

        async def answer(request: web.Request) -> web.StreamResponse:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(body=body, status=http, headers=named)

        self.answer = answer

    async def hang(self, request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("never reached")

    async def reset(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def half(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(self.begins)
        assert request.transport is not None
        request.transport.abort()
        return response


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """The address at which it answers every path and method."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()


@contextmanager
def refusing() -> Iterator[str]:
    """An address that refuses every connection: bound and not listening."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
