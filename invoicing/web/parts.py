"""What the web needs of the application: ports and settings, as one frozen value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request
from temporalio.client import Client
from temporalio.converter import PayloadCodec

from invoicing.bootstrap import Application, data_converter
from invoicing.deciding import Deciding
from invoicing.experts import Experts
from invoicing.intake import REDIRECT_WITHIN, Intake
from invoicing.papers import Papers
from invoicing.ports import CaseStore, Clock, DocumentStore, PaymentNotifications
from invoicing.tokens import Tokens
from invoicing.web.idempotency import AnswerStore


@dataclass(frozen=True, slots=True)
class WebParts:
    """The web's side of the composition. `temporal` is None where no client was given: then it counts as away."""

    intake: Intake
    experts: Experts
    deciding: Deciding
    papers: Papers
    inspect_pdf: Callable[[bytes], Awaitable[str | None]]
    logo_fault: Callable[[bytes], str | None]
    store: CaseStore
    documents: DocumentStore
    notifications: PaymentNotifications
    tokens: Tokens
    answers: AnswerStore
    clock: Clock
    wake: Callable[[], None]
    temporal: Client | None
    documents_url: str
    public_url: str
    takes_payments: bool
    sends_mail: bool
    payload_codec: PayloadCodec | None
    codec_origin: str | None
    redirect_within: timedelta = REDIRECT_WITHIN


def parts_of(app: Application, temporal: Client | None, redirect_within: timedelta = REDIRECT_WITHIN) -> WebParts:
    """The parts of a wired application."""
    return WebParts(
        intake=app.intake,
        experts=app.experts,
        deciding=app.deciding,
        papers=app.papers,
        inspect_pdf=app.inspect_pdf,
        logo_fault=app.logo_fault,
        store=app.store,
        documents=app.documents,
        notifications=app.notifications,
        tokens=app.tokens,
        answers=app.answers,
        clock=app.clock,
        wake=app.wakeup.ring,
        temporal=temporal,
        documents_url=app.settings.documents_url,
        public_url=app.settings.public_url,
        takes_payments=bool(app.settings.autopay),
        sends_mail=app.settings.smtp.host is not None,
        payload_codec=data_converter(app.settings.payload_keys).payload_codec,
        codec_origin=app.settings.codec_origin,
        redirect_within=redirect_within,
    )


async def _of_request(request: Request) -> WebParts:
    parts: WebParts = request.app.state.parts
    return parts


Parts = Annotated[WebParts, Depends(_of_request)]
"""A handler's parameter."""
