"""`generate_invoice`: the invoice of a paid case comes into being, once; `look_for_invoice`: or has come already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.corrections import propose
from activities.failures import mapped
from activities.gates import Gates
from activities.logins import Logins, login_accepted
from activities.metrics import note_invoice
from activities.parking import cleared
from invoicing.domain.brownouts import gates_of
from invoicing.domain.records import CaseFacts, Event, LogEntry
from invoicing.domain.state import Badge, CaseState, InvoiceStatus, Step, invoice_available, invoice_by_hand
from invoicing.errors import ConnectivityFault, InternalFault, OutcomeUnknown, PaidcaseError, SettingsFault
from invoicing.ports import CaseStore, CheckingIssuer, Clock, Issued, IssueOrder, Issuer, LookingIssuer

NO_ISSUER = "none"


class GenerateInput(BaseModel):
    """The paid case; `round` counts rounds of three attempts and is what a person sees.

    `may_wait`: the run knows how to wait for the provider before the round has begun.
    """

    model_config = ConfigDict(frozen=True)

    case_id: str
    round: int = 1
    may_wait: bool = False


class Generated(BaseModel):
    """`manual` when the expert sends the invoice himself; then there is no number. `held`: nothing was attempted."""

    model_config = ConfigDict(frozen=True)

    status: InvoiceStatus
    number: str | None = None
    issued_on: date | None = None
    held: bool = False


class LookInput(BaseModel):
    """The case whose last attempt has an unknown outcome, and how many attempts its round has had."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    attempts: int = 3


class Looked(BaseModel):
    """Found: the invoice exists and is the case's. Otherwise it is proved that there is none."""

    model_config = ConfigDict(frozen=True)

    found: bool


