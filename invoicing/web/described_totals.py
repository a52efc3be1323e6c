"""What the explanation of a case's totals looks like, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from invoicing.web.described import Described, FailureItem, StateRecord, TotalsPart


class StepItem(Described):
    """One step of a calculation: its code, the formula with its result, and both as a sentence."""

    code: str
    formula: str
    text: str


class LineItem(Described):
    """How the value of a line came about; `before_discount - discount + rounding` is its `value`."""

    position: int
    description: str
    vat_rate: str
    before_discount: str
    discount: str
    rounding: str
    value: str
    steps: list[StepItem]


class RateItem(Described):
    """How the sums of a VAT rate came about, and from which positions."""

    vat_rate: str
    positions: list[int]
    net: str
    vat: str
    gross: str
    steps: list[StepItem]


class ExplanationPart(Described):
    """Every total from its lines up."""

    prices: str
    currency: str
    lines: list[LineItem]
    rates: list[RateItem]
    totals: TotalsPart
    steps: list[StepItem]


class ExplainedRecord(StateRecord):
    """The state record and why its totals are what they are; null while a VAT rate is not one we know."""

    explanation: ExplanationPart | None
    failures: Annotated[list[FailureItem] | None, Field(description="failed attempts, newest first; ops only")] = None
