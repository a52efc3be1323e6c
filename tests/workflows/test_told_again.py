"""Mails to experts that failed are sent again for one case or many, and what is told in the app is told once."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import Event
from invoicing.sandbox.mail.mailbox import parse, text_of
from invoicing.storage import tables
from tests.stage import World, world
from tests.stage_samples import until
from tests.stage_temporal import TemporalServer
from tools.temporal import cache
from workflows import identity

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENTENCE = "Wystąpił błąd podczas wystawiania faktury dla klienta do sprawy nr {case_id}"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(temporal, tmp_path_factory.mktemp("told-again")) as opened:
        yield opened


async def refusing(stage: World, expert_id: str, times: int) -> None:
    """An expert whose mails are refused so many times."""
    await stage.save_expert(expert_id, email=f"{expert_id}@example.com")
    stage.mail_fault("550", f"{expert_id}@example.com", times=times)


async def untold(stage: World, case_id: str, decided: int = 0) -> None:
    """Until the mail to the expert has failed, once more for each decision so far."""

    async def failed() -> bool:
        return (await stage.events(case_id)).count(Event.MAIL_FAILED) > decided

    await until(failed, f"{case_id}: the mail to the expert fails")
    assert [one["code"] for one in await waiting(stage, case_id)] == ["mail_refused"]
    assert [one.code for one in await stage.alerts(case_id) if one.details.get("mail")] == ["mail_refused"]


async def waiting(stage: World, case_id: str) -> list[dict[str, Any]]:
    """The failed list of mails to experts, of one case."""
    return [task for task in await stage.open_tasks(case_id) if task["kind"] == "notification"]


async def failed_round(stage: World, case_id: str, expert_id: str) -> None:
    """A paid case that waits for a person, and of which its expert could not be mailed."""
    with stage.unusable_documents():
        await stage.record(case_id, paid=True, expert_id=expert_id)
        await untold(stage, case_id)


def to_expert(stage: World, case_id: str) -> list[str]:
    """Message-IDs of accepted mails to the expert."""
    return [mail.message_id for mail in stage.mails(case_id) if mail.message_id.startswith("<expert")]


async def notices(stage: World, case_id: str) -> list[str]:
    return [row["kind"] for row in await stage.rows(tables.notices, case_id)]


async def press(stage: World, case_ids: list[str], key: str) -> list[tuple[str, bool, str | None]]:
    """Try the mails to experts again by the API."""
    token = stage.app.tokens.issue("ops", stage.app.clock(), name="duty")
    async with httpx.AsyncClient(base_url=stage.env["PUBLIC_URL"], timeout=60) as client:
        answer = await client.post(
            "/v1/failed-tasks/regenerate",
            json={"case_ids": case_ids, "kind": "notification"},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
        )
    assert answer.status_code == 200, answer.text
    return [(item["case_id"], item["accepted"], item["code"]) for item in answer.json()["items"]]


async def starter(stage: World, *arguments: str) -> tuple[int, dict[str, Any]]:
    """A command, its exit code and its answer."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "starter", *arguments, "--json",
        cwd=cache.ROOT, env={**os.environ, **stage.env}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, json.loads(out)


async def test_mails_of_closed_cases_are_sent_again_by_one_call_and_the_app_is_told_once(stage: World) -> None:
    await refusing(stage, "exp-many", times=2)
    for case_id in ("many-1", "many-2"):
        await stage.record(case_id, paid=True, expert_id="exp-many")
        await stage.ended(case_id)
        await untold(stage, case_id)
    await stage.record("many-3", paid=True)
    await stage.ended("many-3")
    wanted = ["many-1", "many-2", "many-3", "many-4"]
    told = [("many-1", True, None), ("many-2", True, None), ("many-3", False, "action_not_allowed"),
            ("many-4", False, "not_found")]  # fmt: skip
    assert await press(stage, wanted, "press-1") == told
    assert await press(stage, wanted, "press-1") == told
    for case_id in ("many-1", "many-2"):

        async def closed(case_id: str = case_id) -> bool:
            return not await stage.open_tasks(case_id)

        await until(closed, f"{case_id}: the task is closed")
        assert to_expert(stage, case_id) == [f"<expert-paid.{case_id}.1-1@example.com>"]
        assert await stage.alerts(case_id) == []
        assert await notices(stage, case_id) == ["expert-paid"]
        timeline = await stage.app.store.timeline(case_id)
        (decided,) = [line for line in timeline if line.event is Event.DECIDED]
        assert (decided.actor, decided.details["decision"]) == ("ops:duty", "resend_notification")
        assert [line.event for line in timeline].count(Event.EXPERT_NOTIFIED) == 1
        act = stage.temporal.get_workflow_handle(identity.case_action_id(case_id, 1))
        assert (await act.result())["done"] is True
    assert await press(stage, ["many-1"], "press-2") == [("many-1", False, "action_not_allowed")]


