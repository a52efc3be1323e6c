"""`backup`: database and documents in one file, of one instant, while everything runs.

Guarantee: the file is there whole or not at all. Documents that rows name and the folder lacks, or holds altered, are
told and make the exit code 1; the backup is made all the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from invoicing.bootstrap import backups, utc_now
from invoicing.domain.backups import Manifest
from invoicing.errors import DataFault
from invoicing.presenting import moment
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.outcomes import ExitCode


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    told = "the file to write, or a folder that gets a file named by the time"
    parser.add_argument("--output", type=Path, required=True, metavar="PATH", help=told)
    parser.epilog = "The file holds what the database holds, personal data too, and is readable by its owner alone."


def run(call: Call) -> int:
    """0 when every document that a row names is in it."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    to = call.arguments.output.expanduser().absolute()
    if to.is_dir():
        to = to / f"paidcase-{utc_now():%Y%m%dT%H%M%SZ}.tar"
    try:
        manifest = await backups(call.settings()).make(to)
    except OSError as error:
        raise DataFault("backup_path", message=f"{to} cannot be written ({error.strerror or error})") from None
    call.out.line(f"{to}: {summary(manifest)}")
    call.out.result({"file": str(to), **document(manifest)})
    if manifest.missing:
        call.out.complain(f"{len(manifest.missing)} documents that rows name are not in the folder of DOCUMENTS_URL")
    return ExitCode.FAILED if manifest.missing else ExitCode.OK


def summary(manifest: Manifest) -> str:
    """A backup in one line."""
    return (
        f"schema {manifest.schema_revision}, {manifest.rows} rows, {manifest.documents} documents "
        f"({manifest.document_bytes} bytes), made at {moment(manifest.made_at)}"
    )


def document(manifest: Manifest) -> dict[str, Any]:
    """A backup as JSON."""
    return {
        "made_at": moment(manifest.made_at),
        "schema": manifest.schema_revision,
        "tables": {name: table.rows for name, table in manifest.tables.items()},
        "documents": manifest.documents,
        "document_bytes": manifest.document_bytes,
        "missing": list(manifest.missing),
    }
