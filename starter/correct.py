"""`correct`: give a case new billing data; a run that is parked because of them goes on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from invoicing.bootstrap import Application
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import CaseFacts
from invoicing.errors import DataFault
from starter.call import Call
from starter.choosing import files_of, folder_options
from starter.deciding import case_options, preview_of, read_file
from starter.deciding import run as decide
from starter.documents import Refusal, read_billing_data
from starter.outcomes import named


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    folder_options(parser, ".json")
    case_options(parser, many=None, keyed=False)
    parser.epilog = (
        "The file is the billing data object; - reads standard input. The same data again change nothing.\n"
        "Refused once the invoice is issued."
    )


def run(call: Call) -> int:
    """1 when the data have faults or the invoice is issued."""
    file_of = files_of(call, ".json")

    async def take(app: Application, case_id: str, actor: str) -> CaseFacts:
        name = file_of(case_id)
        data = read_billing_data(sys.stdin.buffer.read() if name == "-" else read_file(Path(name)))
        if isinstance(data, Refusal):
            raise DataFault(data.code, data.faults, data.message or named(data.faults))
        return await app.intake.correct_billing_data(case_id, data, actor)

    return decide(
        call,
        take,
        queued=lambda facts: facts.state.parked is not None,
        look=preview_of(DecisionKind.CORRECT_BILLING_DATA),
    )