class InvoiceActivities:
    """Hands a paid case to the issuer that its expert has chosen."""

    def __init__(self, store: CaseStore, issuers: Mapping[str, Issuer], clock: Clock, gates: Gates) -> None:
        self._store = store
        self._issuers = issuers
        self._clock = clock
        self._gates = gates
        self._logins = Logins(store, clock)

    @activity.defn(name="generate_invoice")
    @mapped
    async def generate_invoice(self, case: GenerateInput) -> Generated:
        """The invoice of the case; asked again, the same one. Held, when the provider is away and nothing has begun.

        Raises `DataFault` and `SettingsFault` (the round ends at once), `ConnectivityFault` and `OutcomeUnknown` (tried
        again within the round).
        """
        async with self._store.reading() as db:
            facts = await db.facts(case.case_id)
            order, name = IssueOrder(facts), facts.expert.issuer if facts.expert else NO_ISSUER
            sent_at = await db.issue_sent(case.case_id, order.sequence)
            gates = await db.gates_named(gates_of(name, facts.document.expert_id))
        if facts.state.invoiced:
            return _told(facts.state)
        if not facts.state.paid:
            raise InternalFault("internal", "an invoice was asked for before the money")
        if name == NO_ISSUER:
            return await self._by_hand(facts)
        issuer = self._issuers.get(name)
        if issuer is None:
            raise SettingsFault("issuer_not_ready", f"the issuer {name} is not set up")
        if not isinstance(issuer, LookingIssuer) and sent_at is not None:
            # only who may have issued can say so: another issuer could make a second invoice
            raise SettingsFault("issuer_not_ready", "the issuer was changed while an invoice of the case may exist")
        begun = not case.may_wait or activity.info().attempt > 1
        # an execution that held the case and died before it could say so has begun nothing
        if case.may_wait and (not begun or facts.state.held) and await self._gates.is_held(order, gates):
            return Generated(status=facts.state.invoice.status, held=True)
        if facts.state.held:
            await self._gates.begin(case.case_id)
        try:
            issued = await issuer.issue(order)
        except PaidcaseError as fault:
            await self._gates.note_failure(order, name, fault)
            if isinstance(fault, ConnectivityFault) and await self._may_exist(order):
                raise OutcomeUnknown("issuer_outcome_unknown", fault.message, retry_after=fault.retry_after) from fault
            raise await self._logins.judged(facts.document.expert_id, name, fault) from fault
        if begun:
            await self._gates.note_success(order, name)
        return await self._available(case.case_id, issued, activity.info().attempt, name)

    async def _may_exist(self, order: IssueOrder) -> bool:
        """Whether an earlier attempt let a request go whose end is not known: this failure is not the whole truth."""
        async with self._store.reading() as db:
            return await db.issue_sent(order.facts.document.case_id, order.sequence) is not None

    @activity.defn(name="look_for_invoice")
    @mapped
    async def look_for_invoice(self, case: LookInput) -> Looked:
        """Whether an invoice came of an attempt whose answer was lost; one that is found is adopted, none is made.

        Raises `OutcomeUnknown` and `ConnectivityFault` while it cannot be told: each retry is a look. Raises
        `DataFault` when what was found is not the case's invoice.
        """
        async with self._store.reading() as db:
            facts = await db.facts(case.case_id)
        if facts.state.invoiced:
            return Looked(found=True)
        issuer = self._issuers.get(facts.expert.issuer) if facts.expert else None
        if not isinstance(issuer, LookingIssuer):  # what it issues is in our own database: nothing can be lost
            return Looked(found=False)
        try:
            issued = await issuer.look(IssueOrder(facts))
        except SettingsFault as fault:
            # keys that were taken away meanwhile prove nothing about the invoice
            raise OutcomeUnknown("issuer_outcome_unknown", f"{fault.code}: {fault.message}") from fault
        if issued is not None:
            await self._available(case.case_id, issued, case.attempts, facts.expert.issuer if facts.expert else None)
        return Looked(found=issued is not None)

    async def _by_hand(self, facts: CaseFacts) -> Generated:
        async with self._store.transaction() as db:
            state = (await db.facts(facts.document.case_id)).state
            if state.invoiced:
                return _told(state)
            now = self._clock()
            state = await cleared(db, state, Step.INVOICE, now)
            state = await db.save(invoice_by_hand(state))
            await db.log(self._entry(state.case_id, Event.INVOICE_BY_HAND, now))
        return _told(state)

    async def _available(self, case_id: str, issued: Issued, attempts: int, issuer: str | None) -> Generated:
        async with self._store.transaction() as db:
            facts = await db.facts(case_id)
            state, expert_id = facts.state, facts.document.expert_id
            if issued.to_note is not None:
                await db.set_invoice_document(case_id, issued.to_note, issued.sha256)
            if state.invoiced:
                return _told(state)
            now = self._clock()
            state = await cleared(db, state, Step.INVOICE, now)
            state = await db.save(
                invoice_available(
                    state,
                    number=issued.number,
                    issued_on=issued.issued_on,
                    sha256=issued.sha256,
                    attempts=attempts,
                    issuer=issuer,
                )
            )
            await db.log(self._entry(case_id, Event.INVOICE_ISSUED, now, issued.number))
            if issuer is not None and isinstance(self._issuers.get(issuer), CheckingIssuer):
                await login_accepted(db, expert_id, issuer, now)
            if Badge.REFUNDED in state.badges:  # the money went back while the invoice was being made
                last = max(refund.number for refund in await db.refunds(case_id) if refund.kept)
                await propose(db, case_id, last, now)
        note_invoice(attempts)
        return _told(state)

    @staticmethod
    def _entry(case_id: str, event: Event, now: datetime, number: str | None = None) -> LogEntry:
        return LogEntry(
            case_id=case_id,
            event=event,
            at=now,
            step=Step.INVOICE,
            attempt=activity.info().attempt,
            details={"number": number} if number else {},
        )


def _told(state: CaseState) -> Generated:
    return Generated(status=state.invoice.status, number=state.invoice.number, issued_on=state.invoice.issued_on)
