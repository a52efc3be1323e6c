"""`resend`: mail the stored document of a case once more, to the usual address or to another."""

from __future__ import annotations

import argparse

from invoicing.bootstrap import Application
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import CaseFacts
from invoicing.errors import NotAllowed
from starter.call import Call
from starter.deciding import case_options, preview_of
from starter.deciding import run as decide


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    case_options(parser, many=True)
    parser.add_argument("--email", metavar="ADDRESS", help="default: that of the billing data, else the client's")
    parser.epilog = "Pressing twice within a minute sends once."


def run(call: Call) -> int:
    """1 when there is no document to send or the address cannot be mailed to."""

    async def take(app: Application, case_id: str, actor: str) -> CaseFacts:
        return await app.deciding.resend(case_id, actor, call.arguments.email, call.arguments.key)

    if call.arguments.email is not None and (call.arguments.query or len(call.arguments.case_ids) > 1):
        raise NotAllowed("one_case", "--email is the address of one case")
    return decide(call, take, look=preview_of(DecisionKind.RESEND_INVOICE))
