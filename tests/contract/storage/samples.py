"""Documents and records the exam stores."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from examples.documents import EXPERT, case_document
from invoicing.domain.cases import CaseDocument, ExpertDocument
from invoicing.domain.invoices import Invoice, InvoiceLine, Party, RateRow
from invoicing.domain.payments import Attempt, AttemptState
from invoicing.domain.records import Capture
from invoicing.domain.state import CaseState
from invoicing.domain.tax import Prices, VatRate
from invoicing.ports import CaseStore

NOW = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SERVICE = "100001"

OpenStore = Callable[[], CaseStore]
"""Opens the database under examination once more, as another process would."""


E = TypeVar("E", bound=Exception)


async def fault_of(call: Awaitable[object], expected: type[E]) -> E:
    """The error a call must raise."""
    try:
        await call
    except expected as fault:
        return fault
    raise AssertionError(f"{expected.__name__} was not raised")


@asynccontextmanager
async def opened(open_store: OpenStore) -> AsyncIterator[CaseStore]:
    """A store that is closed at the end."""
    store = open_store()
    try:
        yield store
    finally:
        await store.close()


def document(case_id: str = "2026-000123", **changes: Any) -> CaseDocument:
    """The case of the specification."""
    return CaseDocument.model_validate(case_document(**{"case_id": case_id, **changes}))


def state(case_id: str = "2026-000123") -> CaseState:
    """The state record of a new case."""
    sums = {"net": Decimal("324.00"), "vat": Decimal("74.52"), "gross": Decimal("398.52")}
    return CaseState(case_id=case_id, currency="PLN", **sums)


def expert(**changes: Any) -> ExpertDocument:
    """The expert of the specification."""
    return ExpertDocument.model_validate({**EXPERT, **changes})


def attempt(case_id: str = "2026-000123", number: int = 1, **changes: Any) -> Attempt:
    """A payment attempt that was prepared."""
    fields = {
        "case_id": case_id,
        "attempt": number,
        "order_id": f"{case_id}-{number}",
        "service_id": SERVICE,
        "amount": Decimal("398.52"),
        "currency": "PLN",
        "state": AttemptState.PREPARED,
    }
    return Attempt.model_validate({**fields, **changes})


def capture(remote_id: str = "9ABC", case_id: str = "2026-000123", **changes: Any) -> Capture:
    """Money that came and is kept."""
    fields = {
        "service_id": SERVICE,
        "remote_id": remote_id,
        "case_id": case_id,
        "order_id": f"{case_id}-1",
        "amount": Decimal("398.52"),
        "currency": "PLN",
        "kept": True,
        "captured_at": NOW,
        "via": "itn",
    }
    return Capture.model_validate({**fields, **changes})


def invoice(number: str = "FV/1/11/2026", case_id: str = "2026-000123", **changes: Any) -> Invoice:
    """An invoice as a stored fact."""
    fields = {
        "case_id": case_id,
        "number": number,
        "issued_on": date(2026, 11, 22),
        "sold_on": date(2026, 11, 22),
        "paid_on": date(2026, 11, 22),
        "payment_reference": "9ABC",
        "payment_method": "autopay",
        "currency": "PLN",
        "prices": Prices.NET,
        "seller": Party(name="Jan Przykładowy", tax_id="1234563218", street="Prosta 1", city="Warszawa", country="PL"),
        "buyer": Party(name="Przykład sp. z o.o.", street="Jasna 6/3", city="Warszawa", country="PL"),
        "buyer_is_company": True,
        "lines": (
            InvoiceLine(
                description="Konsultacja prawna",
                quantity=Decimal("1.5"),
                unit="godz.",
                unit_price=Decimal("240.00"),
                vat_rate=VatRate.STANDARD,
                value=Decimal("324.00"),
            ),
        ),
        "rates": (
            RateRow(rate=VatRate.STANDARD, net=Decimal("324.00"), vat=Decimal("74.52"), gross=Decimal("398.52")),
        ),
        "net": Decimal("324.00"),
        "vat": Decimal("74.52"),
        "gross": Decimal("398.52"),
    }
    return Invoice.model_validate({**fields, **changes})


async def recorded(store: CaseStore, *case_ids: str) -> None:
    """Record cases, one a minute."""
    for index, case_id in enumerate(case_ids or ("2026-000123",)):
        async with store.transaction() as work:
            await work.record_case(document(case_id), state(case_id), NOW + index * MINUTE)
