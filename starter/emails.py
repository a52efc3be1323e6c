"""`emails`: every mail and what became of it, newest first; with --format csv or jsonl all of them."""

from __future__ import annotations

import argparse

from invoicing.domain.records import DeliveryStatus, EmailQuery, MailKind
from invoicing.exporting import every
from invoicing.listing import EMAILS, email_item
from starter.call import Call
from starter.lists import list_options, query_of, run_list, told_list

TABLE = {
    "at": "created_at",
    "case": "case_id",
    "kind": "kind",
    "to": "recipient",
    "status": "status",
    "tries": "tries",
    "code": "code",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    list_options(parser)
    parser.add_argument("--status", choices=[status.value for status in DeliveryStatus], help="only in this state")
    parser.add_argument("--kind", choices=[kind.value for kind in MailKind], help="only of this kind")
    parser.add_argument("--code", metavar="CODE", help="only this code of docs/failures.md")
    parser.epilog = "`resend CASE` mails a document once more."


def run(call: Call) -> int:
    """0 whether there are any or not."""
    query = query_of(call, EmailQuery, "status", "kind", "code")
    return run_list(
        call,
        lambda app: told_list(call, every(app.store.emails, query), EMAILS, email_item, TABLE, "nothing was mailed"),
    )
