"""Reading documents from files: their shape is checked here as the HTTP API checks it, all faults at once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from invoicing.domain.cases import CASE_ID, BillingData, CaseDocument, Shape
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.faults import FaultCode, fault, shape_faults
from invoicing.errors import Fault

M = TypeVar("M", bound=Shape)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document that was not taken. `case_id` is given only where it is an id: anything else may be a name."""

    code: str
    faults: tuple[Fault, ...] = ()
    case_id: str | None = None
    message: str = ""


def read_json(content: bytes) -> CaseDocument | Refusal:
    """A case document from JSON in UTF-8."""
    value = _value(content)
    return value if isinstance(value, Refusal) else checked(value)


def read_billing_data(content: bytes) -> BillingData | Refusal:
    """A billing data object from JSON in UTF-8."""
    return _read(content, BillingData)


def read_correction(content: bytes) -> CorrectionRequest | Refusal:
    """The wish to correct an invoice from JSON in UTF-8."""
    return _read(content, CorrectionRequest)


def _read(content: bytes, model: type[M]) -> M | Refusal:
    value = _value(content)
    if isinstance(value, Refusal):
        return value
    try:
        return model.model_validate(value)
    except ValidationError as error:
        return Refusal("invalid", shape_faults(error))


def _value(content: bytes) -> Any:
    """What the JSON says, or the `Refusal` of what is none."""
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Refusal("invalid", (fault("", FaultCode.BAD_CHARACTERS),), message="not UTF-8")
    except json.JSONDecodeError as error:
        where = f"not JSON: line {error.lineno}, column {error.colno}"
        return Refusal("invalid", (fault("", FaultCode.BAD_FORMAT),), message=where)
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets without end
        return Refusal("invalid", (fault("", FaultCode.BAD_FORMAT),), message="not JSON that can be read")


def checked(value: Any) -> CaseDocument | Refusal:
    """The document, or every fault of its shape."""
    try:
        return CaseDocument.model_validate(value)
    except ValidationError as error:
        return Refusal("invalid", shape_faults(error), case_id=_id_of(value))


def _id_of(value: Any) -> str | None:
    case_id = value.get("case_id") if isinstance(value, Mapping) else None
    return case_id if isinstance(case_id, str) and re.fullmatch(CASE_ID, case_id) else None
