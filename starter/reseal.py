"""`reseal`: encrypt every secret at rest anew with the first key of SECRETS_KEYS. May be repeated and interrupted.

Guarantee: in small transactions, so that nobody waits; what is saved meanwhile is sealed with the first key anyway. A
secret that no key of the ring opens stays as it is and makes the exit code 2; nothing is ever lost.
"""

from __future__ import annotations

import argparse

from invoicing.bootstrap import application
from invoicing.errors import SettingsFault
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.outcomes import ExitCode, explanation

AT_ONCE = 100


def arguments(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""
    parser.epilog = "An older key may be taken out of SECRETS_KEYS once this command has said that none is in use."


def run(call: Call) -> int:
    """0 when every secret is sealed with the first key."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    async with application(call.settings()) as app:
        fault: SettingsFault | None = None
        resealed = 0
        try:
            while count := await app.sealed.reseal(AT_ONCE):
                resealed += count
        except SettingsFault as error:
            fault = error
        by_key = dict(await app.sealed.sealed_by())
    told = ", ".join(f"{count} with {key}" for key, count in sorted(by_key.items())) or "none"
    call.out.line(f"sealed anew: {resealed}; secrets at rest: {told}")
    if fault is not None:
        call.out.complain(explanation(fault))
    code = None if fault is None else fault.code
    call.out.result({"resealed": resealed, "sealed_by": by_key, "code": code})
    return ExitCode.OK if fault is None else ExitCode.USAGE
