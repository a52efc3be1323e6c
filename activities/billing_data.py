"""`validate_billing_data`: everything that could make the invoice impossible, found before any money moves."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.failures import mapped
from activities.parking import cleared, gone_on
from activities.registers import RegisterDesk, denied
from invoicing.domain.interrupted import is_interrupted
from invoicing.domain.records import CaseFacts
from invoicing.domain.registers import case_faults_of, case_questions
from invoicing.domain.state import Step
from invoicing.domain.validation import ContentRules, case_totals, content_faults
from invoicing.errors import DataFault, Fault, SettingsFault
from invoicing.ports import CaseStore, Clock


class ValidateInput(BaseModel):
    """The case whose newest billing data are judged."""

    model_config = ConfigDict(frozen=True)

    case_id: str


class Validated(BaseModel):
    """The revision that passed, and the amount to be paid in major units."""

    model_config = ConfigDict(frozen=True)

    revision: int
    gross: Decimal
    currency: str


class BillingDataActivities:
    """Judges a case by the same pure function that answers `/payment`."""

    def __init__(self, store: CaseStore, rules: ContentRules, desk: RegisterDesk, clock: Clock) -> None:
        self._store = store
        self._rules = rules
        self._desk = desk
        self._clock = clock

    @activity.defn(name="validate_billing_data")
    @mapped
    async def validate_billing_data(self, case: ValidateInput) -> Validated:
        """The revision and total of a sound case; a case whose invoice exists is never judged again.

        Raises `DataFault("billing_data_invalid")` with every fault, which is never retried, and
        `SettingsFault("secrets_keys_missing")` where the expert's account cannot be judged without its keys.
        """
        async with self._store.reading() as db:
            facts = await db.facts(case.case_id)
        if is_interrupted(facts.state):  # this run is there, whoever started it
            async with self._store.transaction() as db:
                facts = await db.facts(case.case_id)
                goes = await gone_on(db, facts.state, self._clock())
                facts = facts.model_copy(update={"state": goes if goes == facts.state else await db.save(goes)})
        totals = case_totals(facts.document)
        if not facts.state.invoiced:
            if facts.keys_unopened and facts.expert is not None and facts.expert.issuer == "wfirma":
                raise SettingsFault("secrets_keys_missing", "the expert's keys are sealed with a key that is not there")
            faults = content_faults(facts.document, facts.billing, facts.expert, self._rules)
            faults = faults or await self._denied(facts)
            if faults:
                raise DataFault("billing_data_invalid", faults)
            if facts.state.parked is not None and facts.state.parked.step is Step.VALIDATE:
                async with self._store.transaction() as db:
                    state = (await db.facts(case.case_id)).state
                    await db.save(await cleared(db, state, Step.VALIDATE, self._clock()))
        return Validated(
            revision=facts.billing_revision,
            gross=totals.gross if totals else Decimal(0),
            currency=facts.document.currency,
        )

    async def _denied(self, facts: CaseFacts) -> tuple[Fault, ...]:
        """What a public register denies; each inquiry is kept in the activity log."""
        parties = (facts.document, facts.billing, facts.expert)
        answers = await self._desk.answers(case_questions(*parties))
        if answers:
            async with self._store.transaction() as db:
                await db.log(*self._desk.entries(facts.document.case_id, answers))
        return tuple(case_faults_of(*parties, denied(answers)))
