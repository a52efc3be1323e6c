"""The commands as processes: exit codes, one JSON document, and a line that says what to do."""

import json
from pathlib import Path

import pytest

from invoicing.domain.labels import Role
from invoicing.errors import NotAllowed
from invoicing.tokens import Tokens
from tests.unit.starter.commands import AUTOPAY, EXAMPLES, NOWHERE, answer, case, starter

SECRET = "a long text that only a test knows"


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "told"),
    [
        (["--help"], {}, 0, ""),
        ([], {}, 2, "COMMAND"),
        (["nonsense"], {}, 2, "invalid choice"),
        (["refund"], {}, 2, "required: --reason"),
        (["refund", "c-1", "--reason", " "], {}, 2, "printable characters"),
        (["refund", "c-1", "--reason", "x", "--amount", "1,5"], {}, 2, "an amount such as 10.00"),
        (["refund", "c-1", "--reason", "x", "--remote-id"], {}, 2, "--remote-id"),
        (["regenerate", "c-1", "--name", "a:b"], {}, 2, "a name has"),
        (["give-up", "c-1", "--key", "a b"], {}, 2, "a key has"),
        (["regenerate", "unknown-1"], {"DATABASE_URL": "sqlite+aiosqlite:///empty.db"}, 2, "python -m starter setup"),
        (["regenerate", "unknown-1"], {"DATABASE_URL": "postgresql+asyncpg://u@127.0.0.1:1/x"}, 3, "DATABASE_URL"),
        (["regenerate", "unknown-1"], {}, 1, "unknown-1: not_found"),
        (["attach", "unknown-1", "absent.pdf"], {}, 1, "unknown-1: not_found"),
        (["correct", "unknown-1", "absent.json"], {}, 1, "absent.json cannot be read"),
        (["failures"], {}, 0, ""),
        (["token", "king"], {"AUTH_SECRET": SECRET}, 2, "a role is service, ops, expert:ID or client:ID"),
        (["token", "ops", "--expires", "soon"], {"AUTH_SECRET": SECRET}, 2, "15m, 1h or 30d"),
        (["token", "ops"], {}, 2, "AUTH_SECRET is missing"),
        (["status"], {"HTTP_PORT": "x", "PAYMENT_VALIDITY": "y"}, 2, "- HTTP_PORT: "),
        (["status"], {"HTTP_PORT": "x", "PAYMENT_VALIDITY": "y"}, 2, "- PAYMENT_VALIDITY: "),
        (["status"], {"DATABASE_URL": "postgresql+asyncpg://u@127.0.0.1:1/x"}, 3, "DATABASE_URL"),
        (["status"], {"DATABASE_URL": "sqlite+aiosqlite:///empty.db"}, 2, "run `python -m starter setup`"),
        (["status", "unknown-1"], {}, 1, "unknown-1: not_found"),
        (["status"], {}, 0, ""),
        (["alerts"], {}, 0, ""),
        (["setup"], {}, 3, NOWHERE),
        (["start", "absent.json"], {}, 1, "absent.json cannot be read"),
        (["start", "paid.json"], {}, 3, NOWHERE),
        (["start", "priced.json"], {}, 1, "set AUTOPAY_BASE_URL"),
        (["start", "priced.json"], AUTOPAY, 0, ""),
        (["batch", "cases.txt"], {}, 2, "must end in .csv or .jsonl"),
        (["batch", "absent.csv"], {}, 1, "absent.csv cannot be read"),
        (["batch", "header.csv"], {}, 1, "line.price unknown_field"),
        (["doctor"], {}, 1, "failed: temporal"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_the_exit_code_and_the_line_tell_the_truth(
    folder: Path, arguments: list[str], settings: dict[str, str], code: int, told: str
) -> None:
    (folder / "priced.json").write_text((EXAMPLES / "case-autopay.json").read_text())
    (folder / "paid.json").write_text((EXAMPLES / "case-external.json").read_text())
    (folder / "header.csv").write_text("case_id,expert_id,line.price\n")
    done = starter(folder, *arguments, **settings)
    assert done.returncode == code, done.stdout + done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["alerts"], ["setup"], ["start", "x.json"]], ids=" ".join)
def test_with_json_standard_output_is_one_document_also_when_the_command_fails(
    folder: Path, arguments: list[str]
) -> None:
    answer(starter(folder, *arguments, "--json"))


def test_a_token_is_the_last_line_and_is_read_back_with_its_role_name_and_end(folder: Path) -> None:
    done = starter(folder, "token", "expert:exp-1", "--name", "Anna", "--expires", "1h", AUTH_SECRET=SECRET)
    caller = Tokens((SECRET,)).read(done.stdout.splitlines()[-1])
    assert (caller.role, caller.party_id, caller.name) == (Role.EXPERT, "exp-1", "Anna")
    with pytest.raises(NotAllowed):
        Tokens(("another secret of the same kind",)).read(done.stdout.splitlines()[-1])


