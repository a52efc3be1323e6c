"""`emails`: every mail and what became of it, newest first; with --format csv or jsonl all of them."""

from __future__ import annotations

import argparse

from invoicing.bootstrap import application
from invoicing.domain.records import DeliveryStatus, EmailQuery, MailKind
from invoicing.exporting import every
from invoicing.listing import EMAILS, email_item
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.lists import Listed, list_options, show

HEADING = ("at", "case", "kind", "to", "status", "tries", "code")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    list_options(parser)
    parser.add_argument("--status", choices=[status.value for status in DeliveryStatus], help="only in this state")
    parser.add_argument("--kind", choices=[kind.value for kind in MailKind], help="only of this kind")
    parser.add_argument("--code", metavar="CODE", help="only this code of docs/failures.md")
    parser.epilog = "`resend CASE` mails a document once more."


def run(call: Call) -> int:
    """0 whether there are any or not."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    wanted = call.arguments
    query = EmailQuery(
        case_id=wanted.case,
        status=wanted.status,
        kind=wanted.kind,
        code=wanted.code,
        since=wanted.since,
        until=wanted.until,
    )
    async with application(call.settings()) as app:
        return await show(
            call,
            Listed(
                found=every(app.store.emails, query),
                columns=EMAILS,
                item=lambda mail: email_item(mail, call.language),
                heading=HEADING,
                row=lambda one: (
                    one["created_at"], one["case_id"], one["kind"], one["recipient"], one["status"], one["tries"],
                    one["code"],
                ),
                place=lambda mail: mail.id,
                nothing="nothing was mailed",
            ),
        )  # fmt: skip
