"""`starter explain` as a process."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from invoicing.domain.brownouts import Gate, Hold, held
from invoicing.storage.store import SqlCaseStore
from tests.unit.starter.commands import AUTOPAY, answer, case, starter


def recorded(folder: Path) -> str:
    (folder / "case.json").write_text(json.dumps(case("e-1"), ensure_ascii=False))
    assert starter(folder, "start", "case.json", **AUTOPAY).returncode == 0
    return "e-1"


def test_the_totals_are_told_line_by_line_and_what_may_be_done(folder: Path) -> None:
    done = starter(folder, "explain", recorded(folder), "--language", "en")
    assert done.returncode == 0, done.stderr
    assert "sum: Total gross: " in done.stdout
    assert "VAT 23: VAT on the sum of net values: " in done.stdout
    assert "the client may: pay (" in done.stdout
    assert "Temporal was not asked, this is what the database knows: temporal_unreachable" in done.stdout
    assert "Case recorded" in done.stdout


def test_with_json_it_is_the_state_record_and_its_explanation(folder: Path) -> None:
    told = answer(starter(folder, "explain", recorded(folder), "--json"))
    assert told["case_id"] == "e-1"
    assert told["explanation"]["totals"] == told["totals"]
    assert (told["run"], told["temporal"]) == (None, "temporal_unreachable")
    assert [event["event"] for event in told["events"]] == ["case_recorded"]


def test_a_case_that_waits_for_its_provider_says_so_and_doctor_warns_of_it(folder: Path) -> None:
    case_id = recorded(folder)

    async def hold() -> None:
        store = SqlCaseStore(f"sqlite+aiosqlite:///{folder / 'paidcase.db'}")
        now = datetime(2026, 11, 22, 10, tzinfo=UTC)
        async with store.transaction() as work:
            await work.save(held((await work.facts(case_id)).state))
            await work.save_gate(Gate(issuer="wfirma", shut_at=now, probe_at=now + timedelta(seconds=30)))
            await work.save_holds(Hold(case_id=case_id, issuer="wfirma", held_at=now))
        await store.close()

    asyncio.run(hold())
    shown = starter(folder, "explain", case_id).stdout
    assert "waits for the issuer's provider to be back; no attempt was made yet" in shown
    assert "ops may: " in shown and "give_up" in shown
    checks = answer(starter(folder, "doctor", "--json", **AUTOPAY))["checks"]
    (warned,) = [check for check in checks if check["name"] == "issuer wfirma"]
    assert warned["health"] == "warning"
    assert "since 2026-11-22T10:00:00Z, asked again at 2026-11-22T10:00:30Z" in warned["message"]
    assert "cases that wait: 1" in warned["message"]


def test_an_unknown_case_is_said_and_left_with_1(folder: Path) -> None:
    done = starter(folder, "explain", "nobody", "--json")
    assert (done.returncode, answer(done)["code"]) == (1, "not_found")
    assert "not_found" in done.stderr


def test_what_a_terminal_would_obey_is_not_printed(folder: Path) -> None:
    line = {"description": "Porada\x1b[2J\u202e", "unit_price": "10.00", "vat_rate": "23"}
    (folder / "case.json").write_text(json.dumps(case("e-2", lines=[line])))
    assert starter(folder, "start", "case.json", **AUTOPAY).returncode == 0
    shown = starter(folder, "explain", "e-2").stdout
    assert "Porada" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