async def test_an_open_run_sends_the_sentence_again_and_what_fails_again_waits_again(stage: World) -> None:
    await refusing(stage, "exp-open", times=2)
    await failed_round(stage, "open-1", "exp-open")
    (first,) = await waiting(stage, "open-1")
    chosen = ("resend", "--expert", "--query", "failed=notification")
    code, looked = await starter(stage, *chosen, "--dry-run")
    assert (code, looked["case_id"], looked["accepted"]) == (0, "open-1", True)
    assert await stage.rows(tables.decisions, "open-1") == []
    code, told = await starter(stage, *chosen, "--name", "duty", "--key", "one")
    assert (code, told["accepted"], told["handed_over"]) == (0, True, True)
    await untold(stage, "open-1", 1)
    (second,) = await waiting(stage, "open-1")
    assert (second["key"], second["id"] > first["id"]) == (first["key"], True)
    code, _ = await starter(stage, *chosen, "--name", "duty", "--key", "two")
    assert code == 0

    async def sent() -> bool:
        return bool(to_expert(stage, "open-1"))

    await until(sent, "the mail arrives")
    (mail,) = [mail for mail in stage.mails("open-1") if mail.message_id.startswith("<expert")]
    assert mail.message_id == "<expert-failed.open-1.1-2@example.com>"
    assert mail.raw is not None
    assert SENTENCE.format(case_id="open-1") in text_of(parse(mail.raw))
    assert await notices(stage, "open-1") == ["expert-failed"]
    assert [row["actor"] for row in await stage.rows(tables.decisions, "open-1")] == ["ops:duty", "ops:duty"]
    assert (await stage.state("open-1")).parked is not None, "the case goes on waiting for its own decision"
    await stage.regenerate("open-1", "press")
    await stage.ended("open-1")
    assert (await stage.open_tasks("open-1"), await stage.alerts("open-1")) == ([], [])
    assert await notices(stage, "open-1") == ["expert-failed", "expert-paid"]


async def test_an_expert_who_hears_of_the_end_needs_not_hear_of_the_round_that_failed(stage: World) -> None:
    await refusing(stage, "exp-late", times=1)
    await failed_round(stage, "late-1", "exp-late")
    await stage.regenerate("late-1", "press")
    await stage.ended("late-1")

    async def closed() -> bool:
        return not await stage.open_tasks("late-1") and not await stage.alerts("late-1")

    await until(closed, "the task is made good")
    assert to_expert(stage, "late-1") == ["<expert-paid.late-1.1@example.com>"]


async def test_two_presses_that_wait_for_one_mail_send_it_once(stage: World) -> None:
    await refusing(stage, "exp-twice", times=1)
    await failed_round(stage, "twice-1", "exp-twice")
    for key in ("one", "two"):
        await stage.app.deciding.take("twice-1", DecisionKind.RESEND_NOTIFICATION, "ops", key=key)

    async def carried_out() -> bool:
        return (await stage.completed("twice-1")).count("notify_expert") == 3

    await until(carried_out, "both decisions are carried out")
    (sent,) = to_expert(stage, "twice-1")  # of whichever decision came first
    assert sent in {f"<expert-failed.twice-1.1-{number}@example.com>" for number in (1, 2)}
