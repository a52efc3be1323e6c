"""Externally paid cases in a database of the bench's own, stored without being asked to start.

What starts them is part of each measure, so nothing is left in the outbox here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from examples.documents import EXPERT, case_document
from invoicing.bootstrap import Application
from invoicing.domain.cases import CaseDocument, ExpertDocument
from invoicing.domain.state import CaseState
from invoicing.domain.validation import case_totals

EXPERT_ID = "exp-1"
PAID_AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def environment(folder: Path, address: str, smtp_port: int) -> dict[str, str]:
    """Variables of a worker with SQLite and documents in the folder; everything else is the product's default."""
    return {
        "TEMPORAL_ADDRESS": address,
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/bench.db",
        "DOCUMENTS_URL": str(folder / "documents"),
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "SMTP_SECURITY": "none",
        "MAIL_FROM": "faktury@example.com",
    }


def expert() -> ExpertDocument:
    """The seller of every case."""
    return ExpertDocument.model_validate(EXPERT)


def raw_document(case_id: str) -> dict[str, object]:
    """The specification's case document, paid another way."""
    payment = {"method": "external", "reference": f"T-{case_id}", "paid_at": PAID_AT.isoformat()}
    return case_document(case_id=case_id, expert_id=EXPERT_ID, payment=payment)


def document(case_id: str) -> CaseDocument:
    """The same, read."""
    return CaseDocument.model_validate(raw_document(case_id))


async def store(app: Application, case_ids: Iterable[str]) -> None:
    """Record the cases in one transaction, without asking for a start."""
    now = app.clock() - timedelta(seconds=1)
    async with app.store.transaction() as db:
        for case_id in case_ids:
            case = document(case_id)
            totals = case_totals(case)
            assert totals is not None
            state = CaseState(
                case_id=case_id, currency=case.currency, net=totals.net, vat=totals.vat, gross=totals.gross
            )
            await db.record_case(case, state, now)


def overlaid(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The same variables with a database and documents in another folder."""
    folder.mkdir(parents=True, exist_ok=True)
    database = {"DATABASE_URL": f"sqlite+aiosqlite:///{folder}/bench.db", "DOCUMENTS_URL": str(folder / "documents")}
    return {**env, **database}
