"""A wired application on a real SQLite file, its callers, and gateway messages signed by this file's own hashing."""

import base64
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from examples import documents
from examples.documents import case_document
from invoicing.bootstrap import Application, application, utc_now
from invoicing.domain.payments import Attempt, AttemptState
from invoicing.domain.records import CaseFacts
from invoicing.domain.state import CaseState
from invoicing.ports import Clock
from invoicing.settings import load
from invoicing.web.app import create_app
from invoicing.web.parts import WebParts, parts_of

SERVICE, KEY = "100001", "integration-key"
CASE = documents.CASE_ID
GROSS = Decimal("398.52")

DOCUMENT: dict[str, Any] = case_document()
EXPERT: dict[str, Any] = dict(documents.EXPERT)

EXTERNAL = {"method": "external", "reference": "P-1", "paid_at": "2026-11-22T10:00:00Z"}


def a_case(**changes: Any) -> dict[str, Any]:
    """The case of the specification with other values."""
    return case_document(**changes)


@dataclass(frozen=True)
class Stage:
    """What a test works with."""

    http: httpx.AsyncClient
    app: Application
    parts: WebParts

    def token(self, role: str, **more: Any) -> dict[str, str]:
        """The header of a caller."""
        return {"Authorization": f"Bearer {self.app.tokens.issue(role, utc_now(), **more)}"}

    async def send(
        self, method: str, path: str, role: str = "service", *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """One request of a caller."""
        return await self.http.request(method, path, headers={**self.token(role), **(headers or {})}, **more)

    async def recorded(self, **changes: Any) -> dict[str, Any]:
        """A case and its expert, recorded through the API; the case's state record."""
        expert = await self.send("PUT", "/v1/experts/exp-1", json=EXPERT)
        assert expert.status_code == 200, expert.text
        case = await self.send("POST", "/v1/cases", json=a_case(**changes))
        assert case.status_code == 201, case.text
        found: dict[str, Any] = case.json()
        return found

    async def opened(self, attempt: int = 1, **changes: Any) -> Attempt:
        """An open attempt of the case, as the charge step leaves it."""
        row = Attempt(
            **{
                "case_id": CASE,
                "attempt": attempt,
                "order_id": f"{CASE}-{attempt}",
                "service_id": SERVICE,
                "amount": GROSS,
                "currency": "PLN",
                "state": AttemptState.OPEN,
                "sent_at": utc_now(),
                "valid_until": utc_now() + timedelta(days=3),
                "remote_id": "9ABC000001",
                "redirect_url": "https://pay.example/continue/1",
                **changes,
            }
        )
        async with self.app.store.transaction() as db:
            await db.save_attempt(row)
        return row

    async def facts(self, case_id: str = CASE) -> CaseFacts:
        """What the database says of the case."""
        async with self.app.store.reading() as db:
            return await db.facts(case_id)

    async def state(self, **changes: Any) -> CaseState:
        """Put the state record into another state."""
        async with self.app.store.transaction() as db:
            state = (await db.facts(CASE)).state
            return await db.save(state.model_copy(update=changes))


def settings(folder: Path, **changes: str | None) -> dict[str, str]:
    """Variables of an application below a folder."""
    values: dict[str, str | None] = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'paidcase.db'}",
        "DOCUMENTS_URL": str(folder / "documents"),
        "AUTH_SECRET": "a-secret-of-the-tests",
        "AUTOPAY_BASE_URL": "http://127.0.0.1:9",
        "AUTOPAY_SERVICE_ID": SERVICE,
        "AUTOPAY_SHARED_KEY": KEY,
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


@asynccontextmanager
async def staged(env: Mapping[str, str], clock: Clock = utc_now, **more: Any) -> AsyncIterator[Stage]:
    """The application of these settings behind an HTTP client; no Temporal is there."""
    async with application(load(env, for_api=True), clock) as app:
        parts = parts_of(app, None, **{"redirect_within": timedelta(0), **more})
        transport = httpx.ASGITransport(create_app(parts))
        async with httpx.AsyncClient(transport=transport, base_url="http://paidcase.test") as http:
            yield Stage(http, app, parts)


# --- the gateway's side, written from the protocol ---------------------------------------------------------------


def signature(*values: str) -> str:
    """SHA-256 over the values that are there and the key, joined by `|`."""
    return hashlib.sha256("|".join([*(value for value in values if value), KEY]).encode()).hexdigest()


def itn(
    order_id: str = f"{CASE}-1",
    *,
    remote_id: str = "9ABC000001",
    amount: str = "398.52",
    currency: str = "PLN",
    status: str = "SUCCESS",
    service_id: str = SERVICE,
    hashed: str | None = None,
) -> str:
    """One message, Base64 of signed XML."""
    fields = {
        "orderID": order_id,
        "remoteID": remote_id,
        "amount": amount,
        "currency": currency,
        "gatewayID": "106",
        "paymentDate": f"{datetime(2026, 11, 22, 11, tzinfo=UTC):%Y%m%d%H%M%S}",
        "paymentStatus": status,
    }
    leaves = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    told = hashed or signature(service_id, *fields.values())
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><transactionList><serviceID>{service_id}</serviceID>'
        f"<transactions><transaction>{leaves}</transaction></transactions><hash>{told}</hash></transactionList>"
    )
    return base64.b64encode(document.encode()).decode()


def confirmation(order_id: str, verdict: str) -> str:
    """The answer that the gateway expects, byte for byte."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<confirmationList><serviceID>{SERVICE}</serviceID><transactionsConfirmations><transactionConfirmed>"
        f"<orderID>{order_id}</orderID><confirmation>{verdict}</confirmation></transactionConfirmed>"
        f"</transactionsConfirmations><hash>{signature(SERVICE, order_id, verdict)}</hash></confirmationList>"
    )
