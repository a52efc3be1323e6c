"""`resend`: mail the stored document of a case once more, or with --expert what could not be mailed to its expert."""

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
    parser.add_argument("--expert", action="store_true", help="not the document: the mail to the expert that failed")
    parser.epilog = "Pressing twice within a minute sends once."


def run(call: Call) -> int:
    """1 when there is no document to send, the address cannot be mailed to, or no mail to the expert has failed."""
    wanted = call.arguments

    async def take(app: Application, case_id: str, actor: str) -> CaseFacts:
        if wanted.expert:
            return await app.deciding.take(case_id, DecisionKind.RESEND_NOTIFICATION, actor, key=wanted.key)
        return await app.deciding.resend(case_id, actor, wanted.email, wanted.key)

    if wanted.email is not None and wanted.expert:
        raise NotAllowed("one_recipient", "--email is for the client's document; the expert's address is his own")
    if wanted.email is not None and (wanted.query or len(wanted.case_ids) > 1):
        raise NotAllowed("one_case", "--email is the address of one case")
    kind = DecisionKind.RESEND_NOTIFICATION if wanted.expert else DecisionKind.RESEND_INVOICE
    return decide(call, take, look=preview_of(kind))
