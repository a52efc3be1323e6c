"""The outermost layer: no exception passes it, and every answer carries the headers that keep browsers careful.

What was not foreseen is logged by its class alone, because texts of foreign exceptions may quote what a caller sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from invoicing.web.languages import wanted_language
from invoicing.web.problems import UNFORESEEN, response

CAREFUL: Mapping[str, str] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)
"""Headers of every answer that does not set its own."""

log = structlog.get_logger("web")


class Guard:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass requests on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def careful(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in CAREFUL.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, careful)
        except ClientDisconnect:
            return  # nobody is there to be answered, and nothing was done with half a body
        except Exception as error:  # the last place where an unforeseen fault can be answered and told
            log.error("request_failed", method=scope["method"], error=type(error).__name__)
            if begun:
                raise ConnectionAbortedError from None  # the server closes a connection whose answer was cut short
            request = Request(scope)
            await response(UNFORESEEN, wanted_language(request))(scope, receive, careful)
