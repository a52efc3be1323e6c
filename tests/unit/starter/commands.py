"""Running commands as people run them: a process of its own, in a folder of its own, with a clean environment."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
AUTOPAY = {
    "AUTOPAY_BASE_URL": "http://127.0.0.1:1",
    "AUTOPAY_SERVICE_ID": "100001",
    "AUTOPAY_SHARED_KEY": "sandbox-key",
}
"""A configured gateway that no command of a test asks anything."""

NOWHERE = "127.0.0.1:1"
"""A port of the privileged range on which nothing of a test machine listens."""


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """The whole environment of a command; no setting of the machine and no `.env` reaches it."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'paidcase.db'}",
        "DOCUMENTS_URL": str(folder / "documents"),
        "TEMPORAL_ADDRESS": NOWHERE,
        **settings,
    }


def starter(
    folder: Path, *arguments: str | Path, given: str | None = None, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """One command, finished."""
    return subprocess.run(
        [sys.executable, "-m", "starter", *map(str, arguments)],
        cwd=folder,
        env=environment(folder, **settings),
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        timeout=120,
    )


def answer(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """Standard output as the one JSON document that it must be."""
    assert done.stdout.count("\n") == 1, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


_AUTOPAY_CASE: dict[str, Any] = json.loads((EXAMPLES / "case-autopay.json").read_text())


def case(case_id: str, **changes: Any) -> dict[str, Any]:
    """The priced case of the examples under another id."""
    return {**copy.deepcopy(_AUTOPAY_CASE), "case_id": case_id, **changes}


def paid_case(case_id: str, **changes: Any) -> dict[str, Any]:
    """A case that arrives paid."""
    paid = {"method": "external", "reference": "przelew 1", "paid_at": "2026-11-22T10:00:00Z"}
    return case(case_id, payment=paid, **changes)


def json_lines(*documents: dict[str, Any]) -> str:
    """A JSON Lines file."""
    return "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
