"""Documents that come in: the case, its buyer's billing data, the expert.

Shape only: types, patterns, unknown fields. What the values mean is checked by `invoicing.domain.validation` before any
money moves, so that a case that arrives already paid is never refused for its content. Amounts are strings with a dot;
JSON numbers are refused, because a binary fraction is not an amount.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
)

from invoicing.domain.tax import Prices

LANGUAGES = ("pl", "en", "fr", "ru", "ar")
"""Languages offered; any other falls back to Polish."""

CASE_ID = r"^[A-Za-z0-9_-]{1,24}$"
PARTY_ID = r"^[A-Za-z0-9_-]{1,64}$"


def offered_language(wanted: str | None) -> str:
    """The language a text will be in: the wanted one where it is offered, else Polish."""
    code = (wanted or "").strip().lower().replace("_", "-").split("-")[0]
    return code if code in LANGUAGES else "pl"


def _decimal_text(value: Any) -> Any:
    if not isinstance(value, str | Decimal):
        raise ValueError("an amount is a string with a dot")  # Pydantic turns only ValueError into a fault
    return value


def _plain(value: Decimal) -> str:
    """Normal form of a decimal: no exponent, no trailing noughts behind the dot."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimal(pattern: str) -> Any:
    return (
        BeforeValidator(_decimal_text),
        Field(pattern=pattern),
        AfterValidator(Decimal),
        PlainSerializer(lambda value: _plain(Decimal(value)), return_type=str),
    )


Price = Annotated[str, *_decimal(r"^[0-9]{1,14}(\.[0-9]{1,2})?$")]
Quantity = Annotated[str, *_decimal(r"^[0-9]{1,9}(\.[0-9]{1,6})?$")]
Percent = Annotated[str, *_decimal(r"^(100(\.0{1,2})?|[0-9]{1,2}(\.[0-9]{1,2})?)$")]
Text = Annotated[str, Field(max_length=20_000)]


class Shape(BaseModel):
    """Base of incoming documents: unknown fields are refused, values are frozen and never coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BillingData(Shape):
    """The buyer on the invoice. Every field may be missing here: what is missing is found before money moves."""

    kind: Literal["company", "person"] | None = None
    name: Text | None = None
    tax_id: Text | None = None
    street: Text | None = None
    postal_code: Text | None = None
    city: Text | None = None
    country: Text | None = None
    email: Text | None = None


class ProfileReference(Shape):
    """Billing data by reference to a saved profile of the client."""

    profile_id: Annotated[str, Field(pattern=PARTY_ID)]


def _kind_of_billing(value: Any) -> str:
    named = "profile_id" in value if isinstance(value, dict) else isinstance(value, ProfileReference)
    return "#reference" if named else "#data"


BillingInput = Annotated[
    Annotated[BillingData, Tag("#data")] | Annotated[ProfileReference, Tag("#reference")],
    Discriminator(_kind_of_billing),
]


class Client(Shape):
    """Who pays. The language chooses texts; one that is not offered falls back to Polish."""

    id: Annotated[str, Field(pattern=PARTY_ID)]
    email: Text | None = None
    language: Annotated[str, Field(max_length=35)] = "pl"


class Line(Shape):
    """One priced position; at most one kind of discount counts, both are subtracted when both are given.

    `annex_15` says that goods or services of Annex 15 of the VAT Act are sold, for which split payment may be demanded.
    """

    description: Text
    quantity: Quantity = Decimal(1)  # type: ignore[assignment]  # the validated value is a Decimal
    unit: Text = "szt."
    unit_price: Price
    discount_percent: Percent = Decimal(0)  # type: ignore[assignment]  # the validated value is a Decimal
    discount_amount: Price = Decimal(0)  # type: ignore[assignment]  # the validated value is a Decimal
    vat_rate: Text
    annex_15: bool = False


class PaymentMethod(StrEnum):
    """How the money comes."""

    AUTOPAY = "autopay"
    EXTERNAL = "external"


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("before the first or after the last year") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_moment), AfterValidator(_utc)]


class AutopayPayment(Shape):
    """The client will pay through Autopay."""

    method: Literal["autopay"] = "autopay"


class ExternalPayment(Shape):
    """The money has come another way: reference of the transfer and the time it arrived."""

    method: Literal["external"]
    reference: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9 ._:/-]+$")]
    paid_at: Moment


def _kind_of_payment(value: Any) -> str | None:
    method = value.get("method") if isinstance(value, dict) else getattr(value, "method", None)
    return f"#{method}" if isinstance(method, str) and method in set(PaymentMethod) else None


Payment = Annotated[
    Annotated[AutopayPayment, Tag("#autopay")] | Annotated[ExternalPayment, Tag("#external")],
    Discriminator(_kind_of_payment),
]


def filled_lines(value: tuple[Line, ...]) -> tuple[Line, ...]:
    """The lines of one document. Raises `ValueError` for none and for too many."""
    if not 1 <= len(value) <= 500:
        raise ValueError("1 to 500 lines")
    return value


class CaseDocument(Shape):
    """A priced case as `POST /v1/cases` takes it (SPEC section 6)."""

    case_id: Annotated[str, Field(pattern=CASE_ID)]
    expert_id: Annotated[str, Field(pattern=PARTY_ID)]
    client: Client
    billing_data: BillingInput | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "PLN"
    prices: Annotated[Prices, BeforeValidator(lambda v: Prices(v) if isinstance(v, str) else v)] = Prices.NET
    lines: Annotated[
        tuple[Line, ...],
        BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v),
        AfterValidator(filled_lines),
    ]
    payment: Payment = AutopayPayment()

    @property
    def arrives_paid(self) -> bool:
        """The money is already there, so the case starts at once."""
        return isinstance(self.payment, ExternalPayment)

    def canonical(self) -> str:
        """The document with defaults filled and decimals normalised: equal documents give equal text."""
        return self.model_dump_json()


class WfirmaKeys(Shape):
    """Keys of the expert's wFirma account; stored encrypted, never given back."""

    access_key: Annotated[str, Field(min_length=1, max_length=200)]
    secret_key: Annotated[str, Field(min_length=1, max_length=200)]
    company_id: Annotated[str, Field(max_length=40)] | None = None


class Seller(Shape):
    """What an expert says of himself, keys apart."""

    name: Text
    tax_id: Text | None = None
    street: Text | None = None
    postal_code: Text | None = None
    city: Text | None = None
    country: Text = "PL"
    email: Text | None = None
    language: Annotated[str, Field(max_length=35)] = "pl"
    bank_account: Text | None = None
    vat_status: Literal["active", "exempt"] = "active"
    exemption_basis: Text | None = None
    issuer: Literal["none", "builtin", "wfirma"]
    invoice_series: Annotated[str, Field(max_length=60)] | None = None
    ksef: Literal["outside", "required"] = "outside"
    colour: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")] | None = None


class ExpertDocument(Seller):
    """The expert: seller on the invoice, how invoices come into being, and their series (SPEC section 6)."""

    wfirma: WfirmaKeys | None = None
