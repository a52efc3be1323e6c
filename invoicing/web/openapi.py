"""The OpenAPI document: bodies are parsed by ourselves, so their schemas are added by name."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from invoicing.domain.cases import BillingData, CaseDocument
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.experts import ExpertInput
from invoicing.web.described import PaymentRequestBody, ProblemDocument
from invoicing.web.described_profiles import ProfileBody
from invoicing.web.problems import MEDIA_TYPE
from invoicing.web.requested import EmptyBody, ExternalPaymentBody, RefundBody, RegenerateBody, ResendBody

_REF = "#/components/schemas/{model}"
_BODIES: tuple[type[BaseModel], ...] = (
    CaseDocument,
    ExpertInput,
    BillingData,
    ProfileBody,
    PaymentRequestBody,
    ExternalPaymentBody,
    RefundBody,
    ResendBody,
    RegenerateBody,
    CorrectionRequest,
    EmptyBody,
    ProblemDocument,
)

_REASONS = {
    400: "No `Idempotency-Key` where one is demanded: `invalid`.",
    401: "No or bad token: `unauthenticated`.",
    403: "A role that may not make this call: `forbidden`.",
    404: "Unknown, or it belongs to somebody else: `not_found`.",
    409: "Not in the present state: `conflict`, `already_paid`, `autopay_disabled`, `action_not_allowed`.",
    413: "The body is too large: `too_large`.",
    415: "Another type of content is expected: `unsupported_media_type`.",
    422: "Bad input, every fault at once: `invalid`.",
    503: "The database is away; try again after `Retry-After` seconds: `unavailable`.",
}


Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """Responses that are problem documents."""
    schema = {"$ref": _REF.format(model=ProblemDocument.__name__)}
    return {
        status: {"description": _REASONS[status], "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses
    }


def json_body(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """A request body for an operation's `openapi_extra`."""
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


class DescribedApi(FastAPI):
    """FastAPI whose document knows the bodies too."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        _, found = models_json_schema([(model, "validation") for model in _BODIES], ref_template=_REF)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in found["$defs"].items():
            schemas.setdefault(name, schema)
        return document
