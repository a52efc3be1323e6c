"""`/metrics`: figures of the business in Prometheus' text format (version 0.0.4).

Every figure comes from the database, so each API process tells the same: take the `max` over processes, never the sum.
They are read at most once in `KEPT`, however often anybody asks, and cases by their states, whose count grows with the
archive, once in `STATES_KEPT`. Labels are closed sets, without ids and personal data.
Counters begin at 0 with the process and follow the activity log at a distance of `SETTLED`.

Guarantee: the answer is 200 also while the database is away; then it holds `paidcase_database_reachable 0` alone.

Private: only to a caller who comes from a private address, straight and not by the public name. A proxy on this machine
comes from a private address too, so what one has passed on (RFC 7239 and the older headers) is refused as unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from invoicing.domain.brownouts import SeenGate, issuer_of
from invoicing.domain.metrics import MOST, Count, Figures
from invoicing.domain.reconciling import DifferenceKind
from invoicing.errors import NotFound, PaidcaseError
from invoicing.setting_values import is_loopback
from invoicing.web.health import ALIVE_WITHIN
from invoicing.web.parts import Parts, WebParts

KEPT = timedelta(seconds=5)
STATES_KEPT = timedelta(seconds=60)
SETTLED = timedelta(seconds=30)
"""Longer than any transaction of ours lasts: below a line this old no other one is committed any more."""

PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
ROLES = ("api", "worker")
"""Told as 0 when none was seen, so that an alert can hear of it."""
PROVIDERS = ("wfirma",)
"""Issuers with a provider of their own: their gates are told as open before anything was ever noted of them."""
SCOPES = ("issuer", "account")

_UP_TO = f"counted up to {MOST}"

router = APIRouter(tags=["health"])


@router.get("/metrics", operation_id="readMetrics", response_class=Response,
            responses={200: {"description": "Prometheus' text format.", "content": {"text/plain": {}}}})  # fmt: skip
async def read_metrics(request: Request, parts: Parts) -> Response:
    """Figures of the business."""
    if not is_private(request, parts.public_url):
        raise NotFound("metrics_private", "metrics are told on the private address only")
    exposition: Exposition = request.app.state.exposition
    return Response(await exposition.text(parts), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def is_private(request: Request, public_url: str) -> bool:
    """Whether the caller is near and has come straight."""
    if request.client is None or any(name in request.headers for name in PASSED_ON):
        return False
    if not is_loopback(public_url) and request.url.hostname == urlsplit(public_url).hostname:
        return False
    try:
        return ip_address(request.client.host).is_private
    except ValueError:
        return False


class Exposition:
    """The text of one process, with its counters."""

    def __init__(self, kept: timedelta = KEPT) -> None:
        self._kept = kept
        self._turn = asyncio.Lock()
        self._text: tuple[datetime, bytes] | None = None
        self._states: tuple[datetime, tuple[Count, ...]] | None = None
        self._upto: int | None = None
        self._lines: dict[tuple[str, ...], int] = {}

    async def text(self, parts: WebParts) -> bytes:
        """Today's figures; whoever asks meanwhile waits and gets the same."""
        async with self._turn:
            now = parts.clock()
            if self._text is None or not now - self._kept < self._text[0] <= now:
                self._text = now, generate_latest(_Families([*await self._families(parts, now)]))
            return self._text[1]

    async def _families(self, parts: WebParts, now: datetime) -> Sequence[Metric]:
        reachable = "The database answers and has this version's schema"
        try:
            await parts.store.ping()
            figures = await parts.store.figures(now - ALIVE_WITHIN)
            states = await self._by_state(parts, now)
            gates = await parts.store.gates()
            told = await parts.store.told(self._upto, now - SETTLED)
        except PaidcaseError:
            return [GaugeMetricFamily("paidcase_database_reachable", reachable, 0)]
        self._upto = told.upto
        for line in told.lines:
            self._lines[line.values] = self._lines.get(line.values, 0) + line.rows
        lines = CounterMetricFamily(
            "paidcase_events", "Lines of the activity log since this process began", labels=("event", "step", "cause")
        )
        for values, count in sorted(self._lines.items()):
            lines.add_metric(values, count)
        cases = _family("cases", "Every case by its states", ("payment_status", "invoice_status"), states)
        reached = GaugeMetricFamily("paidcase_database_reachable", reachable, 1)
        return [reached, cases, *_gauges(figures, now), *_of_gates(gates, now), lines]

    async def _by_state(self, parts: WebParts, now: datetime) -> tuple[Count, ...]:
        if self._states is None or not now - STATES_KEPT < self._states[0] <= now:
            self._states = now, await parts.store.states()
        return self._states[1]


