"""`replay`: hold histories against today's workflow code. Files need no server, and no activity is ever called."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

from invoicing.bootstrap import application, data_converter
from invoicing.errors import ConnectivityFault, PaidcaseError
from invoicing.ops.files import paths_in, read
from invoicing.ops.replaying import Replayed, replay
from invoicing.ops.runs import history_of, workflow_id_of
from invoicing.serving import run as run_loop
from invoicing.settings import payload_keys
from starter.call import Call
from starter.handing_over import reach_temporal
from starter.outcomes import ExitCode, exit_code, explanation

MOST = 1000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "paths", nargs="*", type=Path, default=[], metavar="FILE", help="a history, or a folder of them"
    )
    source.add_argument("--case", nargs="+", dest="cases", metavar="CASE", help="the newest runs of these cases")
    source.add_argument(
        "--last", type=_count, metavar="N", help="the N cases that failed last, as the alerts have them"
    )
    parser.epilog = (
        "Takes what `export`, `temporal workflow show --output json` and the UI's `Encoded` download give. "
        "Exit code 0 when every history fits today's code."
    )


def _count(written: str) -> int:
    if not (written.isascii() and written.isdigit() and 1 <= int(written) <= MOST):
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MOST}")
    return int(written)


def run(call: Call) -> int:
    """1 when a history does not fit or cannot be read, 3 when the server that is needed does not answer."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    converter = data_converter(payload_keys(call.env))
    items: list[dict[str, Any]] = []
    code = ExitCode.OK
    async for name, history in _histories(call):
        if isinstance(history, PaidcaseError):
            call.out.complain(f"{name}: {explanation(history)}")
            items.append({"name": name, "fits": False, "code": history.code, "message": explanation(history)})
            code = max(code, exit_code(history))
            continue
        told = await replay(history, converter)
        items.append(_document(name, told))
        if told.fits:
            call.out.line(f"{name}: fits, {told.events} events of {told.workflow_type}")
            continue
        code = max(code, ExitCode.FAILED)
        call.out.complain(f"{name}: {sentence(told)}")
    wrong = sum(not item["fits"] for item in items)
    call.out.line(f"{len(items) - wrong} of {len(items)} fit today's code")
    call.out.result({"fits": not wrong, "items": items})
    return code


def sentence(told: Replayed) -> str:
    """What is wrong with a replay, and what to do."""
    where = f" at event {' or '.join(map(str, told.event_ids))}" if told.event_ids else ""
    advice = {
        "nondeterminism": "put the change behind workflow.patched (docs/operations.md)",
        "workflow_failed": "mend the workflow, then replay again",
        "unknown_workflow": "a workflow type is never removed while its histories live",
    }[str(told.code)]
    return f"{told.code}: {told.workflow_type} differs{where}: {told.what}; {advice}"


def _document(name: str, told: Replayed) -> dict[str, Any]:
    return {
        "name": name,
        "workflow_id": told.workflow_id,
        "workflow_type": told.workflow_type,
        "events": told.events,
        "fits": told.fits,
        "code": told.code,
        "event_ids": list(told.event_ids),
        "what": told.what,
    }


async def _histories(call: Call) -> AsyncIterator[tuple[str, WorkflowHistory | PaidcaseError]]:
    wanted = call.arguments
    for where in wanted.paths:
        try:
            paths = paths_in(where)
        except PaidcaseError as fault:
            yield str(where), fault
            continue
        for path in paths:
            try:
                yield str(path), read(path)
            except PaidcaseError as fault:
                yield str(path), fault
    cases = wanted.cases or []
    if wanted.last:
        cases = await _failed(call, wanted.last)
    if not cases:
        return
    client = await reach_temporal(call.env)
    for name in dict.fromkeys(cases):
        try:
            yield name, await history_of(client, workflow_id_of(name))
        except ConnectivityFault:
            raise
        except PaidcaseError as fault:
            yield name, fault


async def _failed(call: Call, most: int) -> list[str]:
    """Cases of the newest open alerts, each once."""
    found: dict[str, None] = {}
    async with application(call.settings()) as app:
        after = 0
        while len(found) < most and (page := await app.store.alerts(open_only=True, after_id=after, limit=MOST)):
            found |= {alert.case_id: None for alert in page if alert.case_id is not None}
            after = page[-1].id
    return list(found)[:most]
