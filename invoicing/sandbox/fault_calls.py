"""The control calls of fault switches, the same at every stand-in: show them, set one, clear them. Loopback only."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from invoicing.sandbox.switches import BadSwitch, Switch, SwitchBoard, read_json

Handler = Callable[[web.Request], Awaitable[web.Response]]


def told(handler: Handler) -> Handler:
    """Answer 400 with the reason when a control call is not understood."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except BadSwitch as bad:
            return web.json_response({"error": str(bad)}, status=400)

    return answer


class FaultCalls:
    """``/_sandbox/faults`` of a stand-in, which says by ``read_switch`` what it knows."""

    def __init__(self, board: SwitchBoard, read_switch: Callable[[object], Switch]) -> None:
        self._board = board
        self._read_switch = read_switch

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_sandbox/faults", self.show),
            web.post("/_sandbox/faults", told(self.set)),
            web.delete("/_sandbox/faults", self.clear),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return web.json_response(self._board.as_json())

    async def set(self, request: web.Request) -> web.Response:
        self._board.set(self._read_switch(read_json(await request.text())))
        return web.json_response(self._board.as_json(), status=201)

    async def clear(self, request: web.Request) -> web.Response:
        self._board.clear()
        return web.Response(status=204)
