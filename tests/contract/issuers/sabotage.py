"""Issuers that break one promise each, and the exam that must catch it."""

import dataclasses
import itertools
from collections.abc import Awaitable, Callable
from datetime import date, datetime

from invoicing.errors import DataFault
from invoicing.gateways.wfirma.issuer import WfirmaIssuer
from invoicing.gateways.wfirma.notes import StoredNotes
from invoicing.gateways.wfirma.wanted import Wanted
from invoicing.gateways.wfirma.wire import Record
from invoicing.ports import Issued, IssueOrder, Issuer
from tests.contract.issuers import exam
from tests.contract.issuers.benches import Bench, BuiltinBench, WfirmaBench

Exam = Callable[[Bench], Awaitable[None]]


class Sabotaged:
    """An issuer between its caller and the real one."""

    counted = itertools.count(1)

    def __init__(self, issuer: Issuer) -> None:
        self.real = issuer

    async def issue(self, order: IssueOrder) -> Issued:
        return await self.real.issue(order)

    async def correct_to_zero(self, order: IssueOrder) -> Issued:
        return await self.real.correct_to_zero(order)

    async def probe(self, order: IssueOrder) -> None:
        await self.real.probe(order)


class TellsAnotherNumber(Sabotaged):
    async def issue(self, order: IssueOrder) -> Issued:
        issued = await self.real.issue(order)
        return dataclasses.replace(issued, number=f"{issued.number}/{next(self.counted)}")


class TellsOfNoFile(Sabotaged):
    async def issue(self, order: IssueOrder) -> Issued:
        return dataclasses.replace(await self.real.issue(order), sha256="0" * 64)


class CorrectsEveryTime(Sabotaged):
    async def correct_to_zero(self, order: IssueOrder) -> Issued:
        return await self.real.correct_to_zero(IssueOrder(order.facts, 1 + next(self.counted)))


class GivesTheInvoiceAsItsCorrection(Sabotaged):
    async def correct_to_zero(self, order: IssueOrder) -> Issued:
        return await self.real.issue(IssueOrder(order.facts))


class InventsWhatIsMissing(Sabotaged):
    async def issue(self, order: IssueOrder) -> Issued:
        try:
            return await self.real.issue(order)
        except DataFault:
            return Issued("FV/0/11/2026", date(2026, 11, 22), "0" * 64)


class OneNumberForAll(Sabotaged):
    async def issue(self, order: IssueOrder) -> Issued:
        return dataclasses.replace(await self.real.issue(order), number="FV/1/11/2026")


class IssuesToFindOut(Sabotaged):
    """A probe that is not free of effects."""

    async def probe(self, order: IssueOrder) -> None:
        await self.real.issue(order)


class AnswersForAProviderThatIsAway(Sabotaged):
    async def probe(self, order: IssueOrder) -> None:
        return None


class ForgetfulNotes(StoredNotes):
    async def last(self, case_id: str, sequence: int) -> datetime | None:
        return None

    async def claim(self, case_id: str, sequence: int, now: datetime, unless_after: datetime) -> bool:
        return True


class NeverLooks(WfirmaIssuer):
    async def _find(self, wanted: Wanted) -> Record | None:
        return None


class NeverLooksBench(WfirmaBench):
    """Adds without a look."""

    def made(self) -> Issuer:
        notes = ForgetfulNotes(self.store)
        return NeverLooks(self.stage.client(), notes, self.stage.documents, self.stage.clock)


class WithoutNotesBench(WfirmaBench):
    """Looks, and then trusts that nobody else has looked at the same time."""

    def made(self) -> Issuer:
        notes = ForgetfulNotes(self.store)
        return WfirmaIssuer(self.stage.client(), notes, self.stage.documents, self.stage.clock)


BENCHES = (BuiltinBench, WfirmaBench)
WRAPPED: tuple[tuple[type[Sabotaged], Exam], ...] = (
    (TellsAnotherNumber, exam.an_invoice_is_issued_once_and_asked_again_is_the_same),
    (TellsOfNoFile, exam.an_invoice_whose_maker_died_is_found_and_completed),
    (OneNumberForAll, exam.every_case_has_an_invoice_of_its_own),
    (CorrectsEveryTime, exam.the_correction_to_zero_is_issued_once_and_leaves_the_invoice),
    (GivesTheInvoiceAsItsCorrection, exam.a_correction_whose_maker_died_is_found_and_completed),
    (IssuesToFindOut, exam.a_probe_changes_nothing_and_is_answered_whatever_the_order_lacks),
    (AnswersForAProviderThatIsAway, exam.a_probe_fails_while_the_provider_is_away),
    (InventsWhatIsMissing, exam.missing_facts_are_a_fault_of_the_data_and_nothing_is_issued),
)
WHOLE: tuple[tuple[type[Bench], Exam], ...] = (
    (NeverLooksBench, exam.an_invoice_is_issued_once_and_asked_again_is_the_same),
    (NeverLooksBench, exam.an_invoice_whose_maker_died_is_found_and_completed),
    (WithoutNotesBench, exam.of_many_that_issue_at_once_one_invoice_comes),
)
