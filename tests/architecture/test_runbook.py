"""Rules, dashboard and runbook belong together: each alert has its section, each code that asks for us its row."""

import json
import re

import pytest

from invoicing.domain.consequences import Who
from invoicing.domain.failures import FAILURES
from starter.__main__ import COMMANDS
from tests.architecture.documents import section, sections, tables, text
from tests.architecture.watching import asked, expressions, rules

RUNBOOK = text("docs/runbook.md")
NAMES = [str(rule["alert"]) for rule in rules()]
PARTS = ("Means", "Press", "Escalate")


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_section_that_says_what_to_do(name: str) -> None:
    told = section(RUNBOOK, name)
    assert [part for part in PARTS if f"**{part}**" not in told] == []
    assert "**Look**" in told or "<!-- executed -->" in told


def test_no_section_speaks_of_an_alert_that_is_gone() -> None:
    headings = {heading for heading, _ in sections(RUNBOOK)}
    assert headings == {*NAMES, "Runbook", "First look", "Codes"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_rule_is_whole_and_leads_to_its_section(rule: dict[str, object]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    annotations = rule["annotations"]
    assert isinstance(annotations, dict)
    assert annotations["runbook"] == f"docs/runbook.md#{str(rule['alert']).lower()}"
    assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    assert asked([str(rule["expr"])])
    assert str(rule["expr"]).count("(") == str(rule["expr"]).count(")")


def test_every_code_that_asks_for_us_has_a_row_that_leads_to_a_section() -> None:
    (table,) = tables(section(RUNBOOK, "Codes"))
    codes = [re.sub(r"^\[`(\w+)`\].*", r"\1", row["code"]) for row in table]
    ours = {code for code, kind in FAILURES.items() if kind.who in {Who.OPS, Who.ADMINISTRATOR, Who.ENGINEER}}
    assert ours - set(codes) == set()
    assert set(codes) - set(FAILURES) == set()
    assert len(codes) == len(set(codes))
    assert {row["section"] for row in table} <= set(NAMES)


def test_codes_that_rules_ask_for_are_codes() -> None:
    named = {
        code
        for expression in expressions()
        for codes in re.findall(r'\bcode=~?"([^"]*)"', expression)
        for code in codes.split("|")
    }
    assert named
    assert named - set(FAILURES) == set()


def test_commands_of_the_runbook_exist() -> None:
    said = set(re.findall(r"python -m starter ([a-z-]+)", RUNBOOK))
    assert len(said) > 6
    assert said - set(COMMANDS) == set()


def test_the_dashboard_shows_only_what_somebody_named() -> None:
    board = json.loads(text("deploy/grafana/paidcase.json"))
    assert all(panel["title"] and panel["targets"] for panel in board["panels"])
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
