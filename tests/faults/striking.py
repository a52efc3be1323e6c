"""A worker or an API that dies or freezes once, at a named point.

The application is the product's own, built by its own entry points; only its ports and the SDK's worker are wrapped.
`STRIKE_POINT` and `STRIKE_CASE` say where and for whose sake, `STRIKE_SIGNAL` which signal the process sends itself,
`STRIKE_MARK` names a file that is made before, so that it happens once. Without a point nothing is wrapped that
could strike, and what remains are waiting times that suit a test: a killed activity is tried again after seconds.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import temporalio.worker
from temporalio import activity, workflow
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

import activities.payments
import invoicing.domain.payments
from activities.delivery import Postman
from activities.payments import PaymentActivities
from invoicing import bootstrap, relay
from invoicing.documents.builtin import BuiltinIssuer
from invoicing.domain.records import MailKind
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.smtp.mailer import SmtpMailer
from invoicing.leaving import leave
from invoicing.storage.files import FileDocumentStore
from invoicing.web.__main__ import main as serve
from worker import main as work
from workflows import identity, policies
from workflows.paid_case import PaidCase

ACTIVITY_TIMEOUT = timedelta(seconds=4)
NOT_FOUND_PROVES_AFTER = timedelta(seconds=3)
LEASE = timedelta(seconds=2)
AGAIN = timedelta(milliseconds=300)

Method = Callable[..., Awaitable[Any]]


def strike(point: str, case_id: str | None = None) -> None:
    """Send ourselves the signal when this is the point, the case is the one, and it has not happened yet."""
    if os.environ.get("STRIKE_POINT") != point or os.environ["STRIKE_CASE"] != (case_id or _case()):
        return
    try:
        Path(os.environ["STRIKE_MARK"]).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.Signals[os.environ["STRIKE_SIGNAL"]])


def struck() -> bool:
    """Whether this process has struck itself."""
    return "STRIKE_MARK" in os.environ and Path(os.environ["STRIKE_MARK"]).exists()


def _note_the_end() -> None:
    Path(os.environ["STRIKE_MARK"]).with_suffix(".ended").touch()


def _case() -> str | None:
    """The case on whose behalf this code runs."""
    if activity.in_activity():
        return identity.case_of(activity.info().workflow_id or "")
    if workflow.in_workflow():
        return identity.case_of(workflow.info().workflow_id)
    return None


def around(method: Method, before: str | None = None, after: str | None = None) -> Method:
    """The method with a point before it and one after it."""

    @functools.wraps(method)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        if before:
            strike(before)
        result = await method(*args, **kwargs)
        if after:
            strike(after)
        return result

    return wrapped


class Striking(Interceptor):
    """Points before and after every activity; notes when an execution that was frozen has ended."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Activity(next)


class _Activity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        name, unstruck = activity.info().activity_type, not struck()
        try:
            strike(f"before {name}")
            result = await super().execute_activity(input)
            strike(f"after {name}")
            return result
        finally:
            if unstruck and struck() and _case() == os.environ["STRIKE_CASE"]:
                _note_the_end()


def wrap() -> None:
    """Put the points in, and the waiting times."""
    policies.ACTIVITY_TIMEOUT = ACTIVITY_TIMEOUT
    policies.BOOKKEEPING_RETRY.initial_interval = AGAIN
    policies.CHARGE_RETRY.initial_interval = AGAIN
    for module in (activities.payments, invoicing.domain.payments):
        module.NOT_FOUND_PROVES_AFTER = NOT_FOUND_PROVES_AFTER  # type: ignore[attr-defined]  # imported by name there
    activities.payments.SETTLE_AGAIN_AFTER = AGAIN
    relay.LEASE = LEASE
    bootstrap.Worker = _worker  # type: ignore[attr-defined,assignment]  # the same class with test settings
    wrapped: tuple[tuple[type, str, str | None, str | None], ...] = (
        (PaymentActivities, "_post", "before the intent", None),
        (AutopayGateway, "open", "between intent and request", "between answer and record"),
        (FileDocumentStore, "put", "between number and document", "between document and row"),
        (BuiltinIssuer, "issue", None, "between invoice and state"),
        (SmtpMailer, "send", "before the mail", "between mail and record"),
    )
    for owner, name, before, after in wrapped:
        setattr(owner, name, around(getattr(owner, name), before, after))
    _wrap_postman()
    _wrap_workflow()
    _wrap_relay()


def _worker(*args: Any, **options: Any) -> temporalio.worker.Worker:
    options |= {"interceptors": [Striking()], "sticky_queue_schedule_to_start_timeout": timedelta(seconds=1)}
    if os.environ.get("STRIKE_SIGNAL") == "SIGSTOP":
        # A frozen process keeps its polls open for a minute and swallows what the server gives them.
        options |= {"max_concurrent_activities": 1, "max_concurrent_workflow_tasks": 2}
        options |= {"max_concurrent_workflow_task_polls": 2, "max_concurrent_activity_task_polls": 1}
    return temporalio.worker.Worker(*args, **options)


def _wrap_postman() -> None:
    deliver = Postman.deliver

    async def delivering(self: Postman, case_id: str, kind: MailKind, *args: Any) -> Any:
        if kind is not MailKind.INVOICE:
            strike("between notice and mail")
        return await deliver(self, case_id, kind, *args)

    Postman.deliver = delivering  # type: ignore[method-assign,assignment]  # the same with a point


def _wrap_workflow() -> None:
    tell = PaidCase._tell

    def telling(self: PaidCase, step: Any) -> None:
        tell(self, step)
        if not workflow.unsafe.is_replaying():
            strike(f"deciding on {step.value}")

    PaidCase._tell = telling  # type: ignore[method-assign]  # the same with a point


def _wrap_relay() -> None:
    hand_over, notify = relay.Relay._hand_over, relay.Relay._notify

    async def handing(self: relay.Relay, message: Any) -> None:
        strike("between claim and delivery", message.case_id)
        await hand_over(self, message)
        strike("between delivery and record", message.case_id)

    async def notifying(self: relay.Relay, message: Any) -> None:
        strike("between claim and signal", message.case_id)
        await notify(self, message)
        strike("between signal and record", message.case_id)

    relay.Relay._notify = notifying  # type: ignore[method-assign]  # the same with points
    relay.Relay._hand_over = handing  # type: ignore[method-assign]  # the same with points


def live(role: str, env: Mapping[str, str], log: str) -> None:
    """The life of a child process: the product's own entry point with these variables, wrapped."""
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.environ.update(env)
    wrap()
    leave(serve() if role == "api" else work())
