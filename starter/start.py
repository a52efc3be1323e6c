"""`start`: record case documents; those that arrive paid are started, the others wait until payment is asked for."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invoicing.bootstrap import Application, application
from invoicing.domain.cases import CaseDocument
from invoicing.domain.labels import Role
from invoicing.domain.records import CaseFacts
from invoicing.domain.state import PaymentStatus
from invoicing.errors import (
    ConnectivityFault,
    DataFault,
    Fault,
    NotAllowed,
    NotFound,
    PaidcaseError,
    Refused,
    StillPending,
)
from invoicing.failing import ops_message
from invoicing.intake import PaymentAnswer
from invoicing.ports import Recorded
from invoicing.presenting import fault_list, state_record
from invoicing.serving import run as run_loop
from starter.call import Call, language_option
from starter.documents import Refusal, read_json
from starter.handing_over import all_started, handing_over, reach_temporal
from starter.outcomes import ExitCode, exit_code, explanation, named
from starter.output import listed

ACTOR = "service:starter"
"""Who recorded the case, in the activity log."""

LOOK_EVERY = 0.2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="a case document in JSON; - reads standard input")
    parser.add_argument("--pay", action="store_true", help="ask for payment and print the address for the payer")
    parser.add_argument("--wait", type=float, metavar="SECONDS", help="wait until the case is done or needs a person")
    language_option(parser)
    parser.epilog = "Each file stands for itself. Recording the same document again changes nothing."


@dataclass(slots=True)
class Item:
    """What became of one file."""

    name: str
    document: CaseDocument | None = None
    recorded: Recorded | None = None
    started: bool | None = None
    redirect_url: str | None = None
    faults: list[PaidcaseError] = field(default_factory=list)
    facts: CaseFacts | None = None

    @property
    def case_id(self) -> str:
        """The id of a document that was read."""
        return self.document.case_id if self.document else ""

    @property
    def is_accepted(self) -> bool:
        """The case is in the database with this content."""
        return self.recorded in {Recorded.NEW, Recorded.SAME}


def run(call: Call) -> int:
    """Record every file, then hand over, ask for payment and wait, as asked."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    settings = call.settings()
    items = [_read(name) for name in call.arguments.files]
    async with application(settings) as app:
        for item in items:
            await _record(app, item)
        accepted = [item for item in items if item.is_accepted]
        wanting = [item for item in accepted if call.arguments.pay or item.started is False]
        if wanting:
            try:
                await _hand_over(app, call, wanting)
            except PaidcaseError as fault:
                for item in wanting:
                    item.faults.append(fault)
        if call.arguments.wait is not None:
            await asyncio.gather(*(_rest(app, item, call) for item in accepted if not item.faults))
        for item in accepted:
            item.facts = await app.intake.facts(item.case_id)
    return _tell(call, items)


def _read(name: str) -> Item:
    item = Item(name)
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        item.faults.append(NotFound("unreadable", f"{name} cannot be read: {error.strerror}"))
        return item
    case = read_json(content)
    if isinstance(case, Refusal):
        item.faults.append(DataFault(case.code, case.faults, case.message or named(case.faults)))
    else:
        item.document = case
    return item


async def _record(app: Application, item: Item) -> None:
    if item.document is None:
        return
    try:
        item.recorded, item.facts = await app.intake.record_case(item.document, ACTOR)
    except ConnectivityFault:
        raise
    except PaidcaseError as fault:
        item.faults.append(fault)
        return
    if item.recorded is Recorded.CONFLICT:
        item.faults.append(NotAllowed("conflict", "another document is recorded under this case_id"))
    elif item.document.arrives_paid:
        # every run writes the state record, so one that was written once has been started
        item.started = item.facts.state.version > 0


async def _hand_over(app: Application, call: Call, items: list[Item]) -> None:
    client = await reach_temporal(call.env)
    async with handing_over(app, client):
        left = await all_started(app, client, [item.case_id for item in items if item.started is False])
        for item in items:
            if item.started is False:
                item.started = item.case_id not in left
                if not item.started:
                    item.faults.append(ConnectivityFault("not_started", "recorded, and Temporal has not taken it yet"))
            if call.arguments.pay:
                await _pay(app, item)


async def _pay(app: Application, item: Item) -> None:
    try:
        asked = await app.intake.ask_for_payment(item.case_id, None, ACTOR)
    except PaidcaseError as fault:
        item.faults.append(fault)
        return
    item.redirect_url = asked.redirect_url
    if asked.answer is PaymentAnswer.REFUSED:
        item.faults.append(Refused("payment_refused", "Autopay refused to open the payment; nothing was charged"))
    elif asked.answer is PaymentAnswer.NOT_KNOWN:
        item.faults.append(ConnectivityFault("payment_not_known", "payment is asked for, the address is not known yet"))


async def _rest(app: Application, item: Item, call: Call) -> None:
    """Until the case is done, needs a person, or its payment has failed."""
    seconds = call.arguments.wait
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                state = (await app.intake.facts(item.case_id)).state
                if state.parked is not None:
                    why = ops_message(state.parked.code, state.parked.step, call.language)
                    item.faults.append(NotAllowed(state.parked.code, why or ""))
                if state.payment.status is PaymentStatus.FAILED:
                    item.faults.append(Refused("payment_failed", "the payment attempt ended without money"))
                if state.closed or item.faults:
                    return
                await asyncio.sleep(LOOK_EVERY)
    item.faults.append(StillPending("not_at_rest", f"not done after {seconds:g} s"))


def _tell(call: Call, items: list[Item]) -> int:
    for item in items:
        for fault in item.faults:
            call.out.complain(f"{item.name}: {explanation(fault)}")
        if item.facts is not None and item.is_accepted:
            record = state_record(item.facts, Role.SERVICE, call.language)
            labels = (record["case_status"]["label"], record["payment"]["label"], record["invoice"]["cell"])
            call.out.line(f"{record['case_id']}: {item.recorded}, {', '.join(label for label in labels if label)}")
        if item.redirect_url:
            call.out.line(item.redirect_url)
    call.out.result(listed([_document(item, call.language) for item in items], named=len(items)))
    return max((exit_code(fault) for item in items for fault in item.faults), default=ExitCode.OK)


def _document(item: Item, language: str) -> dict[str, Any]:
    """The state record with what this command adds to it; without one, the problem alone."""
    record = state_record(item.facts, Role.SERVICE, language) if item.facts and item.is_accepted else {}
    faults: list[Fault] = [part for fault in item.faults if isinstance(fault, DataFault) for part in fault.faults]
    first = item.faults[0] if item.faults else None
    return {
        **record,
        "file": item.name,
        "recorded": item.recorded,
        "started": item.started,
        "redirect_url": item.redirect_url,
        "code": first.code if first else None,
        "message": explanation(first) if first else None,
        "errors": fault_list(tuple(faults), language),
    }
