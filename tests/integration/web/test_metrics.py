"""`/metrics`: what it tells, to whom, and how seldom it asks the database."""

from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from activities.metrics import FAILED_ATTEMPTS, INVOICE_ATTEMPTS, ITN_LAG, MAILS
from invoicing.bootstrap import utc_now
from invoicing.domain.brownouts import Gate
from invoicing.domain.records import Alert, Event, LogEntry
from invoicing.domain.state import Parked, Step
from invoicing.errors import Cause
from invoicing.web.app import create_app
from invoicing.web.metrics import KEPT, PASSED_ON, SETTLED, STATES_KEPT
from tests.architecture import watching
from tests.integration.web.stage import CASE, EXTERNAL, Stage, settings, staged

OF_WORKERS = ("temporal_", FAILED_ATTEMPTS, INVOICE_ATTEMPTS, ITN_LAG, f"{MAILS}_total")
OF_ISSUER = (("issuer", "wfirma"), ("scope", "issuer"))
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def asked(stage: Stage) -> Samples:
    answer = await stage.http.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples(answer.text)


class Clock:
    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


async def test_it_tells_what_waits_and_what_happened(folder: Path) -> None:
    clock = Clock()
    async with staged(settings(folder), clock) as stage:
        first = await asked(stage)
        assert first["paidcase_database_reachable", ()] == 1
        assert first["paidcase_queue_waiting", (("queue", "outbox"),)] == 0
        assert not any(name.startswith("paidcase_events") for name, _ in first)
        await stage.recorded(payment=EXTERNAL)
        why = Parked(step=Step.INVOICE, cause=Cause.SETTINGS, code="issuer_not_ready", attempts=1)
        await stage.state(parked=why)
        async with stage.app.store.transaction() as db:
            await db.open_alert(
                Alert(
                    key="k", case_id=CASE, step=Step.INVOICE, cause=Cause.SETTINGS, code="issuer_not_ready",
                    opened_at=clock.now,
                )
            )  # fmt: skip
            await db.save_gate(Gate(issuer="wfirma", shut_at=clock.now))
            await db.save_gate(Gate(issuer="wfirma/exp-1", shut_at=clock.now))
        assert first["paidcase_provider_gates_shut", OF_ISSUER] == 0
        clock.now += SETTLED + timedelta(minutes=1)
        await stage.app.store.seen("host:1", "worker", clock.now, clock.now)
        found = await asked(stage)
        text = (await stage.http.get("/metrics")).text
    ours = {
        name: labels
        for name, labels in watching.asked(watching.expressions()).items()
        if not name.startswith(OF_WORKERS)
    }
    assert len(ours) > 8
    assert watching.unanswered(ours, text) == [], "rules or dashboard ask for what the API does not tell"
    assert found["paidcase_cases_parked", (("cause", "settings"), ("step", "generate_invoice"))] == 1
    alert = (("acknowledged", "no"), ("cause", "settings"), ("code", "issuer_not_ready"))
    assert found["paidcase_alerts_open", alert] == 1
    assert found["paidcase_alert_unacknowledged_seconds", ()] == 90
    assert found["paidcase_cases", (("invoice_status", "none"), ("payment_status", "none"))] == 1
    assert found["paidcase_provider_gates_shut", OF_ISSUER] == 1
    assert found["paidcase_provider_gate_shut_seconds", OF_ISSUER] == 90
    assert found["paidcase_cases_held", OF_ISSUER] == 0
    assert "exp-1" not in text, "an account's gate is counted and not named"
    assert found["paidcase_reconciliation_differences", (("kind", "refund_differs"),)] == 0
    assert found["paidcase_queue_waiting", (("queue", "outbox"),)] == 1
    assert found["paidcase_queue_oldest_seconds", (("queue", "outbox"),)] == 90
    assert found["paidcase_processes_seen", (("role", "worker"),)] == 1
    assert found["paidcase_events_total", (("cause", ""), ("event", "case_recorded"), ("step", ""))] == 1


async def test_lines_are_counted_once_however_often_it_is_asked(folder: Path) -> None:
    clock = Clock()
    async with staged(settings(folder), clock) as stage:
        await asked(stage)
        for _ in range(3):
            async with stage.app.store.transaction() as db:
                await db.log(LogEntry(case_id=None, event=Event.NOTIFICATION_REJECTED, at=clock.now))
            clock.now += SETTLED + timedelta(seconds=1)
            found = await asked(stage)
        rejected = (("cause", ""), ("event", "notification_rejected"), ("step", ""))
        assert found["paidcase_events_total", rejected] == 3


async def test_the_database_is_read_once_in_a_while_however_often_it_is_asked(folder: Path) -> None:
    clock = Clock()
    async with staged(settings(folder), clock) as stage:
        before = await asked(stage)
        await stage.recorded(payment=EXTERNAL)
        assert await asked(stage) == before
        clock.now += KEPT
        assert (await asked(stage))["paidcase_queue_waiting", (("queue", "outbox"),)] == 1


async def test_cases_by_their_states_are_counted_more_seldom(folder: Path) -> None:
    clock = Clock()
    unpaid = "paidcase_cases", (("invoice_status", "none"), ("payment_status", "none"))
    async with staged(settings(folder), clock) as stage:
        assert unpaid not in await asked(stage)
        await stage.recorded(payment=EXTERNAL)
        clock.now += STATES_KEPT - KEPT
        assert unpaid not in await asked(stage)
        clock.now += KEPT
        assert (await asked(stage))[unpaid] == 1


async def test_a_database_that_is_away_is_a_figure_and_no_error(tmp_path: Path) -> None:
    nowhere = settings(tmp_path, DATABASE_URL="postgresql+asyncpg://u@127.0.0.1:1/x")
    async with staged(nowhere) as stage:
        assert await asked(stage) == {("paidcase_database_reachable", ()): 0}


@pytest.mark.parametrize("header", PASSED_ON)
async def test_what_a_proxy_has_passed_on_is_refused(stage: Stage, header: str) -> None:
    answer = await stage.http.get("/metrics", headers={header: "198.51.100.7"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("peer", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:8080", 200),
        ("172.18.0.5", "api:8080", 200),
        ("::1", "localhost:8080", 200),
        ("127.0.0.1", "pay.example.com", 404),
        ("8.8.8.8", "api:8080", 404),
        ("not-an-address", "api:8080", 404),
    ],
)
async def test_only_who_is_near_and_does_not_come_by_the_public_name_is_told(
    folder: Path, peer: str, host: str, status: int
) -> None:
    async with staged(settings(folder, PUBLIC_URL="https://pay.example.com", AUTOPAY_SHARED_KEY="k" * 20)) as stage:
        transport = httpx.ASGITransport(create_app(stage.parts), client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as http:
            assert (await http.get("/metrics")).status_code == status
