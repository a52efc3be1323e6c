"""Deciding about many cases: chosen by a query, looked at first, asked about, reported, taken up where it stopped."""

import json
from pathlib import Path

import pytest

from invoicing.bootstrap import utc_now
from invoicing.domain.records import FailedTask, TaskKind
from invoicing.domain.state import Badge, Parked, PaymentState, PaymentStatus, Step
from invoicing.errors import Cause
from tests.integration.starter.test_deciding import (
    BUYER,
    FAILED,
    INVOICED,
    OPEN,
    decisions,
    opened,
    staged,
    with_expert,
)
from tests.unit.starter.commands import AUTOPAY, answer, starter

LOST = {
    "payment": PaymentState(status=PaymentStatus.OPEN, attempt=1),
    "parked": Parked(step=Step.CHARGE, cause=Cause.INTERNAL, code="run_lost", attempts=0),
    "badges": (Badge.DECISION_NEEDED,),
    "closed": True,
}


async def three_kinds(folder: Path) -> None:
    """Two failed rounds, a case without its run, an invoiced one, and one that pays."""
    await staged(folder, "a-1", "a-2", **FAILED)
    await staged(folder, "b-1", **LOST)
    await staged(folder, "c-1", **INVOICED)
    await staged(folder, "d-1", **OPEN)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("parked=true", ["a-1", "a-2", "b-1"]),
        ("parked=true cause=connectivity", ["a-1", "a-2"]),
        ("code=run_lost", ["b-1"]),
        ("step=generate_invoice expert=exp-1", ["a-1", "a-2"]),
        ("expert=somebody", []),
        ("payment=open parked=false", ["d-1"]),
    ],
)
async def test_a_query_chooses_by_what_the_database_knows_and_a_dry_run_records_nothing(
    folder: Path, query: str, wanted: list[str]
) -> None:
    await three_kinds(folder)
    done = starter(folder, "regenerate", "--query", query, "--dry-run", "--json", **AUTOPAY)
    told = answer(done)
    items = [told] if "case_id" in told else told["items"]
    assert sorted(item["case_id"] for item in items) == wanted
    assert all(item["accepted"] == (item["case_id"] != "d-1") for item in items)
    assert done.returncode == (1 if "d-1" in wanted else 0), done.stderr
    for case_id in wanted:
        assert await decisions(folder, case_id) == []


async def test_a_failed_list_chooses_its_cases_and_the_other_words_hold_too(folder: Path) -> None:
    await staged(folder, "a-1", "a-2", "a-3", **FAILED)
    await staged(folder, "c-1", **INVOICED)
    async with opened(folder) as app:
        await with_expert(app)
        async with app.store.transaction() as db:
            for case_id in ("a-1", "c-1", "a-3"):
                for kind in (TaskKind.NOTIFICATION, TaskKind.EMAIL) if case_id != "a-3" else (TaskKind.EMAIL,):
                    key = f"{case_id}:{kind.value}"
                    await db.open_task(
                        FailedTask(key=key, kind=kind, case_id=case_id, code="mail_refused", opened_at=utc_now())
                    )
    line = ["resend", "--expert", "--dry-run", "--json", "--query"]
    for query, wanted in (("failed=notification", ["a-1", "c-1"]), ("failed=notification parked=true", ["a-1"])):
        done = starter(folder, *line, query, **AUTOPAY)
        told = answer(done)
        items = [told] if "case_id" in told else told["items"]
        assert (done.returncode, sorted(one["case_id"] for one in items)) == (0, wanted), done.stderr
        assert all(one["accepted"] for one in items)
    refused = starter(folder, "resend", "--expert", "a-2", **AUTOPAY)
    assert (refused.returncode, "No mail to the expert waits to be sent again" in refused.stderr) == (1, True), (
        refused.stderr
    )
    assert starter(folder, "resend", "a-1", "--expert", "--email", "a@example.com", **AUTOPAY).returncode == 1
    assert await decisions(folder, "a-1") == await decisions(folder, "a-2") == []


NONSENSE = ("", "parked", "parked=yes", "colour=red", "cause=weather", "failed=weather", "parked=false step=charge")


@pytest.mark.parametrize("query", NONSENSE)
def test_a_query_that_means_nothing_is_refused_before_anything_is_read(folder: Path, query: str) -> None:
    done = starter(folder, "regenerate", "--query", query, **AUTOPAY)
    assert (done.returncode, "argument --query" in done.stderr) == (2, True), done.stderr


async def test_more_than_one_case_is_touched_only_after_a_word(folder: Path) -> None:
    await three_kinds(folder)
    done = starter(folder, "regenerate", "--query", "parked=true", **AUTOPAY)
    assert (done.returncode, "3 cases would be touched" in done.stderr) == (1, True), done.stderr
    assert await decisions(folder, "a-1") == []


async def test_a_report_is_written_and_what_it_shows_as_accepted_is_passed_over(folder: Path) -> None:
    await three_kinds(folder)
    line = ["regenerate", "a-1", "c-1", "a-2", "--yes", "--output", "report.jsonl", "--json"]
    assert starter(folder, *line, **AUTOPAY).returncode == 3
    told = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
    assert [(one["case_id"], one["accepted"]) for one in told] == [("a-1", True), ("c-1", False), ("a-2", True)]
    with (folder / "report.jsonl").open("a") as report:
        report.write('{"case_id": "b-1", "accep')  # killed while it wrote
    again = answer(starter(folder, line[0], "b-1", *line[1:], **AUTOPAY))
    assert [one["case_id"] for one in again["items"]] == ["b-1", "c-1"]
    for case_id in ("a-1", "a-2", "b-1"):
        assert len(await decisions(folder, case_id)) == 1


async def test_many_refunds_demand_a_key_and_a_limit_and_run_twice_are_one_refund_each(folder: Path) -> None:
    await staged(folder, "c-1", "c-2", **INVOICED)
    line = ["refund", "c-1", "c-2", "--reason", "no show", "--amount", "10", "--yes"]
    for more in ([], ["--key", "k"], ["--limit", "2"], ["--key", "k", "--limit", "1"]):
        assert starter(folder, *line, *more, **AUTOPAY).returncode == 1
    assert await decisions(folder) == []
    for _ in range(2):
        assert starter(folder, *line, "--key", "k", "--limit", "2", **AUTOPAY).returncode == 3
    for case_id in ("c-1", "c-2"):
        (decided,) = await decisions(folder, case_id)
        assert decided.body == {"reason": "no show", "amount": "10.00"}


async def test_a_folder_gives_each_case_its_file(folder: Path) -> None:
    await staged(folder, "a-1", "a-2", **FAILED)
    (folder / "data").mkdir()
    for case_id in ("a-1", "nobody"):
        (folder / "data" / f"{case_id}.json").write_text(json.dumps(BUYER), encoding="utf-8")
    done = starter(folder, "correct", "--folder", "data", "--yes", "--json", **AUTOPAY)
    told = answer(done)["items"]
    assert [(one["case_id"], one["accepted"], one["code"]) for one in told] == [
        ("a-1", True, "temporal_unreachable"),
        ("nobody", False, "not_found"),
    ]
    async with opened(folder) as app:
        billing = (await app.intake.facts("a-1")).billing
    assert billing is not None
    assert billing.tax_id == BUYER["tax_id"]
    assert starter(folder, "attach", **AUTOPAY).returncode == 1
    assert starter(folder, "regenerate", **AUTOPAY).returncode == 1
