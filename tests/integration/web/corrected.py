"""What tests of corrections and documents have in common: an invoiced case, wishes, their activities, the list."""

import io
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
from pypdf import PdfReader
from temporalio.testing import ActivityEnvironment

from activities.corrections import CorrectionActivities, CorrectionInput
from activities.invoices import GenerateInput
from invoicing.bootstrap import utc_now
from invoicing.documents.builtin import BuiltinIssuer
from invoicing.documents.pdf.assets import Renderer
from invoicing.domain.invoices import Invoice
from invoicing.domain.state import PaymentState, PaymentStatus
from invoicing.web.described_papers import DocumentList
from tests.integration.web.stage import CASE, DOCUMENT, Stage

LINE = DOCUMENT["lines"][0]
CHEAPER = {"reason": "po reklamacji", "lines": [{**LINE, "unit_price": "200.00"}]}
BUYER = {**DOCUMENT["billing_data"], "name": "Nowy Nabywca S.A.", "street": "Nowa 7"}
PAID = PaymentState(
    status=PaymentStatus.COMPLETED, attempt=1, remote_id="9ABC", paid_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
    reference="9ABC",
)  # fmt: skip
PATH = f"/v1/cases/{CASE}/invoice/correction"
EXPERT = "expert:exp-1"


async def act(stage: Stage, name: str, argument: Any) -> Any:
    """Run one of the application's activities."""
    named: Mapping[str, Callable[..., Any]] = {each.__name__: each for each in stage.app.activities}
    return await ActivityEnvironment().run(named[name], argument)


async def invoiced(stage: Stage, **changes: Any) -> None:
    """The paid case with its invoice."""
    await stage.recorded(**changes)
    await stage.state(payment=PAID)
    await act(stage, "generate_invoice", GenerateInput(case_id=CASE))


async def became(stage: Stage, **changes: Any) -> None:
    """The expert as he is now."""
    async with stage.app.store.transaction() as db:
        expert = await db.expert("exp-1")
        assert expert is not None
        await db.save_expert("exp-1", expert.model_copy(update=changes), utc_now())


async def wish(stage: Stage, body: Any, role: str = EXPERT, headers: Mapping[str, str] | None = None) -> httpx.Response:
    return await stage.send("POST", PATH, role, json=body, headers=headers)


async def corrected(stage: Stage, body: Any, number: int = 1) -> str:
    """Decide and carry out; the correction's number."""
    answer = await wish(stage, body)
    assert answer.status_code == 200, answer.text
    told = await act(stage, "correct_invoice", CorrectionInput(case_id=CASE, number=number))
    assert told.number is not None
    return str(told.number)


async def listed(stage: Stage, role: str = "client:cli-7", language: str = "pl") -> list[dict[str, Any]]:
    answer = await stage.send("GET", f"/v1/cases/{CASE}/documents", role, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    DocumentList.model_validate(answer.json())
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def facts_of_all(stage: Stage) -> list[Invoice]:
    async with stage.app.store.reading() as db:
        return [stored.invoice for stored in await db.invoices(CASE)]


def words(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def with_issuer(stage: Stage, drawn: Renderer, rates: Any = None) -> CorrectionActivities:
    """The activity as another process has it."""
    app = stage.app
    issuer = BuiltinIssuer(app.store, app.documents, drawn, utc_now, rates)
    return CorrectionActivities(app.store, app.documents, {"builtin": issuer}, utc_now)
