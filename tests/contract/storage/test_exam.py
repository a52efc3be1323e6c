"""The storage port's exam on SQLite and PostgreSQL, and proof that it catches stores that break a promise."""

import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Row, select, update

from invoicing.domain.cases import CaseDocument
from invoicing.domain.invoices import Invoice
from invoicing.domain.records import Alert, Capture, CaseFacts, LogEntry, OutboxMessage
from invoicing.domain.state import CaseState
from invoicing.errors import PaidcaseError
from invoicing.ports import CaseStore, Recorded, UnitOfWork
from invoicing.storage import tables
from invoicing.storage.cases import FACTS, facts_of
from invoicing.storage.store import SqlCaseStore, SqlLists, SqlUnitOfWork
from tests.contract.storage import exam_cases, exam_money, exam_queue, exam_records, samples
from tests.contract.storage.samples import OpenStore

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # wrong values are meant
Exam = Callable[[OpenStore], Awaitable[None]]


def _exams(*modules: ModuleType) -> list[Exam]:
    return [
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if function.__module__ == module.__name__ and [*inspect.signature(function).parameters] == ["open_store"]
    ]


_sequence = itertools.count(1)
EXAMS = _exams(exam_cases, exam_money, exam_queue, exam_records)


@pytest.mark.parametrize("exam", EXAMS, ids=lambda exam: str(exam.__name__))
async def test_store_passes(exam: Exam, database_url: str) -> None:
    await exam(lambda: SqlCaseStore(database_url))


class IgnoresVersion(SqlUnitOfWork):
    async def save(self, state: CaseState) -> CaseState:
        saved = state.model_copy(update={"version": state.version + 1})
        row = tables.cases.c.case_id == state.case_id
        await self._write(update(tables.cases).where(row).values(**self._columns_of(saved)))
        return saved


class ReadsFactsOnce(SqlUnitOfWork):
    """Believes the first snapshot, which on PostgreSQL may be older than the row it waited for."""

    async def facts(self, case_id: str) -> CaseFacts:
        locking = FACTS.with_for_update(key_share=True, of=tables.cases)
        return facts_of((await self._read(locking, {"id": case_id}))[0])


class CountsOutsideTheTransaction(SqlUnitOfWork):
    """A sequence: what was taken stays taken when the invoice is rolled back."""

    async def take_number(self, series: str, period: str) -> int:
        await self._read(select(1))
        return next(_sequence)


class ReplacesDocument(SqlUnitOfWork):
    async def record_case(self, document: CaseDocument, state: CaseState, now: datetime) -> Recorded:
        found = await super().record_case(document, state, now)
        return Recorded.SAME if found is Recorded.CONFLICT else found


class KeepsEveryPayment(SqlUnitOfWork):
    async def add_capture(self, capture: Capture) -> bool:
        if any(kept.kept for kept in await self.captures(capture.case_id)):
            capture = capture.model_copy(update={"kept": False})
        return await super().add_capture(capture)


class ForgetsDuplicateInvoice(SqlUnitOfWork):
    async def add_invoice(self, invoice: Invoice, series: str, period: str, ordinal: int) -> None:
        if await self.invoice(invoice.case_id) is None:
            await super().add_invoice(invoice, series, period, ordinal)


class LogsNewestFirst(SqlUnitOfWork):
    async def log(self, *entries: LogEntry) -> None:
        await super().log(*entries[::-1])


class OpensAlertsTwice(SqlUnitOfWork):
    async def open_alert(self, alert: Alert) -> bool:
        await super().open_alert(alert)
        return True


class AcceptsTwice(SqlUnitOfWork):
    async def enqueue(self, message: OutboxMessage, now: datetime) -> bool:
        await super().enqueue(message, now)
        return True


class IgnoresLeases(SqlLists):
    async def claim(self, queue: Any, worker: str, now: datetime, lease: timedelta, limit: int) -> Sequence[Row[Any]]:
        return await super().claim(queue, worker, now, timedelta(0), limit)


