"""The web application: every router, the problem documents and the outermost guard."""

from __future__ import annotations

from fastapi import FastAPI

from invoicing.web import codec, health, metrics, problems
from invoicing.web.api import (
    activity,
    alerts,
    cases,
    documents,
    emails,
    experts,
    failed_tasks,
    invoices,
    logos,
    notifications,
    payment_list,
    payments,
    profiles,
)
from invoicing.web.guard import Guard
from invoicing.web.openapi import DescribedApi
from invoicing.web.pages import payment_return
from invoicing.web.parts import WebParts
from invoicing.web.webhooks import autopay
from invoicing.web.webhooks.rejections import Allowance

ROUTERS = (
    cases.router,
    payments.router,
    invoices.router,
    documents.router,
    payment_list.router,
    experts.router,
    logos.router,
    profiles.router,
    notifications.router,
    alerts.router,
    activity.router,
    emails.router,
    failed_tasks.router,
    autopay.router,
    payment_return.router,
    health.router,
    metrics.router,
    codec.router,
)


def create_app(parts: WebParts) -> FastAPI:
    """The ASGI application. Interactive documentation pages are off: they would load scripts from elsewhere."""
    app = DescribedApi(
        title="Paidcase",
        version="1",
        description="Records, charges and watches priced cases. Errors are problem documents (RFC 9457).",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.parts = parts
    app.state.allowance = Allowance(parts.clock)
    app.state.exposition = metrics.Exposition()
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes[:0] = autopay.DIRECT  # anybody can send these in storms, so they are matched and answered first
    problems.install(app)
    app.add_middleware(Guard)
    return app
