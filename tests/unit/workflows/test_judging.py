"""What an open run refuses before it takes a decision in; the same decision again is never refused."""

import pytest
from temporalio.workflow import _Definition

from invoicing.domain.decisions import DecisionKind
from workflows.judging import refusal
from workflows.messages import Decision
from workflows.paid_case import PaidCase
from workflows.serving import ServesDecisions

REFUND = Decision(number=1, key="refund:c-1:k", kind=DecisionKind.REFUND)


@pytest.mark.parametrize("kind", DecisionKind)
def test_a_decision_of_any_kind_is_taken_in_and_taken_in_again(kind: DecisionKind) -> None:
    decision = Decision(number=2, key=f"{kind.value}:c-1:again", kind=kind, inbox_id=7)
    assert refusal(kind.value, decision, [REFUND], over=False) is None
    assert refusal(kind.value, decision, [REFUND, decision], over=False) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": DecisionKind.GIVE_UP}, "the update is refund"),
        ({"number": 0}, "number and the key"),
        ({"key": " "}, "number and the key"),
        ({"key": "refund:c-1:other"}, "as another one"),
        ({"number": 2}, "as another one"),
    ],
)
def test_what_never_was_a_decision_is_refused_with_the_reason(changes: dict[str, object], reason: str) -> None:
    why = refusal("refund", REFUND.model_copy(update=changes), [REFUND], over=False)
    assert why is not None
    assert reason in why


def test_the_same_name_for_another_act_is_refused() -> None:
    why = refusal("give_up", REFUND.model_copy(update={"kind": DecisionKind.GIVE_UP}), [REFUND], over=False)
    assert why == "decision 1 was taken in as another one"


def test_late_money_names_its_message() -> None:
    late = Decision(number=1, key="inbox:7", kind=DecisionKind.LATE_PAYMENT)
    assert "inbox" in str(refusal("late_payment", late, [], over=False))


def test_a_run_whose_story_has_ended_takes_nothing_in() -> None:
    assert "run of its own" in str(refusal("refund", REFUND, [], over=True))


def test_every_update_is_judged_by_the_same_validator() -> None:
    updates = _Definition.must_from_class(PaidCase).updates
    assert {str(name) for name in updates} == {kind.value for kind in DecisionKind}
    assert {definition.validator for definition in updates.values()} == {ServesDecisions._judge}