class LooksWithoutClaiming(SqlLists):
    async def claim(self, queue: Any, worker: str, now: datetime, lease: timedelta, limit: int) -> Sequence[Row[Any]]:
        waiting = tables.outbox.c.delivered_at.is_(None)
        rows = await self._read(select(tables.outbox).where(waiting).order_by(tables.outbox.c.id).limit(limit))
        return [*rows]


class ReleasesAtOnce(SqlLists):
    async def release(self, queue: Any, ids: Sequence[int], retry_at: datetime) -> None:
        await super().release(queue, ids, retry_at - timedelta(days=1))


class CommitsAlways(SqlCaseStore):
    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlUnitOfWork]:
        failed: Exception | None = None
        async with super().transaction() as work:
            try:
                yield work
            except Exception as error:  # the sabotage: what was written stays
                failed = error
        if failed is not None:
            raise failed


def _store(work: type[SqlUnitOfWork] = SqlUnitOfWork, lists: type[SqlLists] = SqlLists) -> type[SqlCaseStore]:
    name = (work if lists is SqlLists else lists).__name__
    return type(name, (SqlCaseStore,), {"work": work, "lists": lists})


SABOTAGE: list[tuple[type[SqlCaseStore], Exam]] = [
    (_store(IgnoresVersion), exam_cases.saving_a_record_that_was_written_meanwhile_is_a_conflict),
    (_store(IgnoresVersion), exam_cases.of_concurrent_savers_one_wins),
    (_store(ReplacesDocument), exam_cases.the_same_document_again_is_same_and_another_is_conflict),
    (CommitsAlways, exam_cases.a_transaction_that_raises_leaves_nothing),
    (CommitsAlways, exam_queue.a_rolled_back_acceptance_is_not_delivered),
    (_store(CountsOutsideTheTransaction), exam_money.numbers_have_no_gap_with_many_writers_and_rollbacks),
    (_store(KeepsEveryPayment), exam_money.a_case_keeps_one_payment),
    (_store(ForgetsDuplicateInvoice), exam_money.a_second_invoice_number_or_ordinal_is_refused),
    (_store(LogsNewestFirst), exam_records.the_timeline_tells_in_order_what_was_logged),
    (_store(OpensAlertsTwice), exam_records.an_alert_is_open_once_and_opens_again_after_it_was_closed),
    (_store(AcceptsTwice), exam_queue.the_same_is_accepted_once_even_after_delivery),
    (_store(lists=IgnoresLeases), exam_queue.a_claimed_row_is_nobody_elses_until_its_lease_lapses),
    (_store(lists=LooksWithoutClaiming), exam_queue.workers_never_claim_the_same_row),
    (_store(lists=ReleasesAtOnce), exam_queue.delivered_rows_are_gone_and_released_ones_wait),
]


@pytest.mark.parametrize(("sabotaged", "exam"), SABOTAGE, ids=lambda value: str(value.__name__))
async def test_exam_catches(sabotaged: type[SqlCaseStore], exam: Exam, database_url: str) -> None:
    with pytest.raises((AssertionError, PaidcaseError)):
        await exam(lambda: sabotaged(database_url))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_exam_catches_facts_of_two_snapshots(database_url: str) -> None:
    with pytest.raises(AssertionError, match="a revision and no data"):
        await exam_cases.facts_read_while_billing_data_change_hold_together(
            lambda: _store(ReadsFactsOnce)(database_url)
        )


def test_exam_asks_for_every_method_of_the_ports() -> None:
    """A method that no exam calls is promised by nobody."""
    text = "".join(inspect.getsource(m) for m in (exam_cases, exam_money, exam_queue, exam_records))
    text += inspect.getsource(samples)
    methods = {name for port in (CaseStore, UnitOfWork) for name in vars(port) if not name.startswith("_")}
    assert len(methods) > 40
    assert [name for name in sorted(methods) if f".{name}" not in text and f'"{name}"' not in text] == []
