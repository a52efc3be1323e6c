"""`Idempotency-Key`: the same request of the same caller is executed once and answered alike.

Kept are answers that accepted something (200 and 201), for a day. A refusal is not kept: nothing happened, and a caller
who has cured the reason may use his key again; neither is 202, so that asking again under the key brings the address
once it is known. While a request is under way a second one under its key waits. A process that dies in between costs
the lease, and then the request may be executed again: everything behind it is idempotent by the case's own identity.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Protocol

import structlog
from fastapi import Header, Request

from invoicing.errors import NotAllowed, PaidcaseError
from invoicing.ports import Clock
from invoicing.tokens import Caller
from invoicing.web.replies import Reply

LEASE = timedelta(minutes=2)
KEPT_FOR = timedelta(days=1)
WAITS_FOR = timedelta(seconds=20)
"""How long a second request waits for the first; longer than `/payment` waits for its redirect address."""

LOOK_EVERY = timedelta(milliseconds=50)
FINAL = frozenset({200, 201})

_HEADER = Header(
    alias="Idempotency-Key",
    max_length=255,
    pattern=r"^[\x21-\x7e]+$",
    description="The same key with the same request brings the same answer and executes it once.",
)
Key = Annotated[str | None, _HEADER]
"""A handler's parameter."""

DemandedKey = Annotated[str, _HEADER]
"""The same where nothing is done without a key; a request without is answered 400."""

log = structlog.get_logger("web")


class AnswerRow(Protocol):
    """What is kept under a key. `status` is None while the first request is under way."""

    @property
    def digest(self) -> str:
        """What the key was first used for."""

    @property
    def status(self) -> int | None:
        """Status of the answer."""

    @property
    def body(self) -> str:
        """Body of the answer."""

    @property
    def language(self) -> str:
        """Language of the answer."""

    @property
    def location(self) -> str | None:
        """Address of what was made."""


class AnswerStore(Protocol):
    """Where answers are kept. Every method raises `ConnectivityFault` when the database is away."""

    async def claim(
        self, owner: str, key: str, digest: str, now: datetime, *, lease: timedelta, kept_for: timedelta
    ) -> AnswerRow | None:
        """None: the key is the caller's now. Else what is kept under it. Forgets what is older than `kept_for`."""

    async def keep(self, owner: str, key: str, status: int, body: str, language: str, location: str | None) -> None:
        """Keep the answer under a claimed key."""

    async def release(self, owner: str, key: str) -> None:
        """Give a claimed key back."""


async def once(
    answers: AnswerStore,
    clock: Clock,
    request: Request,
    caller: Caller,
    key: str | None,
    raw: bytes,
    act: Callable[[], Awaitable[Reply]],
) -> Reply:
    """The answer of `act`, or the one that this request got before.

    Raises `NotAllowed("key_used")` for a key that belongs to another request, or whose request does not come to an end.
    """
    if key is None:
        return await act()
    owner = f"{caller.role.value}:{caller.party_id or ''}:{caller.name or ''}"
    before = await _claimed(answers, clock, owner, key, _digest(request, raw))
    if before is not None:
        return before
    try:
        answer = await act()
    except BaseException:  # cancellation too: a key that nobody works on must not wait for its lease
        await asyncio.shield(_released(answers, owner, key))
        raise
    if answer.status not in FINAL:
        await _released(answers, owner, key)
        return answer
    try:
        await answers.keep(owner, key, answer.status, answer.body, answer.language, answer.location)
    except PaidcaseError as error:
        log.warning("answer_not_kept", code=error.code)  # what was asked for is done; only its answer is not kept
    return answer


def _digest(request: Request, raw: bytes) -> str:
    return hashlib.sha256(f"{request.method}\n{request.url.path}\n".encode("utf-8", "replace") + raw).hexdigest()


async def _claimed(answers: AnswerStore, clock: Clock, owner: str, key: str, digest: str) -> Reply | None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAITS_FOR.total_seconds()
    while row := await answers.claim(owner, key, digest, clock(), lease=LEASE, kept_for=KEPT_FOR):
        if row.digest != digest:
            raise NotAllowed("key_used", "the key belongs to another request")
        if row.status is not None:
            return Reply(row.status, row.body, row.language, row.location)
        if loop.time() >= deadline:
            raise NotAllowed("key_used", "the first request under this key is still under way")
        await asyncio.sleep(LOOK_EVERY.total_seconds())
    return None


async def _released(answers: AnswerStore, owner: str, key: str) -> None:
    try:
        await answers.release(owner, key)
    except PaidcaseError as error:
        log.warning("key_not_released", code=error.code)