class _Families(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """What `generate_latest` asks a registry for."""
        return iter(self._families)


def _gauges(figures: Figures, now: datetime) -> Iterator[Metric]:
    yield _gauge("cases_unsettled", "Cases that wait for their payment", ("payment_status",), figures.unsettled)
    yield _gauge("cases_uninvoiced", "Paid cases without an invoice of ours", ("invoice_status",), figures.uninvoiced)
    yield _gauge("cases_parked", "Cases that wait for a person", ("step", "cause"), figures.parked)
    yield _gauge("alerts_open", "Open alerts", ("cause", "code", "acknowledged"), figures.alerts)
    known = [Count(values=(kind.value,), rows=0) for kind in DifferenceKind]
    differing = {count.values: count for count in (*known, *figures.differences)}
    said = "Cases in which the gateway, our records and invoices do not agree"
    yield _gauge("reconciliation_differences", said, ("kind",), tuple(differing.values()))
    yield _gauge("failed_tasks_open", "Rows of the failed lists", ("kind",), figures.tasks)
    yield _gauge("mails_unsent", "Mails not accepted by the mail server", ("status",), figures.mails)
    yield _gauge("queue_waiting", "Accepted and not yet handed to Temporal", ("queue",), figures.waiting)
    seen = {role: 0 for role in ROLES} | {count.values[0]: count.rows for count in figures.processes}
    alive = tuple(Count(values=(role,), rows=rows) for role, rows in seen.items())
    yield _gauge("processes_seen", "Processes that gave a sign of life lately", ("role",), alive)
    oldest = GaugeMetricFamily(
        "paidcase_queue_oldest_seconds", "How long the oldest row of a queue has waited", labels=("queue",)
    )
    for queue in (count.values[0] for count in figures.waiting):
        oldest.add_metric((queue,), _seconds(figures.oldest.get(queue), now))
    yield oldest
    name, said = "paidcase_alert_unacknowledged_seconds", "How long the oldest open alert has waited for somebody"
    yield GaugeMetricFamily(name, said, _seconds(figures.unseen_since, now))


def _of_gates(gates: Sequence[SeenGate], now: datetime) -> Iterator[Metric]:
    """Gates of issuers, and those of accounts together: an account's name is an expert's."""
    labels = ("issuer", "scope")
    of: dict[tuple[str, ...], list[SeenGate]] = {(issuer, scope): [] for issuer in PROVIDERS for scope in SCOPES}
    for gate in gates:
        of.setdefault((issuer_of(gate.issuer), SCOPES[not gate.of_issuer]), []).append(gate)
    closed = tuple(Count(values=values, rows=sum(gate.shut for gate in those)) for values, those in of.items())
    yield _family("provider_gates_shut", "Gates before which new cases wait for a provider", labels, closed)
    held = tuple(Count(values=values, rows=sum(gate.waiting for gate in those)) for values, those in of.items())
    yield _family("cases_held", "Cases that wait before the gates of a provider", labels, held)
    since = GaugeMetricFamily(
        "paidcase_provider_gate_shut_seconds", "How long one has been shut at most", labels=labels
    )
    for values, those in sorted(of.items()):
        since.add_metric(values, max((_seconds(gate.shut_at, now) for gate in those), default=0.0))
    yield since


def _gauge(name: str, said: str, labels: tuple[str, ...], counts: Sequence[Count]) -> Metric:
    return _family(name, f"{said}, {_UP_TO}", labels, counts)


def _family(name: str, said: str, labels: tuple[str, ...], counts: Sequence[Count]) -> Metric:
    family = GaugeMetricFamily(f"paidcase_{name}", said, labels=labels)
    for count in sorted(counts, key=lambda count: count.values):
        family.add_metric(count.values, count.rows)
    return family


def _seconds(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)
