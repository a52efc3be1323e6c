"""What a run shows of itself says what was done, and nothing that was not."""

import pytest

from activities.failures import FailureDetail
from invoicing.domain.state import PaymentStatus, Step
from invoicing.errors import Cause
from workflows.messages import CaseOutcome, PaidCaseInput
from workflows.showing import STORY, Standing, details_markdown

CASE = PaidCaseInput(case_id="c-1", expert_id="exp-1", client_id="cli-7", amount="398.52 PLN")


def shown(step: Step, parked: FailureDetail | None = None, ended: CaseOutcome | None = None) -> str:
    standing = Standing(
        step=step, payment=PaymentStatus.COMPLETED, parked=parked, attempt=1, decisions=(), served=0, ended=ended
    )
    return details_markdown(CASE, standing)


def done(markdown: str) -> list[Step]:
    return [step for step, told in STORY.items() if f"- ✔ {told}" in markdown]


@pytest.mark.parametrize(
    ("step", "ended", "steps"),
    [
        (Step.NOTIFY, CaseOutcome.DONE, list(Step)),
        (Step.NOTIFY, CaseOutcome.BY_HAND, [Step.VALIDATE, Step.CHARGE, Step.NOTIFY]),
        (Step.INVOICE, CaseOutcome.GIVEN_UP, [Step.VALIDATE, Step.CHARGE]),
        (Step.CHARGE, CaseOutcome.UNPAID, [Step.VALIDATE]),
        (Step.INVOICE, None, [Step.VALIDATE, Step.CHARGE]),
    ],
)
def test_a_step_is_ticked_only_when_it_was_done(step: Step, ended: CaseOutcome | None, steps: list[Step]) -> None:
    markdown = shown(step, ended=ended)
    assert done(markdown) == steps
    assert ("← **now**" in markdown) is (ended is None)
    assert "python -m starter" not in markdown


def test_a_parked_run_names_its_cause_and_the_commands_that_end_its_waiting() -> None:
    failure = FailureDetail(cause=Cause.CONNECTIVITY, code="issuer_unreachable", attempt=3)
    markdown = shown(Step.INVOICE, parked=failure)
    assert "cause `connectivity`, code `issuer_unreachable`" in markdown
    assert f"{STORY[Step.INVOICE]} ← **waits for a person**" in markdown
    assert "`python -m starter regenerate c-1`" in markdown
