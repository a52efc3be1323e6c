"""`export`: histories of runs as files that `replay`, the Temporal CLI and every SDK's replayer take.

Payloads are written in clear also where Temporal stores them encrypted, because a file that needs keys helps nobody who
is to find a fault; files are readable by their owner alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHistory

from invoicing.errors import ConnectivityFault, NotFound, PaidcaseError
from invoicing.ops.masking import masked
from invoicing.ops.payloads import decoded
from invoicing.ops.runs import history_of, run_ids, workflow_id_of
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.handing_over import reach_temporal
from starter.outcomes import ExitCode, exit_code, explanation
from starter.output import listed

ALL = "all"


@dataclass(frozen=True, slots=True)
class Exported:
    """One history, as it is written."""

    workflow_id: str
    run_id: str
    history: WorkflowHistory


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("names", nargs="+", metavar="CASE", help="a case, or the id of any workflow of ours")
    parser.add_argument("--run", metavar="RUN_ID", help="this run instead of the newest; `all`: every one there is")
    parser.add_argument("--mask", action="store_true", help="put other ids in the place of real ones, consistently")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to; a folder when there are several runs")
    parser.epilog = "Payloads are written in clear; without --output the history itself is printed."


def run(call: Call) -> int:
    """1 when Temporal does not know a run, 2 when several would be printed, 3 when it is away."""
    wanted = call.arguments
    several = len(wanted.names) > 1 or wanted.run == ALL
    if several and wanted.output is None:
        return _wrong(call, "several histories need --output FOLDER")
    if wanted.run not in {None, ALL} and len(wanted.names) > 1:
        return _wrong(call, "--run names one run: give one case")
    return run_loop(lambda: _run(call, several))


def _wrong(call: Call, what: str) -> int:
    call.out.complain(f"wrong argument: {what}")
    call.out.result({"code": "invalid", "message": what, "errors": []})
    return ExitCode.USAGE


async def _run(call: Call, several: bool) -> int:
    wanted = call.arguments
    client = await reach_temporal(call.env)
    items: list[dict[str, Any]] = []
    code = ExitCode.OK
    for name in dict.fromkeys(wanted.names):
        try:
            for exported in await _exported(client, workflow_id_of(name), wanted.run, mask=wanted.mask):
                items.append(_written(call, exported, wanted.output, several=several))
        except ConnectivityFault:
            raise
        except PaidcaseError as fault:
            call.out.complain(f"{name}: {explanation(fault)}")
            items.append({"workflow_id": name, "code": fault.code, "message": explanation(fault)})
            code = max(code, exit_code(fault))
    call.out.result(listed(items, named=len(wanted.names)))
    return code


async def _exported(client: Client, workflow_id: str, run: str | None, *, mask: bool) -> Sequence[Exported]:
    runs: Sequence[str | None] = await run_ids(client, workflow_id) if run == ALL else (run,)
    if not runs:
        raise NotFound("run_unknown", f"Temporal knows no run {workflow_id}: never started, or past its retention")
    found = []
    for run_id in runs:
        history = await decoded(await history_of(client, workflow_id, run_id), client.data_converter.payload_codec)
        if mask:
            history = masked(history)
        found.append(Exported(history.workflow_id, run_id or history.run_id, history))
    return found


def _written(call: Call, exported: Exported, output: Path | None, *, several: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "workflow_id": exported.workflow_id,
        "run_id": exported.run_id,
        "events": len(exported.history.events),
        "file": None,
    }
    if output is None:
        call.out.line(exported.history.to_json())
        return {**told, "history": exported.history.to_json_dict()}
    name = f"{exported.workflow_id}.{exported.run_id}.json"
    path = output / name if several or output.is_dir() else output
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(exported.history.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        raise NotFound("unwritable", f"{path} cannot be written: {error.strerror}") from None
    call.out.line(f"{path}: {told['events']} events of {exported.workflow_id}")
    return {**told, "file": str(path)}
