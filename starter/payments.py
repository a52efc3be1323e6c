"""`payments`: the payment list, newest case first; with --format csv or jsonl all of it."""

from __future__ import annotations

import argparse

from invoicing.bootstrap import Application
from invoicing.domain.labels import Role
from invoicing.domain.records import CaseFacts, CaseQuery
from invoicing.domain.state import InvoiceStatus, PaymentStatus
from invoicing.exporting import PAGE, pages
from invoicing.listing import PAYMENTS, payment_item, payment_row
from starter.call import Call
from starter.lists import Listed, list_options, query_of, run_list

HEADING = ("recorded", "case", "client", "expert", "payment", "amount", "invoice", "number", "badges", "waits for")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    list_options(parser)
    parser.add_argument("--client", metavar="CLIENT_ID", help="only of this client")
    parser.add_argument("--expert", metavar="EXPERT_ID", help="only of this expert")
    parser.add_argument("--status", choices=[status.value for status in PaymentStatus], help="only with this payment")
    parser.add_argument("--invoice", choices=[status.value for status in InvoiceStatus], help="only with this invoice")
    parser.add_argument("--parked", action="store_true", help="only what waits for a person")


def run(call: Call) -> int:
    """0 whether there are any or not."""
    wanted = call.arguments
    query = query_of(
        call,
        CaseQuery,
        client_id=wanted.client,
        expert_id=wanted.expert,
        payment_status=wanted.status,
        invoice_status=wanted.invoice,
        parked=True if wanted.parked else None,
        limit=PAGE,
    )
    return run_list(call, lambda app: _listed(call, app, query))


def _listed(call: Call, app: Application, query: CaseQuery) -> Listed[CaseFacts]:
    async def fetch(after: str | None) -> tuple[CaseFacts, ...]:
        return await app.store.payments(query.model_copy(update={"cursor": after}))

    return Listed(
        found=pages(fetch, lambda facts: facts.state.case_id),
        columns=PAYMENTS,
        item=lambda facts: payment_item(facts, Role.OPS, call.language),
        heading=HEADING,
        row=_row,
        place=lambda facts: facts.state.case_id,
        nothing="nobody has paid or tried to",
        flat=payment_row,
    )


def _row(item: dict[str, object]) -> tuple[str, ...]:
    flat = payment_row(item)
    names = "recorded_at case_id client_id expert_id payment_label amount invoice_cell invoice_number badges parked"
    return tuple(str(flat[name] or "") for name in names.split())
