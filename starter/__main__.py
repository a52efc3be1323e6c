"""`python -m starter COMMAND`: the commands of Paidcase.

Guarantee: exit codes are those of `starter.outcomes`, also for arguments that are wrong, and the process leaves through
`invoicing.leaving`, because an interpreter that finalises under the Temporal core may abort after the work is done.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import cast

from invoicing.errors import DataFault, PaidcaseError
from invoicing.leaving import leave
from invoicing.logs import configure
from invoicing.settings import environment
from starter.call import DOTENV, Call, Command
from starter.outcomes import MEANINGS, ExitCode, exit_code, explanation, message
from starter.output import Output

COMMANDS = {
    "setup": "prepare the database and Temporal; may be repeated",
    "start": "record case documents, and start those that are paid already",
    "batch": "record and start many cases from a CSV or JSON Lines file; may be repeated",
    "status": "show cases as the database has them",
    "explain": "show a case on one screen: what happened, what waits and why, what to press, its totals",
    "failures": "show what has failed and waits for a person, by cause",
    "regenerate": "try the invoices of cases again; the payment is not touched",
    "resend": "mail the document of a case once more, or what its expert has missed",
    "attach": "make a PDF from elsewhere the invoice of a case",
    "correct": "give a case new billing data",
    "correct-invoice": "have an issued invoice corrected by a document of its own",
    "document": "write the invoice of a case, a correction, a duplicate or a pro forma as PDF",
    "check-payment": "ask the gateway now what became of payments",
    "refund": "give back a payment, or a part of it",
    "give-up": "end the waiting of parked cases",
    "alerts": "list what needs a person, or count it by cause",
    "log": "show or export the activity log",
    "emails": "show or export every mail and what became of it",
    "payments": "show or export the payment list",
    "sweep": "compare open cases with their runs now, as the schedule does",
    "reconcile": "compare gateway, records and invoices of some days",
    "export": "write histories of cases in a form that can be replayed",
    "replay": "hold histories against today's workflow code; files need no server",
    "redo": "let runs go back to just before a step; nothing is done twice",
    "backup": "save database and documents in one file",
    "restore": "fill an empty database and the documents from a backup, or verify one",
    "restart-open": "have the relay start again what a lost Temporal had taken",
    "reseal": "encrypt secrets at rest anew with the first key",
    "token": "print a token for the API, or a sign-in link",
    "deploy": "make this folder's version of the workers the current one, or go back to another",
    "doctor": "check every setting and dependency, one line each",
}

LOG_LEVELS = frozenset({"debug", "info", "warning", "error"})
LOG_FORMATS = frozenset({"text", "json"})


def parser(chosen: str | None) -> tuple[argparse.ArgumentParser, Command | None]:
    """The parser, and the module of the chosen command; the others are not even imported, which takes its time."""
    codes = "\n".join(f"  {code.value:<4} {meaning}" for code, meaning in MEANINGS.items())
    made = argparse.ArgumentParser(
        prog="python -m starter",
        description="Record, start and watch cases.",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    module: Command | None = None
    for name, summary in COMMANDS.items():
        described = argparse.RawDescriptionHelpFormatter
        one = commands.add_parser(name, help=summary, description=f"{summary}.", formatter_class=described)
        one.add_argument("--json", action="store_true", help="print one JSON document instead of text")
        if name == chosen:
            module = cast(Command, import_module(f"starter.{name.replace('-', '_')}"))
            module.arguments(one)
    return made, module


def main(arguments: Sequence[str]) -> int:
    """Run one command and give back its exit code."""
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    made, module = parser(chosen)
    try:
        parsed = made.parse_args(arguments)
    except SystemExit as usage:
        return usage.code if isinstance(usage.code, int) else ExitCode.USAGE
    if module is None:
        return ExitCode.USAGE
    out = Output(as_json=parsed.json)
    env = environment(os.environ, DOTENV)
    level, form = env.get("LOG_LEVEL", "warning").lower(), env.get("LOG_FORMAT", "text").lower()
    # Values that mean nothing are named by the settings themselves, together with every other fault.
    configure(level if level in LOG_LEVELS else "warning", form if form in LOG_FORMATS else "text")
    try:
        return module.run(Call(parsed, env, out))
    except PaidcaseError as error:
        out.complain(explanation(error))
        faults = error.faults if isinstance(error, DataFault) else ()
        errors = [{"field": fault.field, "code": fault.code} for fault in faults]
        out.result({"code": error.code, "message": message(error), "errors": errors})
        return exit_code(error)
    except KeyboardInterrupt:
        out.complain("interrupted: what was recorded stays recorded, and the command may be run again")
        return ExitCode.INTERRUPTED
    except Exception as error:  # a fault of ours still ends with a line and a code
        if level == "debug":
            traceback.print_exc()
        # the text of a foreign exception may quote data, so only its class is told
        out.complain(f"internal: {type(error).__name__}; run it again with LOG_LEVEL=debug and report what that shows")
        out.result({"code": "internal", "message": type(error).__name__, "errors": []})
        return ExitCode.FAILED


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
