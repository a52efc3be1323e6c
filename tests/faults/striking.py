"""A worker or an API that dies or freezes once, at a named point.

The application is the product's own, built by its own entry points; only its ports and the SDK's worker are wrapped.
`STRIKES` says for whose sake and where (case and point), `STRIKE_SIGNAL` which signal the process sends itself; a file
in `STRIKE_FOLDER` is made before, so that it happens once for each case. Without points nothing is wrapped that could
strike, and what remains are waiting times that suit a test: a killed activity is tried again after seconds.
"""

from __future__ import annotations

import functools
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any

import temporalio.worker
from temporalio import activity, workflow
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

import activities.payments
import invoicing.domain.payments
import invoicing.gateways.wfirma.issuer
from activities.delivery import Errand, Postman
from activities.payments import PaymentActivities
from invoicing import bootstrap, relay
from invoicing.documents.builtin import BuiltinIssuer
from invoicing.domain.records import MailKind
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.smtp.mailer import SmtpMailer
from invoicing.gateways.wfirma.client import WfirmaClient
from invoicing.gateways.wfirma.issuer import WfirmaIssuer
from invoicing.leaving import leave
from invoicing.storage.files import FileDocumentStore
from invoicing.storage.store import SqlCaseStore, SqlUnitOfWork
from invoicing.web.__main__ import main as serve
from worker import main as work
from workflows import identity, policies
from workflows.paid_case import PaidCase

ACTIVITY_TIMEOUT = timedelta(seconds=4)
NOT_FOUND_PROVES_AFTER = timedelta(seconds=3)
WFIRMA_TIMEOUT, LEAVE, SETTLE = timedelta(seconds=2), timedelta(seconds=1), timedelta(seconds=3.5)
LEASE = timedelta(seconds=2)
AGAIN = timedelta(milliseconds=300)

Method = Callable[..., Awaitable[Any]]


_COUNTED: ContextVar[Counter[str]] = ContextVar("counted")
"""How often the present execution of an activity has come to a place."""


def mark_in(folder: Path, case_id: str) -> Path:
    """The file that says that the strike for a case has happened."""
    return folder / f"struck-{case_id}.mark"


def _mark(case_id: str) -> Path:
    return mark_in(Path(os.environ["STRIKE_FOLDER"]), case_id)


@functools.cache
def _strikes() -> Mapping[str, str]:
    strikes: dict[str, str] = json.loads(os.environ.get("STRIKES", "{}"))
    return strikes


def strike(point: str, case_id: str | None = None) -> None:
    """Send ourselves the signal when this is the point, the case is the one, and it has not happened yet."""
    case = case_id or _case()
    if case is None or _strikes().get(case) != point:
        return
    try:
        _mark(case).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.Signals[os.environ["STRIKE_SIGNAL"]])


def strike_in_activity(place: str, when: str) -> None:
    """A point inside an activity: `before refund 1 of refund_payment`, numbered within one execution."""
    if activity.in_activity():
        counted = _COUNTED.get()
        counted[place] += when == "before"
        strike(f"{when} {place} {counted[place]} of {activity.info().activity_type}")


def struck() -> bool:
    """Whether this process has struck itself."""
    return any(_mark(case).exists() for case in _strikes())


def _note_the_end() -> None:
    for case in _strikes():
        _mark(case).with_suffix(".ended").touch()


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
        _COUNTED.set(Counter())
        try:
            strike(f"before {name}")
            result = await super().execute_activity(input)
            strike(f"after {name}")
            return result
        finally:
            if unstruck and struck() and _case() in _strikes():
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
    for owner, name in (
        (AutopayGateway, "status"),
        (AutopayGateway, "cancel"),
        (AutopayGateway, "refund"),
        (AutopayGateway, "refund_status"),
        (FileDocumentStore, "put"),
        (SmtpMailer, "send"),
        (WfirmaIssuer, "probe"),
    ):
        setattr(owner, name, _around_in_activity(getattr(owner, name), name))
    _wrap_wfirma()
    _wrap_commits()
    _wrap_postman()
    _wrap_workflow()
    _wrap_relay()


def _around_in_activity(method: Method, name: str) -> Method:
    @functools.wraps(method)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        strike_in_activity(name, "before")
        result = await method(*args, **kwargs)
        strike_in_activity(name, "after")
        return result

    return wrapped


def _wrap_wfirma() -> None:
    """Points around every call, named by module and action, and a wait for lost adds that suits a test."""
    post = WfirmaClient._post

    async def posting(self: WfirmaClient, account: Any, path: str, *args: Any, **kwargs: Any) -> Any:
        place = "/".join(path.split("/")[:2])
        strike_in_activity(place, "before")
        reply = await post(self, account, path, *args, **kwargs)
        strike_in_activity(place, "after")
        return reply

    WfirmaClient._post = posting  # type: ignore[method-assign]  # the same with points
    for method, name, value in (
        (WfirmaClient.__init__, "timeout", WFIRMA_TIMEOUT),
        (WfirmaIssuer.__init__, "settle", SETTLE),
    ):
        assert method.__kwdefaults__ is not None
        method.__kwdefaults__[name] = value
    invoicing.gateways.wfirma.issuer.LEAVE = LEAVE


def _wrap_commits() -> None:
    transaction = SqlCaseStore.transaction

    @asynccontextmanager
    async def committing(self: SqlCaseStore) -> AsyncIterator[SqlUnitOfWork]:
        async with transaction(self) as db:
            yield db
            strike_in_activity("commit", "before")
        strike_in_activity("commit", "after")

    SqlCaseStore.transaction = committing  # type: ignore[method-assign]  # the same with points


def _worker(*args: Any, **options: Any) -> temporalio.worker.Worker:
    options |= {
        "interceptors": [Striking(), *options["interceptors"]],
        "sticky_queue_schedule_to_start_timeout": timedelta(seconds=1),
    }
    if len(_strikes()) > 1:
        options |= {"max_concurrent_activities": 1}  # a kill for the sake of one case must not hit another one's act
    if os.environ.get("STRIKE_SIGNAL") == "SIGSTOP":
        # A frozen process keeps its polls open for a minute and swallows what the server gives them.
        options |= {"max_concurrent_activities": 1, "max_concurrent_workflow_tasks": 2}
        options |= {"max_concurrent_workflow_task_polls": 2, "max_concurrent_activity_task_polls": 1}
    return temporalio.worker.Worker(*args, **options)


def _wrap_postman() -> None:
    hand_over = Postman.hand_over

    async def handing_over(self: Postman, errand: Errand, *args: Any) -> Any:
        if errand.delivery.kind is not MailKind.INVOICE:
            strike("between notice and mail")
        return await hand_over(self, errand, *args)

    Postman.hand_over = handing_over  # type: ignore[method-assign,assignment]  # the same with a point


def _wrap_workflow() -> None:
    tell = PaidCase._tell

    def telling(self: PaidCase, step: Any, **held: Any) -> None:
        tell(self, step, **held)
        if step is not None and not workflow.unsafe.is_replaying():
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
