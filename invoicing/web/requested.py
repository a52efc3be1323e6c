"""Bodies that callers send with their decisions. Shape only; whether a decision makes sense is judged elsewhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from invoicing.domain.cases import CASE_ID, Moment, Price, Shape, Text
from invoicing.domain.parties import has_bad_characters

MOST_AT_ONCE = 1000
"""Cases of one request."""


def _printable(value: str) -> str:
    if has_bad_characters(value):
        raise ValueError("a character that cannot be printed")  # Pydantic turns only ValueError into a fault
    return value


def _filled(value: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(value) <= MOST_AT_ONCE:
        raise ValueError("too few or too many")
    return value


class EmptyBody(Shape):
    """Nothing more needs to be said; the body may be missing."""


class ExternalPaymentBody(Shape):
    """Reference of the transfer, when it arrived, and how much, which must be the total of the case."""

    reference: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9 ._:/-]+$")]
    paid_at: Moment
    amount: Price


class RefundBody(Shape):
    """How much goes back, all that is left when no amount is given, and why.

    Of the kept payment, or of the one that `remote_id` names: such as a second one whose own refund has failed.
    """

    amount: Price | None = None
    reason: Annotated[str, Field(max_length=500), AfterValidator(_printable)]
    remote_id: Annotated[str, Field(pattern="^[A-Za-z0-9]{1,20}$")] | None = None


class ResendBody(Shape):
    """Where the document goes; to the address of the billing data when none is given."""

    email: Text | None = None


class RegenerateBody(Shape):
    """Cases whose failed tasks of a kind are tried again."""

    case_ids: Annotated[
        tuple[Annotated[str, Field(pattern=CASE_ID)], ...],
        BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
        AfterValidator(_filled),
    ]
    kind: Annotated[
        Literal["invoice", "email", "refund", "notification"],
        Field(description="invoices again, mails again, refunds again, mails to experts again"),
    ] = "invoice"
