"""Asking VIES and the white list over HTTPS, sparingly.

Guarantee: an inquiry is over within its timeout and never raises; a register that did not answer is left alone for a
while, so that it slows nobody down twice, and what it said before counts meanwhile; what was confirmed counts for the
rest of the day, what was denied only for minutes, so that a number entered in the register meanwhile is soon believed.
The white list takes a hundred searches a day from one address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from invoicing.domain.registers import Answer, Asked, Question, Verdict
from invoicing.errors import ConnectivityFault
from invoicing.gateways.outward import Outward, Request
from invoicing.gateways.registers import wire
from invoicing.ports import Clock

LEFT_ALONE = timedelta(seconds=60)
DENIED_FOR = timedelta(minutes=5)
CONFIRMED_FOR = timedelta(hours=24)
MOST_KEPT = 10_000
CONNECT_TIMEOUT = timedelta(seconds=3)
UNREACHABLE = "register_unreachable"
ANSWER_LIMIT = 256 * 1024
"""A payer of the white list may have thousands of accounts; a longer answer is no answer."""


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    until: datetime


class HttpTaxRegisters:
    """The registers whose addresses are given. `close` gives the connections back."""

    def __init__(
        self,
        clock: Clock,
        *,
        vies_url: str | None = None,
        white_list_url: str | None = None,
        timeout: timedelta = timedelta(seconds=4),
    ) -> None:
        self._clock = clock
        self._vies_url = vies_url
        self._white_list_url = white_list_url
        self._outward = Outward(timeout, CONNECT_TIMEOUT, clock, unreachable=UNREACHABLE)
        self._kept: dict[tuple[Question, date], _Kept] = {}
        self._away_until: dict[str, datetime] = {}

    async def ask(self, question: Question, on: date) -> Answer:
        """See `TaxRegisters`; the white list is asked about the day, VIES knows only the present."""
        base = self._vies_url if question.asked is Asked.EU_VAT_NUMBER else self._white_list_url
        now = self._clock()
        kept = self._kept.get((question, on))
        if kept is not None and kept.until > now:
            return kept.answer
        if base is None or self._away_until.get(base, now) > now:
            return wire.UNANSWERED
        answer = await self._asked(base, question, on)
        if answer.verdict is Verdict.UNANSWERED:
            self._away_until[base] = self._clock() + LEFT_ALONE
            return answer
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        lasts = CONFIRMED_FOR if answer.verdict is Verdict.CONFIRMED else DENIED_FOR
        self._kept[question, on] = _Kept(answer, now + lasts)
        return answer

    async def _asked(self, base: str, question: Question, on: date) -> Answer:
        read: Callable[[Question, bytes], Answer]
        if question.asked is Asked.EU_VAT_NUMBER:
            address, read = base + wire.vies_path(question), wire.read_vies
        else:
            address, read = base + wire.white_list_path(question, on), wire.read_white_list
        request = Request(address, {"Accept": "application/json"}, method="GET")
        try:
            reply = await self._outward.send(request, limit=ANSWER_LIMIT, lost=_lost)
        except ConnectivityFault:
            return wire.UNANSWERED
        if reply.status != 200 or len(reply.body) > ANSWER_LIMIT:
            return wire.UNANSWERED
        return read(question, reply.body)

    async def close(self) -> None:
        """Close the session; a later call opens a new one."""
        await self._outward.close()


def _lost(kind: str) -> ConnectivityFault:
    return ConnectivityFault(UNREACHABLE, kind)
