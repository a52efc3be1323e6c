"""`restore`: fill the database of DATABASE_URL and the folder of DOCUMENTS_URL from a backup, or only verify one.

Guarantee: everything in the file is held against its digests before anything is written; the database is filled in one
transaction, never over rows that are there unless `--replace` says so, and never while a process uses it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from invoicing.bootstrap import backups
from invoicing.errors import DataFault
from invoicing.serving import run as run_loop
from starter.backup import document, summary
from starter.call import Call
from starter.outcomes import ExitCode


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="what `backup` wrote; of SQLite or PostgreSQL")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--verify", action="store_true", help="read everything, change nothing, need no database")
    which.add_argument("--replace", action="store_true", help="lose what the database holds")
    parser.epilog = "Then, with a Temporal that knows nothing of the cases: `restart-open`."


def run(call: Call) -> int:
    """0 when it is whole and, without --verify, in place."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    file, wanted = call.arguments.file, call.arguments
    try:
        if wanted.verify:
            manifest = backups(call.settings()).verify(file)
        else:
            manifest = await backups(call.settings()).restore(file, replace=wanted.replace)
    except OSError as error:
        raise DataFault("backup_path", message=f"{file} cannot be read ({error.strerror or error})") from None
    call.out.line(f"{'whole' if wanted.verify else 'restored'}: {summary(manifest)}")
    call.out.result({"restored": not wanted.verify, **document(manifest)})
    return ExitCode.OK
