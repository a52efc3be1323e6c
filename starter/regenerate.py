"""`regenerate`: go on at the failed step of a case with three fresh attempts; the payment is never touched."""

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
    parser.epilog = "Refused where no invoice waits. Pressing twice in the same state decides once."


def run(call: Call) -> int:
    """1 when a case is refused, 3 when a decision is recorded and waits for Temporal."""

    async def take(app: Application, case_id: str, actor: str) -> CaseFacts:
        return await app.deciding.take(case_id, DecisionKind.REGENERATE_INVOICE, actor, key=call.arguments.key)

    return decide(call, take, look=preview_of(DecisionKind.REGENERATE_INVOICE))
