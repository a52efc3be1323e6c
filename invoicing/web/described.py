"""What answers look like, for the OpenAPI document; tests hold the real answers to these models."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from invoicing.domain.cases import BillingInput, Shape


class Described(BaseModel):
    """Base of described answers."""

    model_config = ConfigDict(extra="forbid")


class CaseStatusPart(Described):
    """`in_analysis` or `in_preparation`."""

    code: str
    label: str


class PaymentPart(Described):
    """Status `none`, `open`, `failed` or `completed`; amounts are strings with a dot."""

    status: str
    label: str | None
    amount: str | None
    currency: str
    remote_id: str | None
    paid_at: datetime | None


class InvoicePart(Described):
    """Status `none`, `resume_payment`, `pay_again`, `generating`, `available`, `manual` or `failed`."""

    status: str
    cell: str | None
    number: str | None
    issued_on: date | None
    attempts: int
    reason: str | None
    sha256: str | None


class TotalsPart(Described):
    """Totals of the case; missing while a VAT rate is not one we know."""

    net: str
    vat: str
    gross: str


class ParkedPart(Described):
    """What waits for a person, why, and what he may do."""

    step: str
    cause: str
    code: str
    attempts: int
    message: str
    docs: Annotated[str, Field(description="where the code is explained, from the root of the repository")]
    money: Annotated[str, Field(description="what was and was not done to the money")]
    documents: Annotated[str, Field(description="what was and was not done to the invoice")]
    actions: list[str]


class StateRecord(Described):
    """The state of a case, labels in the language of the answer."""

    case_id: str
    workflow_id: str
    version: int
    case_status: CaseStatusPart
    payment: PaymentPart
    invoice: InvoicePart
    totals: TotalsPart | None
    badges: list[str]
    parked: ParkedPart | None
    actions: list[str]


class PaymentAnswer(StateRecord):
    """The state record and where to send the payer; null while that is not known, and after a refusal."""

    redirect_url: str | None


class TimelineItem(Described):
    """One thing that happened; a failure has a message. The last five fields are shown to services and ops only."""

    at: datetime
    event: str
    label: str
    step: str | None
    attempt: int | None
    message: str | None = None
    docs: str | None = None
    process: str | None = None
    cause: str | None = None
    code: str | None = None
    actor: str | None = None
    details: dict[str, str] | None = None


class Timeline(Described):
    """What happened to a case, oldest first."""

    items: list[TimelineItem]
    next_cursor: str | None


class AlertItem(Described):
    """Something ops must see."""

    id: str
    key: str
    case_id: str | None
    step: str | None
    cause: str
    code: str
    message: str | None
    docs: str
    details: dict[str, str]
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    closed_at: datetime | None


class FailureItem(Described):
    """One failed attempt of one step, and what it left done and undone."""

    case_id: str
    at: datetime | None
    process: str
    step: str | None
    attempt: int
    cause: str
    code: str
    answer: Annotated[str, Field(description="`not_asked`, `refused`, `unreachable`, `later` or `lost`")]
    outcome: Annotated[str, Field(description="`known`, or `unknown` until it is looked up")]
    money: str | None
    documents: str | None
    ended: Annotated[bool, Field(description="not tried again by itself")]
    faults: list[dict[str, str]]
    message: str
    docs: str


class Alerts(Described):
    """Alerts, newest first."""

    items: list[AlertItem]
    next_cursor: str | None


class WfirmaAnswer(Described):
    """The keys themselves are never given back."""

    company_id: str | None


class ExpertAnswer(Described):
    """The expert as stored."""

    expert_id: str
    name: str
    tax_id: str | None
    street: str | None
    postal_code: str | None
    city: str | None
    country: str
    email: str | None
    language: str
    bank_account: str | None
    vat_status: str
    exemption_basis: str | None
    issuer: str
    invoice_series: str | None
    ksef: str
    wfirma: WfirmaAnswer | None
    colour: str | None
    checked: Annotated[
        bool | None,
        Field(description="whether wFirma has just proved keys, rights and series; false: it could not be asked"),
    ]


class FaultItem(Described):
    """One fault of the input: the field's path and a code."""

    field: str
    code: str
    message: str


class ProblemDocument(Described):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    reason: Annotated[
        str | None, Field(description="which of the refusals of this code it is, where there are several")
    ] = None
    docs: Annotated[str, Field(description="where the code is explained, from the root of the repository")]
    errors: Annotated[list[FaultItem] | None, Field(description="every fault at once, for bad input")] = None


class Alive(Described):
    """The process answers."""

    status: str


class Readiness(Described):
    """Whether requests can be served, and the state of each dependency."""

    ready: bool
    dependencies: dict[str, dict[str, Any]]


class PaymentRequestBody(Shape):
    """A wish to pay. Billing data given here become the newest revision of the case."""

    billing_data: BillingInput | None = None
    save: Annotated[bool, Field(description="keep the billing data given as a profile of the client too")] = True
