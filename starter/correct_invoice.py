"""`correct-invoice`: have an issued invoice corrected by a document of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from invoicing.bootstrap import Application
from invoicing.domain.records import CaseFacts
from invoicing.errors import DataFault
from starter.call import Call
from starter.deciding import case_options, read_file
from starter.deciding import run as decide
from starter.documents import Refusal, read_correction
from starter.outcomes import named


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    case_options(parser, many=False)
    parser.add_argument("file", metavar="FILE.json", help="the correction; - reads standard input")
    parser.epilog = (
        'The file holds {"reason": "...", "billing_data": {...}, "lines": [...], "to_zero": true}: the buyer and\n'
        "every line as they should be afterwards, or to_zero; what is left out stays. See examples/correction.json."
    )


def run(call: Call) -> int:
    """1 when the correction has faults, changes nothing, or the invoice is not ours."""

    async def take(app: Application, case_id: str, actor: str) -> CaseFacts:
        name = call.arguments.file
        wish = read_correction(sys.stdin.buffer.read() if name == "-" else read_file(Path(name)))
        if isinstance(wish, Refusal):
            raise DataFault(wish.code, wish.faults, wish.message or named(wish.faults))
        return await app.deciding.correct_invoice(case_id, actor, wish, call.arguments.key)

    return decide(call, take)
