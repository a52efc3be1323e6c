"""`attach`: make a PDF from elsewhere the invoice of a case, after looking into it."""

from __future__ import annotations

import argparse
from pathlib import Path

from invoicing.bootstrap import Application
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import CaseFacts
from invoicing.errors import DataFault
from starter.call import Call
from starter.choosing import files_of, folder_options
from starter.deciding import case_options, preview_of, read_file
from starter.deciding import run as decide


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    folder_options(parser, ".pdf")
    case_options(parser, many=None)
    parser.epilog = (
        "A file has up to 10 MiB, is not encrypted and holds nothing active.\n"
        "The same again changes nothing; what it replaces stays archived."
    )


def run(call: Call) -> int:
    """1 when the file may not be kept or no attachment is waited for."""
    file_of = files_of(call, ".pdf")

    async def take(app: Application, case_id: str, actor: str) -> CaseFacts:
        await app.intake.facts(case_id)  # a file for nobody is not even looked into
        content = read_file(Path(file_of(case_id)))
        why = await app.inspect_pdf(content)
        if why is not None:
            raise DataFault("document_refused", (), f"the file may not be kept: {why}")
        return await app.deciding.attach(case_id, actor, content, call.arguments.key)

    return decide(call, take, look=preview_of(DecisionKind.ATTACH_INVOICE))
