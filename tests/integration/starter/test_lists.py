"""Lists as commands: a table, one JSON document, or a file that is whole."""

import asyncio
import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from invoicing.domain.records import Alert, Event, FailedTask, LogEntry, TaskKind
from invoicing.domain.state import Step
from invoicing.errors import Cause
from invoicing.storage.store import SqlCaseStore
from starter.__main__ import COMMANDS
from tests.unit.starter.commands import AUTOPAY, answer, case, starter

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.fixture
def told(folder: Path) -> Path:
    """A case whose invoice failed twice, and its alert."""

    async def write() -> None:
        store = SqlCaseStore(f"sqlite+aiosqlite:///{folder / 'paidcase.db'}")
        async with store.transaction() as db:
            for attempt in (1, 2):
                await db.log(
                    LogEntry(
                        case_id="c-1", event=Event.ATTEMPT_FAILED, at=NOW, step=Step.INVOICE, attempt=attempt,
                        cause=Cause.CONNECTIVITY, code="issuer_unreachable", actor="@ola",
                        details={"answer": "unreachable", "outcome": "known", "money": "kept"},
                    )
                )  # fmt: skip
            await db.open_alert(
                Alert(key="k", case_id="c-1", step=Step.INVOICE, cause=Cause.CONNECTIVITY, code="issuer_unreachable",
                      opened_at=NOW)
            )  # fmt: skip
        await store.close()

    (folder / "case.json").write_text(json.dumps(case("c-1")))
    assert starter(folder, "start", "case.json", **AUTOPAY).returncode == 0
    asyncio.run(write())
    return folder


def test_the_log_is_written_into_a_file_that_a_spreadsheet_may_open(told: Path) -> None:
    done = starter(told, "log", "--case", "c-1", "--failed", "--format", "csv", "--output", "log.csv")
    assert (done.returncode, done.stdout) == (0, "written to log.csv\n")
    with (told / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["attempt"], row["code"], row["actor"]) for row in rows] == [
        ("2", "issuer_unreachable", "'@ola"), ("1", "issuer_unreachable", "'@ola"),
    ]  # fmt: skip
    assert [path.name for path in told.glob("*.part")] == []
    lines = starter(told, "log", "--failed", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["attempt"] for line in lines] == [2, 1]
    page = answer(starter(told, "log", "--failed", "--limit", "1", "--json"))
    assert [item["attempt"] for item in page["items"]] == [2]
    assert page["next_cursor"] is not None


def test_alerts_are_counted_by_cause(told: Path) -> None:
    (cause,) = answer(starter(told, "alerts", "--group", "cause", "--json"))["items"]
    assert (cause["cause"], cause["open"], cause["codes"][0]["code"]) == ("connectivity", 1, "issuer_unreachable")
    assert answer(starter(told, "alerts", "--code", "mail_refused", "--json"))["items"] == []


def test_failures_of_a_case_are_all_its_failed_attempts(told: Path) -> None:
    items = answer(starter(told, "failures", "c-1", "--json"))["items"]
    assert [(item["attempt"], item["answer"], item["money"]) for item in items] == [
        (1, "unreachable", "kept"), (2, "unreachable", "kept"),
    ]  # fmt: skip
    missing = starter(told, "failures", "unknown-1")
    assert (missing.returncode, "unknown-1: not_found" in missing.stderr) == (1, True)


def test_what_cannot_be_written_is_told_in_one_line(told: Path) -> None:
    done = starter(told, "payments", "--format", "csv", "--output", "absent/payments.csv")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    done = starter(told, "emails", "--output", "emails.csv")
    assert (done.returncode, "--format csv" in done.stderr) == (2, True)


def test_an_alert_is_acknowledged_once_by_who_says_so_first(told: Path) -> None:
    (before,) = answer(starter(told, "alerts", "--json"))["items"]
    done = starter(told, "alerts", "--acknowledge", str(before["id"]), "--name", "ola", "--json")
    assert done.returncode == 0
    (item,) = answer(done)["items"]
    assert item["acknowledged_by"] == "ops:ola"
    again = starter(told, "alerts", "--acknowledge", str(before["id"]), "999", "--name", "ewa")
    assert again.returncode == 1
    assert "acknowledged by ops:ola" in again.stdout
    assert "alert 999" in again.stderr


@pytest.mark.parametrize(("kind", "count"), [("parked", 0), ("email", 1), ("refund", 0)])
def test_failed_lists_are_told_by_kind(told: Path, kind: str, count: int) -> None:
    async def fail() -> None:
        store = SqlCaseStore(f"sqlite+aiosqlite:///{told / 'paidcase.db'}")
        async with store.transaction() as db:
            task = FailedTask(key="m", kind=TaskKind.EMAIL, case_id="c-1", code="mail_refused", opened_at=NOW)
            await db.open_task(task)
        await store.close()

    asyncio.run(fail())
    items = answer(starter(told, "failures", "--kind", kind, "--json"))["items"]
    assert [item["kind"] for item in items] == [kind] * count


@pytest.mark.parametrize("kind", TaskKind)
def test_a_case_says_what_failed_and_by_which_command_it_is_tried_again(told: Path, kind: TaskKind) -> None:
    async def fail() -> None:
        store = SqlCaseStore(f"sqlite+aiosqlite:///{told / 'paidcase.db'}")
        async with store.transaction() as db:
            task = FailedTask(key="m", kind=kind, case_id="c-1", code="internal", opened_at=NOW)
            await db.open_task(task)
        await store.close()

    asyncio.run(fail())
    (line,) = [one for one in starter(told, "explain", "c-1").stdout.splitlines() if one.startswith("failed:")]
    assert line.startswith(f"failed: {kind.value}, internal since 2026-11-22T10:00:00Z; again: ")
    command, *more = line.rpartition("again: ")[2].split()
    assert (command in COMMANDS, "c-1" in more, "--expert" in more) == (True, True, kind is TaskKind.NOTIFICATION)


def test_log_and_mails_have_their_headings(told: Path) -> None:
    head, first, *_ = starter(told, "log", "--failed").stdout.splitlines()
    assert head.split() == ["at", "case", "process", "what", "step", "attempt", "code", "by"]
    assert [word in first for word in ("c-1", "invoice", "generate_invoice", "issuer_unreachable")] == [True] * 4
    assert starter(told, "emails", "--status", "failed").stdout == "nothing was mailed\n"
