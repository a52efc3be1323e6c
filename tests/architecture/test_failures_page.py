"""The table of failures, the code that raises them and the page that explains them say the same."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from invoicing.domain.failures import FAILURES
from invoicing.failing import PAGE, link
from invoicing.failures_page import page
from tests.architecture.documents import text
from tests.architecture.test_errors import classes
from tests.architecture.tree import parse, product, relative

KINDS = {cls.__name__ for cls in classes()}

ANSWERED_AT_ONCE = """
    action_not_allowed alert_unknown already_paid backup_damaged backup_schema bad_characters case_unknown
    client_unknown conflict corrected_by_author corrected_elsewhere database_not_empty document_missing
    documents_url drawn_elsewhere expert_unknown forbidden invalid key_used no_invoice not_found
    processes_running profile_unknown row_unknown settings too_large unauthenticated
""".split()
"""Told to a caller of the API or a command and never recorded: no attempt of a step ends with them."""

OF_CALLERS = ("starter/", "invoicing/web/", "invoicing/ops/")
"""Rooms in which no step runs."""

NO_FAILURES = {
    "nothing_to_correct", "order_unknown", "payment_pending", "refund_pending", "register_unreachable",
    "temporal_unreachable",
}  # fmt: skip
"""The next poll is expected, a register that does not answer stops nobody, a sweep waits until Temporal is back, a
message about an unknown order is told as rejected, and a correction that would change nothing is none."""


@cache
def raised() -> dict[str, set[str]]:
    """Codes of errors, alerts, tasks and log lines in the product, each with the files that name it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in product():
        if "sandbox" in path.parts or path.parts[-1].startswith("failures_") or path.name == "recoveries.py":
            continue
        for code in _codes(path):
            found[code].add(relative(path))
    return found


def _codes(path: Path) -> Iterator[str]:
    tree = parse(path)
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        given = [node.args[0]] if name in KINDS and node.args else []
        for value in (*given, *(keyword.value for keyword in node.keywords if keyword.arg == "code")):
            for part in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value
                elif isinstance(part, ast.Name) and part.id in constants:
                    yield constants[part.id]


def test_every_code_that_is_raised_is_in_the_table_or_answered_at_once() -> None:
    found = {code: files for code, files in raised().items() if not all(f.startswith(OF_CALLERS) for f in files)}
    assert len(found) > 60
    known = {*FAILURES, *ANSWERED_AT_ONCE, *NO_FAILURES}
    assert {code: sorted(files) for code, files in found.items() if code not in known} == {}


def test_what_is_answered_at_once_is_raised_by_no_step() -> None:
    found, rooms = raised(), ("activities/", "workflows/", "invoicing/gateways/", "invoicing/documents/")
    assert set(ANSWERED_AT_ONCE) & set(FAILURES) == set()
    assert [c for c in ANSWERED_AT_ONCE if any(f.startswith(rooms) for f in found.get(c, ()))] == []


def test_every_row_of_the_table_is_raised_somewhere() -> None:
    assert set(FAILURES) - set(raised()) == set()


def test_the_page_is_the_table() -> None:
    assert text(PAGE) == page(), "run `make docs`"


def test_every_code_has_one_heading_to_which_links_lead() -> None:
    headings = re.findall(r"^### (\S+)$", text(PAGE), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert {link(code).partition("#")[2] for code in FAILURES} <= set(headings)
