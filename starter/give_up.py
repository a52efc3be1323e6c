"""`give-up`: end the waiting of parked cases; what is paid stays paid until it is refunded."""

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
    parser.epilog = "Refused where nothing waits for a decision."


def run(call: Call) -> int:
    """1 when a case is refused, 3 when a decision is recorded and waits for Temporal."""

    async def take(app: Application, case_id: str, actor: str) -> CaseFacts:
        return await app.deciding.take(case_id, DecisionKind.GIVE_UP, actor, key=call.arguments.key)

    return decide(call, take, look=preview_of(DecisionKind.GIVE_UP))
