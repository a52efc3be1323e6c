"""The mailbox over HTTP: pages for people, JSON for programs, fault switches for tests.

Everything that came in a message is escaped; a message's own HTML is shown as source. Attachments are served as
downloads and never sniffed.
"""

from html import escape

from aiohttp import web

from invoicing.sandbox.fault_calls import FaultCalls
from invoicing.sandbox.mail import faults
from invoicing.sandbox.mail.mailbox import (
    Mailbox,
    StoredMessage,
    attachments_of,
    message_json,
    parse,
    summary_json,
    text_of,
)
from invoicing.sandbox.page import html_page, rows
from invoicing.sandbox.switches import SwitchBoard

SHOWN = 200
COLUMNS = ("#", "Received", "To", "Subject", "Copies")
INERT_TYPES = frozenset({"application/pdf", "application/xml", "text/plain", "image/png"})


class Pages:
    """HTTP handlers of the mailbox."""

    def __init__(self, mailbox: Mailbox, switches: SwitchBoard) -> None:
        self._mailbox = mailbox
        self._switches = switches

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self.listing),
                web.get(r"/mail/{number:\d{1,9}}", self.page),
                web.get("/messages", self.messages),
                web.get(r"/messages/{number:\d{1,9}}", self.message),
                web.get(r"/messages/{number:\d{1,9}}/attachments/{part:\d{1,9}}", self.attachment),
                *FaultCalls(self._switches, faults.read_switch).routes(),
            ]
        )
        return app

    def _find(self, request: web.Request) -> tuple[StoredMessage, bytes]:
        item = self._mailbox.get(int(request.match_info["number"]))
        if item is None:
            raise web.HTTPNotFound(text="no such message")
        if item.raw is None:
            raise web.HTTPGone(text="the message was counted, its bytes were dropped to save memory")
        return item, item.raw

    async def listing(self, request: web.Request) -> web.Response:
        newest = self._mailbox.find()[-SHOWN:][::-1]
        heads = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
        lines = "".join(_line(item, self._mailbox.copies(item.message_id)) for item in newest)
        note = f"<p>{len(self._mailbox)} accepted; the newest {len(newest)} are shown.</p>"
        caption = "<caption>Accepted mails, the newest first</caption>"
        table = f'<table class="list">{caption}<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>'
        empty = "<p>Nothing has come yet. Send to the SMTP address that the sandbox printed.</p>"
        return html_page("Mailbox (stand-in)", note + table if newest else empty)

    async def page(self, request: web.Request) -> web.Response:
        item, raw = self._find(request)
        message = parse(raw)
        envelope = rows(
            [
                ("Envelope from", item.mail_from),
                ("Envelope to", ", ".join(item.recipients)),
                ("Received", item.received_at.isoformat()),
                ("Accepted copies", str(self._mailbox.copies(item.message_id))),
            ]
        )
        headers = rows([(name, str(value)) for name, value in message.items()])
        links = "".join(
            f'<li><a href="/messages/{item.number}/attachments/{number}">{escape(part.filename)}</a> '
            f"({escape(part.content_type)}, {len(part.data)} bytes)</li>"
            for number, part in enumerate(attachments_of(message), start=1)
        )
        body = (
            f'<nav aria-label="Mailbox"><p><a href="/">All messages</a></p></nav>{envelope}'
            f'<h2>Text</h2><pre dir="auto">{escape(text_of(message))}</pre>'
            f"<h2>Attachments</h2><ul>{links or '<li>none</li>'}</ul><h2>Headers</h2>{headers}"
        )
        return html_page(item.subject or "(no subject)", body)

    async def messages(self, request: web.Request) -> web.Response:
        query = request.query
        found = self._mailbox.find(query.get("recipient"), query.get("message_id"), query.get("subject"))
        return web.json_response({"items": [summary_json(item, self._mailbox) for item in found]})

    async def message(self, request: web.Request) -> web.Response:
        item, raw = self._find(request)
        return web.json_response(message_json(item, raw, self._mailbox))

    async def attachment(self, request: web.Request) -> web.Response:
        _, raw = self._find(request)
        parts = attachments_of(parse(raw))
        number = int(request.match_info["part"])
        if not 0 < number <= len(parts):
            raise web.HTTPNotFound(text="no such attachment")
        part = parts[number - 1]
        inert = part.content_type if part.content_type in INERT_TYPES else "application/octet-stream"
        name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in part.filename)
        shown = name.encode("ascii", "replace").decode().replace("?", "_")
        headers = {
            "Content-Type": inert,
            "Content-Disposition": f'attachment; filename="{shown}"',
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(body=part.data, headers=headers)


def _line(item: StoredMessage, copies: int) -> str:
    """One mail; the names of the cells are shown where there is no room for a head."""
    subject = f'<a href="/mail/{item.number}" dir="auto">{escape(item.subject or "(no subject)")}</a>'
    cells = (
        str(item.number),
        item.received_at.strftime("%Y-%m-%d %H:%M:%S"),
        escape(", ".join(item.recipients)),
        subject,
        str(copies),
    )
    told = "".join(f'<td data-name="{name}: ">{cell}</td>' for name, cell in zip(COLUMNS, cells, strict=True))
    return f"<tr>{told}</tr>"
