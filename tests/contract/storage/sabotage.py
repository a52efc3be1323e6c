"""Stores that break one promise each, and the exam that must catch it."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from invoicing.domain.brownouts import Gate, Hold, Outage
from invoicing.domain.cases import CaseDocument
from invoicing.domain.decisions import Decided, DecisionKind
from invoicing.domain.invoices import Invoice
from invoicing.domain.metrics import Count, Figures, Told
from invoicing.domain.profiles import BillingProfile
from invoicing.domain.records import (
    Alert,
    ArchivedDocument,
    Capture,
    CaseFacts,
    CaseQuery,
    Delivery,
    LogEntry,
    OutboxMessage,
    StoredAlert,
)
from invoicing.domain.state import CaseState
from invoicing.ports import Recorded
from invoicing.storage import tables
from invoicing.storage.cases import FACTS, facts_of
from invoicing.storage.store import SqlCaseStore, SqlLists, SqlUnitOfWork
from invoicing.storage.work import Statements
from tests.contract.storage import (
    exam_brownouts,
    exam_case_lists,
    exam_cases,
    exam_decisions,
    exam_lists,
    exam_metrics,
    exam_money,
    exam_notes,
    exam_profiles,
    exam_queue,
    exam_rearming,
    exam_records,
    exam_runs,
)
from tests.contract.storage.samples import OpenStore

Exam = Callable[[OpenStore], Awaitable[None]]
_sequence = itertools.count(1)


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

    async def take_number(self, series: str, period: str, at_least: int = 1) -> int:
        await self._read(select(1))
        return next(_sequence)


class SeesNumbersOfOneSeries(SqlUnitOfWork):
    """Knows nothing of what another template has numbered."""

    async def used_numbers(self, seller_tax_id: str, numbers: Sequence[str]) -> frozenset[str]:
        await super().used_numbers(seller_tax_id, numbers)
        return frozenset()


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


class DefaultsWithoutDemoting(SqlUnitOfWork):
    """Only the first profile that says so is the default."""

    async def save_profile(self, profile: BillingProfile) -> None:
        others = [one for one in await self.profiles(profile.client_id) if one.profile_id != profile.profile_id]
        taken = any(one.is_default for one in others)
        await super().save_profile(replace(profile, is_default=profile.is_default and not taken))


class SharesProfiles(SqlUnitOfWork):
    async def profile(self, client_id: str, profile_id: str) -> BillingProfile | None:
        named = tables.billing_profiles.c.profile_id == profile_id
        rows = await self._read(select(tables.billing_profiles.c.client_id).where(named))
        return await super().profile(rows[0].client_id, profile_id) if rows else None


class ClaimsAgain(SqlUnitOfWork):
    """Never says that another request is under way."""

    async def claim_issue(self, case_id: str, sequence: int, now: datetime, unless_after: datetime) -> bool:
        await super().claim_issue(case_id, sequence, now, now)
        return True


class ReleasesAnyNote(SqlUnitOfWork):
    async def release_issue(self, case_id: str, sequence: int, claimed_at: datetime) -> None:
        last = await self.issue_sent(case_id, sequence)
        await super().release_issue(case_id, sequence, last or claimed_at)


class NotesEveryLogin(SqlUnitOfWork):
    async def login_accepted(self, expert_id: str, now: datetime, unless_after: datetime) -> bool:
        return await super().login_accepted(expert_id, now, now)


class LocksNoGate(SqlUnitOfWork):
    async def lock_gate(self, issuer: str) -> Gate:
        return await self.gate(issuer)


class MeetsEveryOutage(SqlUnitOfWork):
    """Never forgets."""

    async def add_outage(self, issuer: str, outage: Outage, forget_until: datetime) -> tuple[Outage, ...]:
        return await super().add_outage(issuer, outage, forget_until - timedelta(days=1))


class CountsOutagesOfAll(SqlUnitOfWork):
    """One gate for all issuers."""

    async def add_outage(self, issuer: str, outage: Outage, forget_until: datetime) -> tuple[Outage, ...]:
        return await super().add_outage("wfirma", outage, forget_until)


class LetsTheYoungestGoFirst(SqlUnitOfWork):
    async def holds(self, issuer: str) -> Sequence[Hold]:
        return [*await super().holds(issuer)][::-1]


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


class NumbersFromASequence(SqlUnitOfWork):
    """What was taken stays taken when the decision is rolled back."""

    async def _numbered(self, statements: Statements, row: Mapping[str, Any]) -> int | None:
        number = next(_sequence)
        await self._write(insert(tables.decisions), {**row, "number": number})
        return number


class NumbersWithoutLock(SqlUnitOfWork):
    """Believes the highest number of a snapshot that another writer is about to outdate."""

    async def _numbered(self, statements: Statements, row: Mapping[str, Any]) -> int | None:
        result = await self._write(statements[self._dialect], {**row, "of": row["case_id"]})
        number: int | None = result.scalar_one_or_none()
        return number


class DecidesEveryTime(SqlUnitOfWork):
    async def decide(
        self, case_id: str, kind: DecisionKind, key: str, actor: str, body: Mapping[str, str], now: datetime
    ) -> tuple[Decided, bool]:
        made, new = await super().decide(case_id, kind, f"{key}/{next(_sequence)}", actor, body, now)
        return made.model_copy(update={"key": key}), new


class TakesKeysOfOtherCases(SqlUnitOfWork):
    async def decide(
        self, case_id: str, kind: DecisionKind, key: str, actor: str, body: Mapping[str, str], now: datetime
    ) -> tuple[Decided, bool]:
        known = select(tables.decisions.c.case_id).where(tables.decisions.c.key == key)
        for row in await self._read(known):
            case_id = row.case_id
        return await super().decide(case_id, kind, key, actor, body, now)


class ArchivesEveryTime(SqlUnitOfWork):
    async def archive(self, document: ArchivedDocument) -> int:
        return await super().archive(document.model_copy(update={"sha256": f"{document.sha256}{next(_sequence)}"}))


class MovesMailsUp(SqlUnitOfWork):
    """A new row for every change: the mail jumps to the top of the log."""

    async def save_delivery(self, delivery: Delivery) -> None:
        await self._write(delete(tables.deliveries).where(tables.deliveries.c.message_id == delivery.message_id))
        await super().save_delivery(delivery)


class ComparesArrivalAlone(SqlLists):
    """Cases of one batch that did not fit on the page are never seen."""

    def _behind(self, last: Row[Any]) -> ColumnElement[bool]:
        condition: ColumnElement[bool] = tables.cases.c.arrived_at < last.arrived_at
        return condition


class CountsRows(SqlLists):
    """An offset: what arrives meanwhile pushes rows onto the next page once more."""

    served = 0

    async def payments(self, query: CaseQuery) -> tuple[CaseFacts, ...]:
        begin = 0 if query.cursor is None else CountsRows.served
        whole = await super().payments(query.model_copy(update={"cursor": None, "limit": 1000}))
        CountsRows.served = begin + query.limit
        return whole[begin : begin + query.limit]


class ReadsNoticesOfOthers(SqlLists):
    async def read_notice(self, expert_id: str, notice_id: int, now: datetime) -> bool:
        owner = select(tables.notices.c.expert_id).where(tables.notices.c.id == min(notice_id, 2**63 - 1))
        rows = await self._read(owner)
        return await super().read_notice(rows[0].expert_id if rows else expert_id, notice_id, now)


class NamesTheLastToAcknowledge(SqlLists):
    async def acknowledge(self, alert_id: int, actor: str, now: datetime) -> StoredAlert:
        await self._write(update(tables.alerts).values(acknowledged_at=None))
        return await super().acknowledge(alert_id, actor, now)


class LooksAtRepeatedAlertsAnew(SqlUnitOfWork):
    async def open_alert(self, alert: Alert) -> bool:
        opened = await super().open_alert(alert)
        await self._write(update(tables.alerts).where(tables.alerts.c.key == alert.key).values(acknowledged_at=None))
        return opened


class EndsWhatWaitsByLooking(SqlLists):
    async def acknowledge(self, alert_id: int, actor: str, now: datetime) -> StoredAlert:
        seen = await super().acknowledge(alert_id, actor, now)
        await self._write(update(tables.alerts).where(tables.alerts.c.id == seen.id).values(closed_at=now))
        return seen


class CountsClosedAlerts(SqlLists):
    async def figures(self, seen_since: datetime) -> Figures:
        found = await super().figures(seen_since)
        rows = await self._read(select(tables.alerts.c.cause, tables.alerts.c.code))
        return found.model_copy(update={"alerts": tuple(Count(values=(*row, "no"), rows=1) for row in rows)})


class TellsUnsettledLines(SqlLists):
    async def told(self, after: int | None, before: datetime) -> Told:
        return await super().told(after, before + timedelta(days=1))


class WaitsForTheRelayOfAnybody(SqlUnitOfWork):
    async def is_awaiting_delivery(self, case_id: str) -> bool:
        return bool(await self._read(select(tables.outbox.c.id).where(tables.outbox.c.delivered_at.is_(None))))


class HandsEverythingOverAgain(SqlLists):
    async def rearm_open(self, now: datetime, since: datetime) -> Mapping[str, int]:
        told = await super().rearm_open(now, since)
        await self._write(update(tables.outbox).values(delivered_at=None, claimed_by=None, available_at=now))
        return told


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


def store_of(work: type[SqlUnitOfWork] = SqlUnitOfWork, lists: type[SqlLists] = SqlLists) -> type[SqlCaseStore]:
    name = (work if lists is SqlLists else lists).__name__
    return type(name, (SqlCaseStore,), {"work": work, "lists": lists})


SABOTAGE: list[tuple[type[SqlCaseStore], Exam]] = [
    (store_of(IgnoresVersion), exam_cases.saving_a_record_that_was_written_meanwhile_is_a_conflict),
    (store_of(IgnoresVersion), exam_cases.of_concurrent_savers_one_wins),
    (store_of(ReplacesDocument), exam_cases.the_same_document_again_is_same_and_another_is_conflict),
    (CommitsAlways, exam_cases.a_transaction_that_raises_leaves_nothing),
    (CommitsAlways, exam_queue.a_rolled_back_acceptance_is_not_delivered),
    (store_of(CountsOutsideTheTransaction), exam_money.numbers_have_no_gap_with_many_writers_and_rollbacks),
    (store_of(SeesNumbersOfOneSeries), exam_money.numbers_on_documents_of_the_seller_are_told_whatever_their_series),
    (store_of(SeesNumbersOfOneSeries), exam_money.a_number_that_was_told_to_be_free_is_nobody_elses),
    (store_of(KeepsEveryPayment), exam_money.a_case_keeps_one_payment),
    (store_of(ForgetsDuplicateInvoice), exam_money.a_second_invoice_number_or_ordinal_is_refused),
    (store_of(DefaultsWithoutDemoting), exam_profiles.a_new_default_takes_that_from_the_others_of_its_client),
    (store_of(SharesProfiles), exam_profiles.profiles_come_back_as_saved_oldest_first_and_only_to_their_client),
    (store_of(ClaimsAgain), exam_notes.a_note_is_claimed_once_until_it_is_old_enough),
    (store_of(ClaimsAgain), exam_notes.of_many_that_claim_at_once_one_gets_the_note),
    (store_of(ReleasesAnyNote), exam_notes.only_the_note_of_that_time_is_taken_back),
    (store_of(NotesEveryLogin), exam_cases.a_login_is_noted_once_a_while_and_at_once_after_a_refusal),
    (store_of(MeetsEveryOutage), exam_brownouts.a_case_has_one_outage_its_newest_and_old_ones_are_forgotten),
    (store_of(CountsOutagesOfAll), exam_brownouts.gates_of_other_issuers_are_not_touched),
    (store_of(LetsTheYoungestGoFirst), exam_brownouts.those_that_wait_are_told_oldest_first_and_counted),
    (store_of(LogsNewestFirst), exam_records.the_timeline_tells_by_time_what_was_logged_and_in_order_what_was_at_once),
    (store_of(OpensAlertsTwice), exam_records.an_alert_is_open_once_and_opens_again_after_it_was_closed),
    (store_of(AcceptsTwice), exam_queue.the_same_is_accepted_once_even_after_delivery),
    (store_of(lists=IgnoresLeases), exam_queue.a_claimed_row_is_nobody_elses_until_its_lease_lapses),
    (store_of(lists=LooksWithoutClaiming), exam_queue.workers_never_claim_the_same_row),
    (store_of(lists=ReleasesAtOnce), exam_queue.delivered_rows_are_gone_and_released_ones_wait),
    (store_of(WaitsForTheRelayOfAnybody), exam_runs.what_waits_for_the_relay_is_told_for_its_case_alone),
    (store_of(NumbersFromASequence), exam_decisions.decisions_have_no_gap_with_many_writers_and_rollbacks),
    (store_of(DecidesEveryTime), exam_decisions.a_key_decides_once_whatever_comes_again_under_it),
    (store_of(DecidesEveryTime), exam_decisions.one_key_pressed_many_times_at_once_is_one_decision),
    (store_of(TakesKeysOfOtherCases), exam_decisions.a_key_of_one_case_means_nothing_to_another),
    (store_of(ArchivesEveryTime), exam_decisions.the_archive_keeps_every_content_once_in_order),
    (store_of(MovesMailsUp), exam_lists.a_mail_keeps_its_place_in_the_log_when_its_status_changes),
    (store_of(lists=ComparesArrivalAlone), exam_case_lists.payments_turn_pages_and_arrivals_meanwhile_move_nothing),
    (store_of(lists=CountsRows), exam_case_lists.payments_turn_pages_and_arrivals_meanwhile_move_nothing),
    (store_of(lists=ReadsNoticesOfOthers), exam_lists.a_notice_is_read_once_and_only_by_its_expert),
    (
        store_of(lists=HandsEverythingOverAgain),
        exam_rearming.open_cases_start_again_with_their_newest_wish_and_decision,
    ),
    (store_of(lists=HandsEverythingOverAgain), exam_rearming.a_case_given_up_stays_and_one_reopened_starts),
    (store_of(lists=CountsClosedAlerts), exam_metrics.what_waits_is_counted_by_its_reasons),
    (
        store_of(lists=TellsUnsettledLines),
        exam_metrics.lines_of_the_log_are_told_once_and_only_those_that_have_settled,
    ),
    (store_of(lists=NamesTheLastToAcknowledge), exam_lists.an_alert_is_acknowledged_once),
    (
        store_of(LooksAtRepeatedAlertsAnew),
        exam_lists.an_acknowledged_alert_stays_so_while_its_failure_repeats_and_a_later_one_is_another,
    ),
    (
        store_of(lists=EndsWhatWaitsByLooking),
        exam_lists.acknowledging_ends_what_no_record_would_end_and_nothing_that_waits_for_a_decision,
    ),
]
