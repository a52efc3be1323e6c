"""What every message means in every state of an attempt, and that no sequence of them breaks a promise."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from invoicing.domain.payments import Attempt, AttemptState, Transaction, TransactionStatus
from invoicing.domain.transitions import BECOMES, TRANSITIONS, Decision, Effect, effect_of
from tests.unit.domain.payment_walk import walked
from tests.unit.domain.samples import attempt, transaction

PAGE = Path(__file__).parents[3] / "docs" / "payments.md"
PENDING, SUCCESS, FAILURE = TransactionStatus.PENDING, TransactionStatus.SUCCESS, TransactionStatus.FAILURE
PREPARED, SENT, OPEN = AttemptState.PREPARED, AttemptState.SENT, AttemptState.OPEN
REFUSED, FAILED, DEAD, PAID = AttemptState.REFUSED, AttemptState.FAILED, AttemptState.DEAD, AttemptState.PAID
KEEP, DUPLICATE, MARK_FAILED = Effect.KEEP, Effect.DUPLICATE, Effect.MARK_FAILED
DOUBT, REJECT, NOTHING = Effect.DOUBT, Effect.REJECT, Effect.NOTHING

UNPAID = {
    (PREPARED, PENDING): DOUBT,
    (PREPARED, SUCCESS): KEEP,
    (PREPARED, FAILURE): MARK_FAILED,
    (SENT, PENDING): NOTHING,
    (SENT, SUCCESS): KEEP,
    (SENT, FAILURE): MARK_FAILED,
    (OPEN, PENDING): NOTHING,
    (OPEN, SUCCESS): KEEP,
    (OPEN, FAILURE): MARK_FAILED,
    (REFUSED, PENDING): DOUBT,
    (REFUSED, SUCCESS): KEEP,
    (REFUSED, FAILURE): NOTHING,
    (FAILED, PENDING): NOTHING,
    (FAILED, SUCCESS): KEEP,
    (FAILED, FAILURE): NOTHING,
    (DEAD, PENDING): NOTHING,
    (DEAD, SUCCESS): KEEP,
    (DEAD, FAILURE): NOTHING,
    (PAID, PENDING): NOTHING,
    (PAID, SUCCESS): KEEP,
    (PAID, FAILURE): NOTHING,
}
"""Written once more by hand: a change of the table has to be meant."""

PAIRS = list(product(AttemptState, TransactionStatus))


def effect(
    told: Transaction, known: Attempt, *captured: str, paid: bool = False, only_failures: bool = False
) -> Effect:
    return effect_of(told, known, captured=captured, case_paid=paid, only_failures=only_failures)


def test_every_pair_is_decided_with_a_reason() -> None:
    assert set(TRANSITIONS) == set(PAIRS) == set(UNPAID)
    assert all(decision.why for decision in TRANSITIONS.values())


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def test_a_message_about_an_unpaid_case_has_its_effect(pair: tuple[AttemptState, TransactionStatus]) -> None:
    state, status = pair
    assert effect(transaction(status), attempt(state)) is UNPAID[pair]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def test_on_a_paid_case_only_a_new_success_does_anything_and_it_is_a_duplicate(
    pair: tuple[AttemptState, TransactionStatus],
) -> None:
    state, status = pair
    expected = DUPLICATE if status is SUCCESS else NOTHING
    assert effect(transaction(status, "9NEW"), attempt(state), "9OLD", paid=True) is expected


@pytest.mark.parametrize("state", AttemptState)
@pytest.mark.parametrize("paid", [True, False])
def test_money_that_is_recorded_already_is_old_news_in_every_state(state: AttemptState, paid: bool) -> None:
    assert effect(transaction(SUCCESS, "9ABC"), attempt(state), "9XYZ", "9ABC", paid=paid) is NOTHING


def test_refunded_money_that_is_told_again_is_not_a_second_payment() -> None:
    # the case stays paid for good, and the capture of the refunded payment stays in the ledger
    assert effect(transaction(SUCCESS, "9ABC"), attempt(PAID), "9ABC", paid=True) is NOTHING


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
@pytest.mark.parametrize("paid", [True, False])
@pytest.mark.parametrize(
    ("amount", "currency"),
    [("199.26", "PLN"), ("398.51", "PLN"), ("398.53", "PLN"), ("398.52", "EUR"), ("0.00", "PLN")],
    ids=["a part", "a grosz less", "a grosz more", "another currency", "nothing"],
)
def test_another_amount_or_currency_is_rejected_whatever_it_tells(
    pair: tuple[AttemptState, TransactionStatus], paid: bool, amount: str, currency: str
) -> None:
    state, status = pair
    told = transaction(status).model_copy(update={"amount": Decimal(amount), "currency": currency})
    assert effect(told, attempt(state), paid=paid) is REJECT
    assert effect(told, attempt(state), "9ABC", paid=paid) is REJECT


def test_the_same_amount_written_with_other_zeros_is_the_same() -> None:
    told = transaction(SUCCESS).model_copy(update={"amount": Decimal("398.520")})
    assert effect(told, attempt(OPEN)) is KEEP


def test_the_failure_of_another_transaction_leaves_the_opened_one_alive() -> None:
    opened = attempt(OPEN, remote_id="9ABC")
    assert effect(transaction(FAILURE, "9ABC"), opened) is MARK_FAILED
    assert effect(transaction(FAILURE, "9TAB"), opened) is NOTHING
    assert effect(transaction(FAILURE, "9TAB"), opened, only_failures=True) is MARK_FAILED
    assert effect(transaction(SUCCESS, "9TAB"), opened) is KEEP
    assert effect(transaction(FAILURE, "9TAB"), attempt(OPEN, remote_id=None)) is MARK_FAILED
    assert effect(transaction(FAILURE, "9TAB"), attempt(SENT)) is MARK_FAILED


def test_no_decision_takes_money_back_or_invents_any() -> None:
    for (state, status), decision in TRANSITIONS.items():
        for what in (decision.unpaid, decision.paid):
            assert (what in {KEEP, DUPLICATE}) == (status is SUCCESS)
            if state is PAID:
                assert BECOMES.get(what, PAID) is PAID
        assert decision.paid in {DUPLICATE, NOTHING}


def test_every_effect_that_moves_an_attempt_is_named() -> None:
    assert set(BECOMES) == set(Effect) - {REJECT, NOTHING}


def documented() -> dict[tuple[str, str], Decision]:
    """The table of the documentation page."""
    _, _, table = PAGE.read_text(encoding="utf-8").partition("## Every pair")
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    return {(state, status): Decision(Effect(unpaid), Effect(paid), why) for state, status, unpaid, paid, why in rows}


def test_the_documented_table_is_the_table() -> None:
    assert documented() == {(state.value, status.value): made for (state, status), made in TRANSITIONS.items()}


SEEDS, BLOCK = 2_000, 250


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_no_sequence_of_presses_messages_and_restarts_breaks_a_promise(first: int) -> None:
    walks = [walked(seed) for seed in range(first, first + BLOCK)]
    # the walks are worth something only when they got somewhere
    effects = Counter(effect for walk in walks for effect in walk.seen)
    assert set(effects) == set(Effect)
    assert sum(walk.state.paid for walk in walks) > BLOCK / 4
    assert any(len([m for m in walk.captures if not m.kept]) > 1 for walk in walks)
    assert any(len(walk.attempts) > 3 for walk in walks)
    assert any(not walk.state.paid for walk in walks)
