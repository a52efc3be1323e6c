"""The page of issued documents, and their PDFs for a person's browser."""

from html import escape

from aiohttp import web

from invoicing.sandbox.page import html_page
from invoicing.sandbox.wfirma.actions import pdf
from invoicing.sandbox.wfirma.books import Books, Document
from invoicing.sandbox.wfirma.desk import WfirmaDesk

NEWEST = 500
HEADINGS = ("Number", "Date", "Kind", "Buyer", "Total", "State", "Our id", "")


class Listing:
    """What a person sees of the stand-in."""

    def __init__(self, desk: WfirmaDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self.page), web.get("/_sandbox/invoices/{id}.pdf", self.file)]

    async def page(self, request: web.Request) -> web.Response:
        """Newest documents first."""
        documents = self._desk.documents()
        note = "<p class='note'>A stand-in for trials: nothing here was issued by wFirma.</p>"
        if not documents:
            return html_page("wFirma: issued documents", f"{note}<p>Nothing was issued yet.</p>")
        head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in HEADINGS)
        body = "".join(_row(books, document) for books, document in documents[: -NEWEST - 1 : -1])
        table = (
            f"<table><caption>{len(documents)} documents</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )
        return html_page("wFirma: issued documents", note + table)

    async def file(self, request: web.Request) -> web.Response:
        for books, document in self._desk.documents():
            if document.id == request.match_info["id"]:
                return web.Response(body=pdf(books, document), content_type="application/pdf")
        return web.Response(status=404, text="no such document")


def _row(books: Books, document: Document) -> str:
    shown = books.shown(document)
    cells = (
        shown["date"],
        shown["type"],
        shown["contractor_detail"]["name"],
        f"{shown['total']} {shown['currency']}",
        shown["paymentstate"],
        shown["id_external"],
    )
    number, written = escape(shown["fullnumber"]), "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    link = f'<a href="/_sandbox/invoices/{document.id}.pdf">PDF<span hidden> {number}</span></a>'
    return f'<tr><th scope="row">{number}</th>{written}<td>{link}</td></tr>'