def test_a_link_carries_the_token_to_the_sign_in_page_and_json_tells_both(folder: Path) -> None:
    public = {"PUBLIC_URL": "https://faktury.example.com"}
    line = starter(folder, "token", "ops", "--link", AUTH_SECRET=SECRET, **public).stdout.splitlines()[-1]
    address, _, token = line.partition("?token=")
    assert address == "https://faktury.example.com/sign-in"
    assert Tokens((SECRET,)).read(token).role is Role.OPS
    told = answer(starter(folder, "token", "ops", "--expires", "2d", "--json", AUTH_SECRET=SECRET, **public))
    assert told["link"] == f"https://faktury.example.com/sign-in?token={told['token']}"
    assert told["expires_at"] is not None


def test_a_priced_case_is_recorded_once_and_another_document_under_its_id_is_a_conflict(folder: Path) -> None:
    (folder / "case.json").write_text(json.dumps(case("c-1")))
    first = answer(starter(folder, "start", "case.json", "--json", **AUTOPAY))
    again = answer(starter(folder, "start", "case.json", "--json", **AUTOPAY))
    assert (first["recorded"], again["recorded"]) == ("new", "same")
    assert first["totals"] == {"net": "324.00", "vat": "74.52", "gross": "398.52"}
    assert first["payment"]["status"] == "none"
    other = starter(folder, "start", "-", "--json", given=json.dumps(case("c-1", expert_id="exp-2")), **AUTOPAY)
    assert (other.returncode, answer(other)["code"]) == (1, "conflict")
    shown = answer(starter(folder, "status", "c-1", "--json", "--language", "en"))
    assert (shown["case_id"], shown["case_status"]["label"]) == ("c-1", "CASE UNDER REVIEW")


def test_all_faults_of_a_document_are_told_at_once_and_the_other_files_are_recorded(folder: Path) -> None:
    wrong = case("wrong id", currency="zł", nonsense=1, lines=[{"unit_price": 1.5, "vat_rate": "23"}])
    (folder / "wrong.json").write_text(json.dumps(wrong))
    (folder / "right.json").write_text(json.dumps(case("c-1")))
    done = starter(folder, "start", "wrong.json", "right.json", "--json", "--language", "en", **AUTOPAY)
    refused, recorded = answer(done)["items"]
    assert done.returncode == 1
    assert {(error["field"], error["code"]) for error in refused["errors"]} == {
        ("case_id", "bad_format"),
        ("currency", "bad_format"),
        ("nonsense", "unknown_field"),
        ("lines[0].description", "missing"),
        ("lines[0].unit_price", "bad_format"),
    }
    assert all(error["message"] for error in refused["errors"])
    assert recorded["recorded"] == "new"
    assert [item["case_id"] for item in answer(starter(folder, "status", "--json"))["items"]] == ["c-1"]


def test_a_paid_case_is_kept_while_temporal_is_away_and_the_answer_says_so(folder: Path) -> None:
    done = starter(folder, "start", EXAMPLES / "case-external.json", "--json")
    told = answer(done)
    assert (done.returncode, told["recorded"], told["started"]) == (3, "new", False)
    assert told["code"] == "temporal_unreachable"
    assert answer(starter(folder, "status", "2026-000124", "--json"))["case_id"] == "2026-000124"


def test_status_shows_a_table_of_the_labels_and_names_what_is_missing(folder: Path) -> None:
    starter(folder, "start", EXAMPLES / "case-autopay.json", **AUTOPAY)
    done = starter(folder, "status", "2026-000123", "2026-999999")
    assert done.returncode == 1
    assert "ANALIZA SPRAWY" in done.stdout and "398.52 PLN" in done.stdout
    assert done.stderr.startswith("2026-999999: not_found")


def test_doctor_tells_one_line_a_check_and_what_to_do_in_each_that_failed(folder: Path) -> None:
    (folder / "documents").write_text("not a folder")
    done = starter(
        folder, "doctor", "--json", SMTP_HOST="127.0.0.1", SMTP_PORT="1", MAIL_FROM="a@example.com", **AUTOPAY
    )
    told = answer(done)
    health = {check["name"]: check["health"] for check in told["checks"]}
    assert (done.returncode, told["healthy"]) == (1, False)
    assert health == {
        "settings": "ok",
        "AUTH_SECRET": "warning",
        "database": "ok",
        "documents": "failed",
        "temporal": "failed",
        "workers": "warning",
        "relay": "ok",
        "secrets": "ok",
        "autopay PLN": "failed",
        "mail": "failed",
        "fonts": "ok",
        "ksef": "warning",
    }
    assert all("; " in check["message"] for check in told["checks"] if check["health"] == "failed")
    lines = starter(folder, "doctor", SMTP_HOST="127.0.0.1", SMTP_PORT="1", MAIL_FROM="a@example.com", **AUTOPAY)
    assert len(lines.stdout.splitlines()) == len(told["checks"])


def test_doctor_names_every_wrong_setting_in_a_line_of_its_own(folder: Path) -> None:
    done = starter(folder, "doctor", HTTP_PORT="x", LOG_LEVEL="loud")
    assert done.returncode == 1
    assert [line.split(":")[1].strip() for line in done.stdout.splitlines()] == ["HTTP_PORT", "LOG_LEVEL"]
