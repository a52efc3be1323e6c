"""Posting one notification, ITN or ISTN, with what faults do to it on its way. Redirects are not followed."""

import asyncio
import re

import aiohttp

from invoicing.sandbox.autopay import messages
from invoicing.sandbox.autopay.faults import Fault
from invoicing.sandbox.autopay.messages import Answer
from invoicing.sandbox.connections import held
from invoicing.sandbox.switches import Switch

ANSWER_SECONDS = 20.0
LARGEST_ANSWER = 65_536


class Sender:
    """One session to the receiver; ``close`` ends it."""

    def __init__(self, closing: asyncio.Event) -> None:
        self._closing = closing
        self._session: aiohttp.ClientSession | None = None

    async def sent(self, url: str, document: str, switch: Switch | None) -> bytes | Answer:
        """The body of the receiver's HTTP 200, or what became of the message without one."""
        field, fault = messages.itn_form_field(document), None if switch is None else switch.fault
        if switch is not None:
            await held(switch, self._closing)
        if fault == Fault.DROP_BEFORE:
            return Answer.NO_ANSWER
        if fault == Fault.GARBAGE:
            field = "nope"
        elif fault == Fault.BAD_HASH:
            field = messages.itn_form_field(re.sub("<amount>", "<amount>9", document))
        try:
            status, body = await self._post(url, field)
        except (aiohttp.ClientError, TimeoutError):
            return Answer.NO_ANSWER
        if fault == Fault.DROP_AFTER_ACCEPT:
            return Answer.NO_ANSWER
        return body if status == 200 else Answer.HTTP_ERROR

    async def _post(self, url: str, field: str) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        async with self._session.post(url, data={"transactions": field}, allow_redirects=False) as answer:
            return answer.status, await answer.content.read(LARGEST_ANSWER)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
