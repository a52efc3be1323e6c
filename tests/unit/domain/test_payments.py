"""What may be done next with the attempts of a case, and what every message means in every state of an attempt."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product

import pytest

from invoicing.domain.payments import (
    NOT_FOUND_PROVES_AFTER,
    Attempt,
    AttemptState,
    Idle,
    Post,
    Resume,
    Settle,
    TransactionStatus,
    Verdict,
    ended_by_time,
    judge,
    order_id,
    plan_charge,
    proves_dead,
)
from invoicing.errors import InternalFault
from tests.unit.domain.samples import NOW, attempt, transaction

PREPARED, SENT, OPEN = AttemptState.PREPARED, AttemptState.SENT, AttemptState.OPEN
REFUSED, FAILED, DEAD, PAID = AttemptState.REFUSED, AttemptState.FAILED, AttemptState.DEAD, AttemptState.PAID
PENDING, SUCCESS, FAILURE = TransactionStatus.PENDING, TransactionStatus.SUCCESS, TransactionStatus.FAILURE
LINK = "https://pay.example.com/t/1"


def row(*states: AttemptState | Attempt) -> list[Attempt]:
    """Attempts 1, 2, 3 … in these states."""
    return [s if isinstance(s, Attempt) else attempt(s, number) for number, s in enumerate(states, 1)]


LOST = attempt(DEAD, 1)
"""An attempt whose answer was lost, proved dead: its payer never had an address."""

SEEN = attempt(DEAD, 1, redirect_url=LINK)
"""An attempt whose payer had an address, proved dead."""


@pytest.mark.parametrize(
    ("attempts", "requested", "plan"),
    [
        pytest.param([], 1, Post(1), id="the first press"),
        pytest.param(row(PREPARED), 1, Post(1), id="the request never arrived"),
        pytest.param(row(SENT), 1, Settle(attempt(SENT)), id="no answer: never posted again"),
        pytest.param(row(SENT), 2, Settle(attempt(SENT)), id="no answer: not even when asked again"),
        pytest.param(row(OPEN), 1, Resume(attempt(OPEN)), id="open: the same address"),
        pytest.param(row(OPEN), 2, Resume(attempt(OPEN)), id="open: a second press gets it too"),
        pytest.param(row(REFUSED), 1, Idle(attempt(REFUSED)), id="refused: wait for the client"),
        pytest.param(row(REFUSED), 2, Post(2), id="refused: asked again"),
        pytest.param(row(FAILED), 1, Idle(attempt(FAILED)), id="failed: the link may still be paid"),
        pytest.param(row(FAILED), 2, Settle(attempt(FAILED)), id="failed: settled before another one"),
        pytest.param([SEEN], 1, Idle(SEEN), id="dead: wait for the client"),
        pytest.param([SEEN], 2, Post(2), id="dead: asked again"),
        pytest.param([LOST], 1, Post(2), id="dead without an address: the press is still to be answered"),
        pytest.param(row(LOST, REFUSED), 1, Idle(attempt(REFUSED, 2)), id="then refused: answered"),
        pytest.param(row(LOST, SENT), 1, Settle(attempt(SENT, 2)), id="then lost again"),
        pytest.param(row(LOST, attempt(DEAD, 2)), 1, Post(3), id="lost twice"),
        pytest.param(row(SEEN, OPEN), 2, Resume(attempt(OPEN, 2)), id="the second is open"),
        pytest.param(row(SEEN, FAILED), 2, Idle(attempt(FAILED, 2)), id="the second failed"),
        pytest.param(row(SEEN, FAILED), 3, Settle(attempt(FAILED, 2)), id="a third is asked for"),
        pytest.param(row(SEEN, PREPARED), 2, Post(2), id="the second never left"),
        pytest.param(row(REFUSED, REFUSED, REFUSED), 4, Post(4), id="refused for ever"),
        pytest.param(row(SENT, OPEN), 2, Settle(attempt(SENT)), id="the oldest doubt first"),
    ],
)
def test_a_press_leads_to_one_act(
    attempts: Sequence[Attempt], requested: int, plan: Post | Resume | Settle | Idle
) -> None:
    assert plan_charge(attempts, requested, NOW) == plan


IN_TIME, AT_THE_END, LATER = (
    NOW + timedelta(days=3) + by for by in (-timedelta(seconds=1), timedelta(0), timedelta(1))
)


@pytest.mark.parametrize(
    ("now", "requested", "plan"),
    [
        (IN_TIME, 1, Resume),
        (IN_TIME, 2, Resume),
        (AT_THE_END, 1, Resume),
        (AT_THE_END, 2, Settle),
        (LATER, 1, Resume),
        (LATER, 2, Settle),
    ],
)
def test_an_open_attempt_is_settled_only_after_its_validity_and_for_a_newer_wish(
    now: datetime, requested: int, plan: type[object]
) -> None:
    assert isinstance(plan_charge(row(OPEN), requested, now), plan)


def test_an_open_attempt_without_an_end_is_resumed_and_one_without_an_address_is_settled() -> None:
    assert isinstance(plan_charge(row(attempt(OPEN, valid_until=None)), 1, NOW), Resume)
    assert isinstance(plan_charge(row(attempt(OPEN, redirect_url=None)), 1, NOW), Settle)


@pytest.mark.parametrize("before", [[], [SEEN], row(REFUSED)])
def test_a_paid_case_is_never_charged(before: list[Attempt]) -> None:
    with pytest.raises(InternalFault) as raised:
        plan_charge([*before, attempt(PAID, len(before) + 1)], 5, NOW)
    assert raised.value.code == "charge_of_paid_case"


UNPAID = [state for state in AttemptState if state is not PAID]


@pytest.mark.parametrize(("states", "requested"), list(product(product(UNPAID, repeat=2), (1, 2, 3))))
def test_no_attempt_is_posted_while_another_one_may_bring_money(
    states: tuple[AttemptState, ...], requested: int
) -> None:
    attempts = row(*states)
    plan = plan_charge(attempts, requested, NOW)
    if isinstance(plan, Post):
        others = [a for a in attempts if a.attempt != plan.attempt]
        assert {a.state for a in others if a.attempt < plan.attempt} <= {REFUSED, DEAD}
        posted = next((a for a in attempts if a.attempt == plan.attempt), None)
        assert posted is None or posted.state is PREPARED


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ([], Verdict.ABSENT),
        ([FAILURE], Verdict.FAILED),
        ([FAILURE, FAILURE], Verdict.FAILED),
        ([PENDING], Verdict.WAITING),
        ([FAILURE, PENDING], Verdict.WAITING),
        ([SUCCESS], Verdict.PAID),
        ([PENDING, SUCCESS], Verdict.PAID),
        ([SUCCESS, FAILURE], Verdict.PAID),
        ([FAILURE, PENDING, SUCCESS], Verdict.PAID),
    ],
)
def test_one_success_is_paid_one_pending_waits_only_failures_failed(
    statuses: list[TransactionStatus], verdict: Verdict
) -> None:
    transactions = [transaction(status, f"R{n}") for n, status in enumerate(statuses)]
    assert judge(transactions, attempt(OPEN)) is verdict
    assert judge(transactions[::-1], attempt(OPEN)) is verdict


JUST_SENT = attempt(SENT, sent_at=NOW - timedelta(seconds=59, milliseconds=999))
LONG_SENT = attempt(SENT, sent_at=NOW - timedelta(seconds=60))
NEVER_SENT = attempt(PREPARED, sent_at=None)


@pytest.mark.parametrize(
    ("verdict", "which", "cancelled", "dead"),
    [
        (Verdict.PAID, LONG_SENT, True, False),
        (Verdict.PAID, LONG_SENT, False, False),
        (Verdict.WAITING, LONG_SENT, True, False),
        (Verdict.WAITING, LONG_SENT, False, False),
        (Verdict.FAILED, JUST_SENT, True, True),
        (Verdict.FAILED, JUST_SENT, False, True),
        (Verdict.ABSENT, JUST_SENT, False, False),
        (Verdict.ABSENT, JUST_SENT, True, True),
        (Verdict.ABSENT, LONG_SENT, False, True),
        (Verdict.ABSENT, LONG_SENT, True, True),
        (Verdict.ABSENT, NEVER_SENT, False, True),
    ],
)
def test_an_attempt_is_dead_only_by_proof(verdict: Verdict, which: Attempt, cancelled: bool, dead: bool) -> None:
    assert proves_dead(verdict, which, cancelled=cancelled, now=NOW) is dead


def test_not_found_is_proof_after_a_minute() -> None:
    assert timedelta(seconds=60) == NOT_FOUND_PROVES_AFTER


@pytest.mark.parametrize(
    ("verdict", "at_the_end"),
    [(Verdict.PAID, False), (Verdict.WAITING, False), (Verdict.FAILED, True), (Verdict.ABSENT, True)],
)
def test_at_the_end_of_validity_only_failures_or_nothing_end_an_attempt(verdict: Verdict, at_the_end: bool) -> None:
    ends = attempt(OPEN, valid_until=NOW)
    assert ended_by_time(verdict, ends, NOW) is at_the_end
    assert ended_by_time(verdict, ends, NOW + timedelta(days=1)) is at_the_end
    assert not ended_by_time(verdict, ends, NOW - timedelta(microseconds=1))
    assert not ended_by_time(verdict, attempt(OPEN, valid_until=None), NOW)


def test_an_order_number_fits_the_gateway() -> None:
    assert order_id("2026-000123", 1) == "2026-000123-1"
    assert len(order_id("x" * 24, 9_999_999)) <= 32
