"""Saving an expert who issues through wFirma: keys proved, kept, removed by name, and never shown."""

import base64
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from invoicing.bootstrap import utc_now
from invoicing.domain.cases import ExpertDocument, WfirmaKeys
from invoicing.domain.records import Event, LogQuery
from invoicing.sandbox.autopay.desk import AutopayOptions
from invoicing.sandbox.running import MailOptions, RunningSandbox, SandboxOptions, sandbox
from invoicing.sandbox.wfirma.desk import WfirmaOptions
from tests.integration.web.stage import EXPERT, Stage, settings, staged

PATH = "/v1/experts/exp-1"
KEYS = {"access_key": "sandbox-access", "secret_key": "sandbox-secret"}
RING = "k1:" + base64.b64encode(b"k" * 32).decode()
GOOD = {**EXPERT, "issuer": "wfirma", "invoice_series": "Faktury", "wfirma": KEYS}
SILENT = {name: value for name, value in GOOD.items() if name != "wfirma"}


@pytest.fixture
async def running() -> AsyncIterator[RunningSandbox]:
    """The stand-in on free ports."""
    options = SandboxOptions(
        autopay=AutopayOptions(port=0), mail=MailOptions(smtp_port=0, mailbox_port=0), wfirma=WfirmaOptions(port=0)
    )
    async with sandbox(options) as opened:
        yield opened


@pytest.fixture
async def stage(folder: Path, running: RunningSandbox) -> AsyncIterator[Stage]:
    """The application with wFirma and a ring."""
    more = {"WFIRMA_BASE_URL": running.wfirma_url, "WFIRMA_APP_KEY": "sandbox-app", "SECRETS_KEYS": RING}
    async with staged(settings(folder, **more)) as it:
        yield it


async def put(stage: Stage, document: dict[str, Any], role: str = "expert:exp-1") -> tuple[int, dict[str, Any]]:
    answer = await stage.send("PUT", PATH, role, json=document)
    assert not {"sandbox-access", "sandbox-secret", "wrong-secret"} & set(answer.text.split('"'))
    return answer.status_code, answer.json()


async def kept(stage: Stage) -> WfirmaKeys | None:
    async with stage.app.store.reading() as db:
        expert = await db.expert("exp-1")
    return expert.wfirma if expert else None


async def fault(running: RunningSandbox, name: str) -> None:
    async with aiohttp.ClientSession() as session:
        await session.post(f"{running.wfirma_url}/_sandbox/faults", json={"fault": name})


async def alerts(stage: Stage) -> list[tuple[str, dict[str, str]]]:
    found = await stage.app.store.alerts(open_only=True, after_id=0, limit=10)
    return [(alert.code, alert.details) for alert in found]


async def logged(stage: Stage) -> list[tuple[str, dict[str, str]]]:
    found = await stage.app.store.activity(LogQuery(event=Event.EXPERT_SAVED))
    return [(entry.actor, entry.details) for entry in reversed(found)]


