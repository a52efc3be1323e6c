"""Where the payer comes back to: shows what is known of the payment and decides nothing.

The address carries ids and a signature and says nothing about the payment, so only a fitting signature is answered
with a state, and that comes from the state record. Nothing of the address is shown. Source: Autopay online gateway
manual, "customer-redirect".
"""

from __future__ import annotations

from html import escape
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from invoicing.domain.state import CaseState, PaymentStatus
from invoicing.errors import ConnectivityFault, NotFound
from invoicing.locale import RIGHT_TO_LEFT, text
from invoicing.web.languages import COOKIE, chosen, page_language
from invoicing.web.parts import Parts, WebParts

router = APIRouter(tags=["pages"])

_PAGE = Template(
    """<!DOCTYPE html>
<html lang="$lang" dir="$dir">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: #1b1f24; --page: #f5f6f8; --card: #fff; --mark: $mark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --page: #16181c; --card: #22252b; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--page); color: var(--ink);
  font: 1.125rem/1.6 system-ui, sans-serif; }
main { box-sizing: border-box; width: min(34rem, 92vw); padding: 2rem; background: var(--card); border-radius: 0.75rem;
  border-block-start: 0.4rem solid var(--mark); }
h1 { margin: 0 0 0.75rem; font-size: 1.5rem; line-height: 1.3; }
p { margin: 0; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<p role="status">$message</p>
</main>
</body>
</html>
"""
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_MARKS = {"return.paid": "#1a7f37", "return.failed": "#b42318", "return.waiting": "#0b63ce"}
_YEAR_SECONDS = 365 * 24 * 3600


@router.get(
    "/return/autopay",
    operation_id="showPaymentReturn",
    response_class=Response,
    responses={
        200: {"description": "What is known of the payment.", "content": {"text/html": {}}},
        400: {"description": "The address is not signed by the gateway.", "content": {"text/html": {}}},
        503: {"description": "The database is away.", "content": {"text/html": {}}},
    },
)
async def show_return(
    request: Request,
    parts: Parts,
    service_id: Annotated[str, Query(alias="ServiceID")] = "",
    order_id: Annotated[str, Query(alias="OrderID")] = "",
    signature: Annotated[str, Query(alias="Hash")] = "",
) -> Response:
    """The page; `?lang=` chooses its language."""
    language = page_language(request)
    status, key = 400, "return.unknown"
    if parts.notifications.return_is_authentic(service_id, order_id, signature):
        try:
            status, key = 200, await _state(parts, service_id, order_id)
        except ConnectivityFault:
            status, key = 503, "problem.unavailable"
    page = _PAGE.substitute(
        lang=language,
        dir="rtl" if language in RIGHT_TO_LEFT else "ltr",
        title=escape(text(language, "return.title")),
        message=escape(text(language, key)),
        mark=_MARKS.get(key, "#6b7280"),
    )
    headers = {"Content-Language": language, "Vary": "Accept-Language, Cookie", "Content-Security-Policy": _POLICY}
    response = Response(page, status, headers, "text/html")
    if kept := chosen(request):
        response.set_cookie(COOKIE, kept, max_age=_YEAR_SECONDS, httponly=True, samesite="lax")
    return response


async def _state(parts: WebParts, service_id: str, order_id: str) -> str:
    async with parts.store.reading() as db:
        attempt = await db.attempt_by_order(service_id, order_id)
        if attempt is None:
            return "return.unknown"
        try:
            return _key((await db.facts(attempt.case_id)).state)
        except NotFound:
            return "return.unknown"


def _key(state: CaseState) -> str:
    match state.payment.status:
        case PaymentStatus.COMPLETED:
            return "return.paid"
        case PaymentStatus.FAILED:
            return "return.failed"
        case PaymentStatus.OPEN | PaymentStatus.NONE:
            return "return.waiting"
