"""`doctor`: every setting and dependency, one line each, with what to do. Changes nothing."""

from __future__ import annotations

import argparse

from invoicing.bootstrap import application
from invoicing.errors import SettingsFault
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.checks import checks
from starter.health import Check, Health
from starter.outcomes import ExitCode

_SIGNS = {Health.OK: "ok     ", Health.WARNING: "warning", Health.FAILED: "FAILED "}


def arguments(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""
    parser.epilog = "Exit code 0 when nothing has failed (warnings do not count), else 1."


def run(call: Call) -> int:
    """0 when nothing has failed, else 1, whatever it is."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    made: list[Check] = []
    try:
        async with application(call.settings()) as app:
            async for check in checks(app, call):
                made.append(check)
                _tell(call, check)
    except SettingsFault as fault:
        for line in fault.message.splitlines():
            if line.startswith("- ") or not line.endswith(":"):
                made.append(Check("settings", Health.FAILED, line.removeprefix("- ")))
                _tell(call, made[-1])
    failed = [check.name for check in made if check.health is Health.FAILED]
    document = [{"name": check.name, "health": check.health, "message": check.told} for check in made]
    call.out.result({"healthy": not failed, "checks": document})
    if failed:
        call.out.complain(f"failed: {', '.join(dict.fromkeys(failed))}; do what these lines say and run it again")
    return ExitCode.FAILED if failed else ExitCode.OK


def _tell(call: Call, check: Check) -> None:
    call.out.line(f"{_SIGNS[check.health]} {check.name}: {check.told}")
