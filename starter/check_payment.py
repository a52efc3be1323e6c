"""`check-payment`: ask the gateway now what became of a payment, instead of at the next poll."""

from __future__ import annotations

import argparse

from invoicing.bootstrap import Application
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.records import CaseFacts
from starter.call import Call
from starter.deciding import case_options, preview_of
from starter.deciding import run as decide


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    case_options(parser, many=True)
    parser.epilog = "Refused where no payment is waited for. Asking twice within a minute is asking once."


def run(call: Call) -> int:
    """1 when a case is refused, 3 when a decision is recorded and waits for Temporal."""

    async def take(app: Application, case_id: str, actor: str) -> CaseFacts:
        return await app.deciding.take(case_id, DecisionKind.CHECK_PAYMENT_NOW, actor, key=call.arguments.key)

    return decide(call, take, look=preview_of(DecisionKind.CHECK_PAYMENT_NOW))
