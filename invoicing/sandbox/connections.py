"""What a fault does to a connection, whichever protocol it carries: it is held, or closed without an answer."""

import asyncio

from aiohttp import web

from invoicing.sandbox.switches import Switch

HANG = "hang"
HANG_SECONDS = 600.0
HTML_500 = "<html><body><h1>500 Internal Server Error</h1></body></html>"


async def held(switch: Switch, closing: asyncio.Event) -> None:
    """Hold the line for the switch's seconds, or for as long as nobody waits where it hangs.

    Real seconds, and no longer than until the stand-in is being stopped.
    """
    otherwise = HANG_SECONDS if switch.fault == HANG else 0.0
    try:
        await asyncio.wait_for(closing.wait(), otherwise if switch.seconds is None else switch.seconds)
    except TimeoutError:
        return


def dropped(request: web.Request) -> web.Response:
    """Close the connection without an answer; the response is never sent."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def failed() -> web.Response:
    """HTTP 500 of somebody who stands before the service."""
    return web.Response(status=500, text=HTML_500, content_type="text/html")
