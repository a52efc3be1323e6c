"""Documents of a case: those that are kept, and those that are drawn when somebody asks.

The duplicate of an issued document and the pro forma of a priced case are neither stored nor recorded. A duplicate has
the day on which it was made; a pro forma is dated by the day on which the case was priced, so that it comes out the
same whenever it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from invoicing.domain.cases import BillingData, ProfileReference, offered_language
from invoicing.domain.issuing import plan_pro_forma
from invoicing.domain.labels import Role
from invoicing.domain.numbering import issue_date
from invoicing.domain.papers import FIRST, Paper, papers_of
from invoicing.domain.records import CaseFacts
from invoicing.domain.state import InvoiceState
from invoicing.domain.validation import ContentRules, content_faults
from invoicing.errors import DataFault, NotAllowed, NotFound
from invoicing.ports import CaseStore, Clock, Drawing, UnitOfWork

OWN = "builtin"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A PDF and a name for its file."""

    name: str
    content: bytes


class Papers:
    """Finds what is kept, and draws what is not."""

    def __init__(self, store: CaseStore, draw: Drawing, rules: ContentRules, clock: Clock) -> None:
        self._store = store
        self._draw = draw
        self._rules = rules
        self._clock = clock

    async def listed(self, case_id: str, role: Role) -> tuple[Paper, ...]:
        """Every stored document that a role may see. Raises `NotFound("case_unknown")`."""
        return (await self._seen(case_id, role))[1]

    async def duplicate(self, case_id: str, number: int = FIRST, role: Role = Role.OPS) -> Drawn:
        """The invoice, or the correction of this number, once more, marked as the duplicate of today (art. 106l).

        Raises `NotFound` (`case_unknown`, `no_invoice`, `document_unknown`), and `NotAllowed("drawn_elsewhere")` for
        what others made: its duplicate is theirs too.
        """
        invoice, papers = await self._seen(case_id, role)
        paper = next((paper for paper in papers if paper.number == number), None)
        if paper is None and number != FIRST:
            raise NotFound("document_unknown", "the case has no document of this number")
        if paper is None and invoice.sha256 is None:
            raise NotFound("no_invoice", "no invoice is stored yet")
        if paper is None or paper.fact is None:
            raise NotAllowed("drawn_elsewhere", "the document was made elsewhere, and so is its duplicate")
        content = await self._draw(paper.fact, issue_date(self._clock()))
        return Drawn(f"{paper.fact.number} DUPLIKAT", content)

    async def _seen(self, case_id: str, role: Role) -> tuple[InvoiceState, tuple[Paper, ...]]:
        async with self._store.reading() as db:
            state = (await db.facts(case_id)).state
            issued, archived = await db.invoices(case_id), await db.archived(case_id)
        return state.invoice, papers_of(state, issued, archived, role)

    async def pro_forma(self, case_id: str) -> Drawn:
        """What the invoice will say, for a case that nobody has paid.

        Raises `NotFound("case_unknown")`, `NotAllowed` (`already_paid`, `drawn_elsewhere`), and `DataFault("invalid")`
        with everything that makes the invoice impossible.
        """
        async with self._store.reading() as db:
            facts = await db.facts(case_id)
            buyer = await _buyer(db, facts)
            logo = await db.expert_logo(facts.document.expert_id)
        if facts.state.paid or facts.document.arrives_paid:
            raise NotAllowed("already_paid")
        document, expert = facts.document, facts.expert
        if expert is not None and expert.issuer != OWN:
            raise NotAllowed("drawn_elsewhere", "documents of this expert are made elsewhere")
        faults = content_faults(document, buyer, expert, self._rules)
        if faults or buyer is None or expert is None:
            raise DataFault("invalid", faults)
        planned = plan_pro_forma(
            document,
            buyer,
            expert,
            issued_on=issue_date(facts.arrived_at),
            language=offered_language(document.client.language),
            logo=logo,
        )
        return Drawn(planned.number, await self._draw(planned))


async def _buyer(db: UnitOfWork, facts: CaseFacts) -> BillingData | None:
    """The newest billing data; those of the profile that the case refers to, while it has none of its own."""
    given = facts.document.billing_data
    if facts.billing is not None or not isinstance(given, ProfileReference):
        return facts.billing
    profile = await db.profile(facts.document.client.id, given.profile_id)
    return None if profile is None else profile.data