async def test_keys_are_proved_before_they_are_stored(stage: Stage) -> None:
    status, told = await put(stage, GOOD)
    assert (status, told["checked"], told["wfirma"]) == (200, True, {"company_id": None})
    assert await kept(stage) == WfirmaKeys(**KEYS)
    assert await logged(stage) == [("expert:exp-1", {"expert_id": "exp-1", "checked": "yes"})]
    assert await alerts(stage) == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"wfirma": {**KEYS, "secret_key": "wrong-secret"}}, {"wfirma.access_key", "wfirma.secret_key"}),
        ({"wfirma": {**KEYS, "company_id": "77"}}, {"wfirma.company_id"}),
        ({"invoice_series": "Nie ma"}, {"invoice_series"}),
        ({"wfirma": {"access_key": "sandbox-access"}}, {"wfirma.secret_key"}),
        ({"wfirma": {"company_id": "77"}}, {"wfirma.access_key", "wfirma.secret_key"}),
    ],
    ids=["secret", "company", "series", "half", "nothing"],
)
async def test_what_is_definitely_wrong_is_refused_by_field_and_nothing_is_stored(
    stage: Stage, changes: dict[str, Any], fields: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    status, told = await put(stage, {**GOOD, **changes})
    assert (status, {item["field"] for item in told["errors"]}) == (422, fields)
    assert (await stage.send("GET", PATH)).status_code == 404
    assert await logged(stage) == []
    assert "sandbox-secret" not in caplog.text


@pytest.mark.parametrize("away", ["out_of_service", "drop_before", "http_500", "auth_limit", "fatal"])
async def test_while_wfirma_cannot_be_asked_the_keys_are_stored_unchecked_and_somebody_is_told(
    stage: Stage, running: RunningSandbox, away: str
) -> None:
    await fault(running, away)
    status, told = await put(stage, GOOD, "ops")
    assert (status, told["checked"]) == (200, False)
    assert await kept(stage) == WfirmaKeys(**KEYS)
    assert await alerts(stage) == [("issuer_unchecked", {"expert_id": "exp-1"})]
    assert await logged(stage) == [("ops", {"expert_id": "exp-1", "checked": "no"})]


async def test_the_alert_of_unchecked_keys_ends_when_they_are_proved(stage: Stage, running: RunningSandbox) -> None:
    await fault(running, "out_of_service")
    await put(stage, GOOD)
    async with aiohttp.ClientSession() as session:
        await session.delete(f"{running.wfirma_url}/_sandbox/faults")
    assert (await put(stage, SILENT))[1]["checked"] is True
    assert await alerts(stage) == []


async def test_keys_stay_unless_they_are_named(stage: Stage) -> None:
    await put(stage, GOOD)
    status, told = await put(stage, {**SILENT, "name": "Inna nazwa"})
    assert (status, told["name"], told["checked"]) == (200, "Inna nazwa", True)
    assert await kept(stage) == WfirmaKeys(**KEYS)


async def test_what_is_read_back_can_be_edited_and_saved_without_losing_the_keys(stage: Stage) -> None:
    await put(stage, GOOD)
    read = (await stage.send("GET", PATH)).json()
    status, told = await put(stage, {**read, "name": "Inna nazwa"})
    assert (status, told["name"]) == (200, "Inna nazwa")
    assert await kept(stage) == WfirmaKeys(**KEYS)
    assert (await put(stage, {**read, "expert_id": "exp-2"}))[0] == 422


async def test_a_company_alone_is_changed_and_the_keys_stay(stage: Stage) -> None:
    await put(stage, GOOD)
    assert (await put(stage, {**GOOD, "wfirma": {"company_id": "10001"}}))[1]["wfirma"] == {"company_id": "10001"}
    assert await kept(stage) == WfirmaKeys(**KEYS, company_id="10001")


async def test_keys_are_removed_by_null(stage: Stage) -> None:
    await put(stage, GOOD)
    status, told = await put(stage, {**GOOD, "wfirma": None})
    assert (status, told["wfirma"], told["checked"]) == (200, None, None)
    assert await kept(stage) is None


async def test_another_issuer_keeps_the_keys_and_asks_nobody(stage: Stage, running: RunningSandbox) -> None:
    await put(stage, GOOD)
    running.wfirma.requests.clear()
    assert (await put(stage, {**SILENT, "issuer": "none"}))[1]["checked"] is None
    assert await kept(stage) == WfirmaKeys(**KEYS)
    assert not running.wfirma.requests


async def test_a_platform_without_wfirma_stores_the_keys_unchecked(folder: Path) -> None:
    async with staged(settings(folder, SECRETS_KEYS=RING)) as stage:
        assert (await put(stage, GOOD))[1]["checked"] is False
        assert await alerts(stage) == [("issuer_unchecked", {"expert_id": "exp-1"})]


async def test_while_the_platforms_own_key_is_suspected_a_refused_login_is_no_fault_of_the_expert(stage: Stage) -> None:
    wrong = {**GOOD, "wfirma": {**KEYS, "secret_key": "wrong-secret"}}
    assert (await put(stage, wrong))[0] == 422
    for nth in range(3):
        document = ExpertDocument.model_validate({**GOOD, "wfirma": KEYS})
        async with stage.app.store.transaction() as db:
            await db.save_expert(f"exp-{nth + 5}", document, utc_now())
            await db.login_refused(f"exp-{nth + 5}", utc_now())
    status, told = await put(stage, wrong)
    assert (status, told["checked"]) == (200, False)
    assert (await put(stage, GOOD))[1]["checked"] is True
    assert (await put(stage, wrong))[0] == 422, "a login was taken since"


async def test_without_the_ring_stored_keys_are_not_lost_by_saving(folder: Path, stage: Stage) -> None:
    await put(stage, GOOD)
    async with staged(settings(folder)) as blind:
        status, told = await put(blind, {**SILENT, "issuer": "none"})
        assert (status, [item["field"] for item in told["errors"]]) == (422, ["wfirma"])
    assert await kept(stage) == WfirmaKeys(**KEYS)
