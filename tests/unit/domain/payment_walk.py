"""A case, a gateway and the messages between them, in memory: what random walks walk through.

The gateway side is the truth about money; our side is attempts, captures and the state record, moved by the pure
functions of the domain in the order in which the activities call them. Whatever is not in `attempts`, `captures` and
`state` is forgotten by a restart.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from invoicing.domain.labels import Role, view
from invoicing.domain.payments import (
    Attempt,
    AttemptState,
    Idle,
    Post,
    Resume,
    Settle,
    Transaction,
    Verdict,
    ended_by_time,
    judge,
    order_id,
    plan_charge,
    proves_dead,
)
from invoicing.domain.state import (
    CaseState,
    Parked,
    PaymentStatus,
    Step,
    closed_unpaid,
    invoice_available,
    parked,
    payment_completed,
    payment_failed,
    payment_opened,
    resumed,
)
from invoicing.domain.transitions import BECOMES, Effect, effect_of
from invoicing.errors import Cause
from tests.unit.domain.payment_gateway_side import FAILURE, PENDING, PRICE, SUCCESS, GatewaySide

CASE = "2026-000123"
VALIDITY = timedelta(days=3)

LEGAL = {
    ("none", "none"),
    ("open", "resume_payment"),
    ("failed", "pay_again"),
    ("completed", "generating"),
    ("completed", "available"),
    ("completed", "failed"),
}
"""Pairs of payment status and invoice cell that people may see (no issuer of these walks is `none`)."""


@dataclass(frozen=True)
class Money:
    """A capture."""

    remote_id: str
    amount: Decimal
    kept: bool


@dataclass
class Walk(GatewaySide):
    """One random life of a case. Every step keeps `check` true."""

    state: CaseState = field(default_factory=lambda: CaseState(case_id=CASE, currency="PLN", gross=PRICE))
    attempts: dict[int, Attempt] = field(default_factory=dict)
    captures: list[Money] = field(default_factory=list)
    rejected: set[str] = field(default_factory=set)
    seen: set[Effect] = field(default_factory=set)
    final: str | None = None

    # --- our side, as the activities do it ----------------------------------------------------------------------------

    def press(self) -> None:
        """`ZAPŁAĆ`, `Spróbuj ponownie` or `Ponów płatność`, and the charge that follows; it may die anywhere."""
        if self.state.paid:
            return
        ended = self.state.payment.status is PaymentStatus.FAILED
        self.charge(len(self.attempts) + 1 if ended else max(1, self.state.payment.attempt))

    def charge(self, requested: int) -> None:
        for _ in range(100):
            if self.state.paid:
                return None
            match plan_charge(list(self.attempts.values()), requested, self.now):
                case Post(number):
                    return self._post(number)
                case Resume(attempt):
                    self.state = payment_opened(self.state, attempt.attempt)
                    return None
                case Settle(attempt):
                    if not self._settled(attempt):
                        return None
                case Idle():
                    return None
        raise AssertionError("a charge does not come to an end")

    def _post(self, number: int) -> None:
        others = {a.state for a in self.attempts.values() if a.attempt != number}
        assert others <= {AttemptState.REFUSED, AttemptState.DEAD}, others
        payable = [p for p in self.gateway if p.status is PENDING and p.order not in self.burnt]
        assert self.lied or not payable, "a second transaction beside one that can be paid"
        attempt = Attempt(
            case_id=CASE,
            attempt=number,
            order_id=order_id(CASE, number),
            service_id="100",
            amount=PRICE,
            currency="PLN",
            state=AttemptState.SENT,
            sent_at=self.now,
            valid_until=self.now + VALIDITY,
        )
        self.attempts[number] = attempt
        outcome = self.random.choice(["open", "open", "open", "lost", "died", "refused", "unsent", "lie"])
        if outcome in {"open", "lost", "lie"}:
            paid = self.register(attempt.order_id, self.now + VALIDITY)
        match outcome:
            case "open":
                while self.random.random() < 0.3:
                    self.random.choice([self.payer_acts, self.deliver])()  # a message may overtake the answer
                self._opened(attempt, paid.remote_id)
            case "refused":
                self._refused(attempt)
            case "unsent":
                self._put(attempt, state=AttemptState.PREPARED)
            case "lie":  # the gateway, or our reading of it, says that nothing exists where something does
                self.lied = True
                if self.random.random() < 0.5:
                    self._refused(attempt)
                else:
                    self._put(attempt, state=AttemptState.PREPARED)
            case "lost" | "died":
                pass

    def _put(self, attempt: Attempt, **changes: object) -> None:
        self.attempts[attempt.attempt] = attempt.model_copy(update=changes)

    def _opened(self, attempt: Attempt, remote_id: str) -> None:
        stored = self.attempts[attempt.attempt]
        link = f"https://pay.example.com/{remote_id}"
        if stored.state is AttemptState.SENT:
            self._put(stored, state=AttemptState.OPEN, remote_id=remote_id, redirect_url=link)
            self.state = payment_opened(self.state, attempt.attempt)
        elif stored.state is not AttemptState.DEAD:
            self._put(stored, remote_id=stored.remote_id or remote_id, redirect_url=link)

    def _refused(self, attempt: Attempt) -> None:
        self._put(attempt, state=AttemptState.REFUSED)
        self.state = payment_failed(payment_opened(self.state, attempt.attempt), attempt.attempt)

    def _settled(self, attempt: Attempt) -> bool:
        """Whether it is proved dead or paid; a lost answer proves nothing, and a wrong amount waits for a person."""
        told = self.status(attempt.order_id)
        verdict = judge(told, attempt)
        if verdict not in {Verdict.PAID, Verdict.MISPAID}:
            if self.random.random() < 0.2:
                return False
            cancelled = self.cancel(attempt.order_id)
            if self.random.random() < 0.2:
                return False
            told = self.status(attempt.order_id)
            verdict = judge(told, attempt)
            if proves_dead(verdict, attempt, cancelled=cancelled, now=self.now):
                self._put(attempt, state=AttemptState.DEAD)
                self.state = payment_failed(self.state, attempt.attempt)
                return True
        if verdict in {Verdict.PAID, Verdict.MISPAID}:
            self.record(told)
        return verdict is Verdict.PAID

    def poll(self) -> None:
        """The watch looks at the newest attempt."""
        if self.state.paid or not self.attempts:
            return
        attempt = self.attempts[max(self.attempts)]
        if attempt.state in {AttemptState.DEAD, AttemptState.REFUSED}:
            return
        told = self.status(attempt.order_id)
        verdict = judge(told, attempt)
        if verdict in {Verdict.PAID, Verdict.MISPAID}:
            self.record(told)
        elif ended_by_time(verdict, attempt, self.now):
            self._put(attempt, state=AttemptState.DEAD, reason="expired")
            self.state = payment_failed(self.state, attempt.attempt)
        elif verdict is Verdict.FAILED:
            self.record(told)

    def deliver(self) -> None:
        """One message arrives, whichever, and perhaps once more later."""
        if self.flying:
            at = self.random.randrange(len(self.flying))
            self.record([self.flying[at]], whole=False)
            if self.random.random() < 0.7:
                del self.flying[at]

    def record(self, transactions: list[Transaction], *, whole: bool = True) -> None:
        """Apply what is told of one order."""
        number = next(n for n, a in self.attempts.items() if a.order_id == transactions[0].order_id)
        only_failures = whole and {told.status for told in transactions} == {FAILURE}
        for told in transactions:
            self._apply(self.attempts[number], told, only_failures)

    def _apply(self, attempt: Attempt, told: Transaction, only_failures: bool) -> None:
        captured = {money.remote_id for money in self.captures}
        effect = effect_of(told, attempt, captured=captured, case_paid=self.state.paid, only_failures=only_failures)
        self.seen.add(effect)
        match effect:
            case Effect.KEEP:
                self.captures.append(Money(told.remote_id, told.amount, kept=True))
                self._put(attempt, state=BECOMES[effect], remote_id=told.remote_id)
                self.state = payment_completed(
                    self.state,
                    attempt=attempt.attempt,
                    remote_id=told.remote_id,
                    paid_at=self.now,
                    reference=told.remote_id,
                )
            case Effect.DUPLICATE:
                self.captures.append(Money(told.remote_id, told.amount, kept=False))
                self._put(attempt, state=BECOMES[effect])
            case Effect.MARK_FAILED:
                self._put(attempt, state=BECOMES[effect])
                self.state = payment_failed(payment_opened(self.state, attempt.attempt), attempt.attempt)
            case Effect.DOUBT:
                self._put(attempt, state=BECOMES[effect], remote_id=told.remote_id)
            case Effect.REJECT:
                self.rejected.add(told.remote_id)
            case Effect.NOTHING:
                pass

    def people_act(self) -> None:
        """What else happens to a case: nobody pays, money comes another way, the invoice is made or fails."""
        if not self.state.paid:
            if self.random.random() < 0.3:
                self.captures.append(Money(f"external:{CASE}", PRICE, kept=True))
                self.state = payment_completed(
                    self.state, attempt=0, remote_id=None, paid_at=self.now, reference="PRZELEW 7"
                )
            else:
                self.state = closed_unpaid(self.state)
            return
        match self.random.choice(["issue", "park", "resume"]):
            case "issue":
                self.state = invoice_available(
                    self.state, number="FV/1/11/2026", issued_on=self.now.date(), sha256="0" * 64, attempts=1
                )
            case "park":
                self.state = parked(self.state, Parked(step=Step.INVOICE, cause=Cause.INTERNAL, code="x", attempts=3))
            case "resume":
                self.state = resumed(self.state)

    def restart(self) -> None:
        """The process dies: only what is in the database comes back, and only through its JSON."""
        self.state = CaseState.model_validate_json(self.state.model_dump_json())
        self.attempts = {n: Attempt.model_validate_json(a.model_dump_json()) for n, a in self.attempts.items()}

    # --- what must always be true -------------------------------------------------------------------------------------

    def check(self) -> None:
        """One kept payment, and it stays; the ledger holds only real money; labels are legal; paid is final."""
        kept = [money.remote_id for money in self.captures if money.kept]
        assert len(kept) <= 1
        assert bool(kept) == self.state.paid
        if self.final is not None:
            assert kept == [self.final]
        self.final = kept[0] if kept else None
        ids = [money.remote_id for money in self.captures]
        assert len(ids) == len(set(ids)), "the same money is recorded twice"
        real = {p.remote_id for p in self.gateway if p.status is SUCCESS and (p.amount, p.currency) == (PRICE, "PLN")}
        assert {i for i in ids if not i.startswith("external:")} <= real
        for role in Role:
            shown = view(self.state, role)
            assert (shown.payment_status, shown.invoice_status) in LEGAL
        assert (shown.payment_status == "completed") == bool(kept)
        assert shown.case_status == ("in_preparation" if kept else "in_analysis")

    def settle_all(self) -> None:
        """Let everything arrive that is on its way, and ask for everything that got lost, as reconciliation does."""
        for told in self.flying:
            self.record([told], whole=False)
        for attempt in list(self.attempts.values()):
            if told_of := self.status(attempt.order_id):
                self.record(told_of)

    def check_ledger(self) -> None:
        """What the gateway has taken is what we have recorded, to the grosz."""
        taken = {p.remote_id: p.amount for p in self.gateway if p.status is SUCCESS}
        whole = {i: amount for i, amount in taken.items() if i not in self.rejected}
        ours = {m.remote_id: m.amount for m in self.captures if not m.remote_id.startswith("external:")}
        assert ours == whole
        assert sum(ours.values(), Decimal(0)) == sum(whole.values(), Decimal(0))
        assert self.state.paid or not whole
        if not self.lied and not any(m.remote_id.startswith("external:") for m in self.captures):
            paid_by_our_starts = [p for p in self.gateway if p.ours and p.remote_id in whole]
            assert len(paid_by_our_starts) <= 1, "two transactions of ours were paid"


STEPS = (
    Walk.press,
    Walk.press,
    Walk.payer_acts,
    Walk.payer_acts,
    Walk.deliver,
    Walk.deliver,
    Walk.deliver,
    Walk.poll,
    Walk.time_passes,
    Walk.restart,
    Walk.gateway_changes_its_mind,
)


def walked(seed: int, steps: int = 40) -> Walk:
    """The walk of a seed, checked after every step and settled at its end."""
    walk = Walk(random.Random(seed))  # noqa: S311  # a seeded walk, no secret
    for _ in range(steps):
        walk.random.choice([*STEPS, Walk.people_act] if walk.random.random() < 0.25 else STEPS)(walk)
        walk.check()
    walk.settle_all()
    walk.check()
    walk.check_ledger()
    return walk
