"""Problem documents (RFC 9457): the one place where an error becomes an HTTP answer.

Guarantee: every class of the error tree has an entry; nothing that a caller sent is repeated but the names of his
fields; the text of an error never leaves the process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from invoicing.domain.faults import FaultCode
from invoicing.errors import (
    BadNotification,
    ConnectivityFault,
    DataFault,
    Fault,
    InternalFault,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    PaidcaseError,
    Refused,
    SettingsFault,
    StillPending,
    VersionConflict,
)
from invoicing.failing import PAGE
from invoicing.locale import text
from invoicing.presenting import fault_list
from invoicing.web.languages import wanted_language

MEDIA_TYPE = "application/problem+json"
AGAIN_AFTER_SECONDS = 5
KEY = "Idempotency-Key"
MOST_FAULTS = 5000
"""A document of the permitted size could have more unknown fields than anybody reads."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Status and code of an answer, its faults, and headers that belong to the status."""

    status: int
    code: str
    faults: tuple[Fault, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    said: str | None = None
    """Key of the sentence where it is not the one of the code: the reason of a refusal."""


_BY_CODE = {
    "unauthenticated": Problem(401, "unauthenticated", headers=(("WWW-Authenticate", 'Bearer realm="paidcase"'),)),
    "forbidden": Problem(403, "forbidden"),
    "no_invoice": Problem(404, "no_invoice"),
    "action_not_allowed": Problem(409, "action_not_allowed"),
    "already_paid": Problem(409, "already_paid"),
    "autopay_disabled": Problem(409, "autopay_disabled"),
    "conflict": Problem(409, "conflict"),
    "key_used": Problem(409, "conflict", (Fault(KEY, FaultCode.BAD_FORMAT),), said="conflict_key"),
    "corrected_elsewhere": Problem(409, "action_not_allowed", said="corrected_elsewhere"),
    "corrected_by_author": Problem(409, "action_not_allowed", said="corrected_by_author"),
    "drawn_elsewhere": Problem(409, "action_not_allowed", said="drawn_elsewhere"),
    "nothing_to_correct": Problem(409, "action_not_allowed", said="nothing_to_correct"),
    "too_large": Problem(413, "too_large"),
    "unsupported_media_type": Problem(415, "unsupported_media_type"),
    "secrets_keys_missing": Problem(422, "invalid", (Fault("wfirma", FaultCode.ISSUER_NOT_READY),)),
    "bad_characters": Problem(422, "invalid", (Fault("", FaultCode.BAD_CHARACTERS),)),
}
"""Codes whose answer does not follow from their class."""

_UNAVAILABLE = Problem(503, "unavailable")
_BY_CLASS: Mapping[type[PaidcaseError], Problem] = {
    DataFault: Problem(422, "invalid"),
    SettingsFault: _UNAVAILABLE,
    ConnectivityFault: _UNAVAILABLE,
    OutcomeUnknown: _UNAVAILABLE,
    VersionConflict: _UNAVAILABLE,
    StillPending: _UNAVAILABLE,
    Refused: Problem(409, "action_not_allowed"),
    NotAllowed: Problem(409, "action_not_allowed"),
    NotFound: Problem(404, "not_found"),
    BadNotification: Problem(422, "invalid"),
    InternalFault: Problem(500, "unavailable"),
}

_BY_STATUS = {404: "not_found", 405: "not_found", 413: "too_large", 415: "unsupported_media_type"}
"""Codes for answers that the framework gives by itself."""

_PARAMETER_CODES = {
    "missing": FaultCode.MISSING,
    "string_too_long": FaultCode.TOO_LONG,
    "extra_forbidden": FaultCode.UNKNOWN_FIELD,
}

UNFORESEEN = Problem(500, "unavailable")
"""What nobody thought of: told as unavailable, logged by its class."""


def problem_of(error: PaidcaseError) -> Problem:
    """The answer that an error of the tree becomes."""
    known = _BY_CODE.get(error.code) or next(_BY_CLASS[kind] for kind in type(error).__mro__ if kind in _BY_CLASS)
    faults = error.faults if isinstance(error, DataFault) and error.faults else known.faults
    headers = known.headers
    if known.status == HTTPStatus.SERVICE_UNAVAILABLE:
        wait = error.retry_after.total_seconds() if error.retry_after else AGAIN_AFTER_SECONDS
        headers = (("Retry-After", str(max(1, round(wait)))),)
    reason = error.reason if isinstance(error, NotAllowed) and known.code == "action_not_allowed" else None
    return Problem(known.status, known.code, faults, headers, reason or known.said)


def document(problem: Problem, language: str) -> dict[str, Any]:
    """The problem document in the reader's language."""
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": text(language, f"problem.{problem.said or ('invalid' if problem.faults else problem.code)}"),
        "docs": f"{PAGE}#problem_{problem.said or problem.code}",
    }
    if problem.said:
        told["reason"] = problem.said
    if problem.faults or problem.code == "invalid":
        told["errors"] = fault_list(problem.faults[:MOST_FAULTS], language)
    return told


def response(problem: Problem, language: str) -> Response:
    """The HTTP answer of a problem."""
    return Response(
        json.dumps(document(problem, language), ensure_ascii=False).encode("utf-8", "backslashreplace"),
        problem.status,
        {"Content-Language": language, "Vary": "Accept-Language", **dict(problem.headers)},
        MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Have every error that a handler or the framework raises answered as a problem document."""
    app.add_exception_handler(PaidcaseError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(HTTPException, _of_framework)


async def _of_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, PaidcaseError)  # noqa: S101  # registered for this class
    return response(problem_of(error), wanted_language(request))


async def _of_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class
    faults = tuple(
        Fault(str(item["loc"][-1]), _PARAMETER_CODES.get(item["type"], FaultCode.BAD_FORMAT)) for item in error.errors()
    )
    status = 400 if Fault(KEY, FaultCode.MISSING) in faults else 422
    return response(Problem(status, "invalid", faults), wanted_language(request))


async def _of_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class
    code = _BY_STATUS.get(error.status_code, "invalid" if error.status_code < 500 else "unavailable")
    problem = Problem(error.status_code, code, headers=tuple((error.headers or {}).items()))
    return response(problem, wanted_language(request))
