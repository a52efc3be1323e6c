"""What a run shows of itself in the Temporal UI: current details in Markdown, and search attributes.

Guarantee: ids, codes and amounts alone; whoever reads it knows where the case stands and what a person can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.common import SearchAttributeUpdate

from activities.failures import FailureDetail
from invoicing.domain.interrupted import CODES
from invoicing.domain.state import InvoiceStatus, PaymentStatus, Step
from workflows import identity
from workflows.messages import CaseOutcome, Decision, PaidCaseInput

STORY = {
    Step.VALIDATE: "Billing data checked",
    Step.CHARGE: "Paid",
    Step.INVOICE: "Invoice generated",
    Step.EMAIL: "Invoice mailed to the client",
    Step.NOTIFY: "Expert told",
}

CURES = {
    Step.VALIDATE: ("correct {case} FILE.json", "regenerate {case}", "attach {case} FILE.pdf", "give-up {case}"),
    Step.CHARGE: ("check-payment {case}", "give-up {case}"),
    Step.INVOICE: ("regenerate {case}", "attach {case} FILE.pdf", "refund {case} --reason WHY", "give-up {case}"),
    Step.EMAIL: ("regenerate {case}", "give-up {case}"),
    Step.NOTIFY: ("regenerate {case}", "give-up {case}"),
}
"""Commands that let a parked step go on, or end its waiting, by step."""

SHOWN = 10
"""Decisions shown, the newest."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands, and how it ended, when it has; `step` is the one that it came to."""

    step: Step
    payment: PaymentStatus
    parked: FailureDetail | None
    attempt: int
    decisions: Sequence[Decision]
    served: int
    held: bool = False
    ended: CaseOutcome | None = None


WHOLE = frozenset({CaseOutcome.DONE, CaseOutcome.BY_HAND})
"""Ends of a story that was told to its last step."""

OURS = frozenset({Step.INVOICE, Step.EMAIL})
"""Steps that are the expert's own where he sends his document himself."""

ENDS = {
    CaseOutcome.DONE: "the run has ended.",
    CaseOutcome.BY_HAND: "the run has ended; the expert sends his own document.",
    CaseOutcome.UNPAID: "the run has ended without money; the client may pay again.",
    CaseOutcome.GIVEN_UP: "the run has ended, because the case was given up.",
}


def details_markdown(case: PaidCaseInput, now: Standing) -> str:
    """Where the case stands, what was decided, and what a person can do."""
    lines = [f"### Case {case.case_id}" + (f", {case.amount}" if case.amount else ""), ""]
    done = True
    for step, told in STORY.items():
        done = done and (step is not now.step or now.ended in WHOLE)
        was_done = done and not (step in OURS and now.ended is CaseOutcome.BY_HAND)
        here = " ← **waits for a person**" if now.parked else " ← **now**"
        lines.append(f"- {'✔ ' if was_done else ''}{told}" + (here if step is now.step and not now.ended else ""))
    lines += ["", f"Payment: `{now.payment.value}`" + (f", attempt {now.attempt}" if now.attempt else "")]
    lines += _stopped(now)
    if now.held:
        lines += [
            "",
            "**Waits for the provider**, which fails for many cases at once; nothing was attempted for this one.",
        ]
    for number, decision in list(enumerate(now.decisions))[-SHOWN:]:
        state = "carried out" if number < now.served else "under way"
        lines += ["", f"Decision {decision.number}: `{decision.kind.value}` by {decision.actor}, {state}"]
    commands = _commands(now)
    if commands:
        lines += ["", "A person can:", ""]
        lines += [f"- `python -m starter {command.format(case=case.case_id)}`" for command in commands]
    else:
        lines += ["", f"Nothing to do: {ENDS[now.ended] if now.ended else 'the run goes on by itself.'}"]
    return "\n".join(lines)


def _stopped(now: Standing) -> list[str]:
    if now.parked is None:
        return []
    where = ", ".join(f"`{field}` {code}" for field, code in now.parked.faults)
    told = f"**`{now.step.value}` cannot go on**: cause `{now.parked.cause.value}`, code `{now.parked.code}`"
    return ["", told + (f" ({where})" if where else "")]


def _commands(now: Standing) -> tuple[str, ...]:
    if now.ended is not None:
        return ()
    if now.parked is not None and now.parked.code in CODES:
        return ("regenerate {case}", "give-up {case}")
    if now.parked is not None:
        return CURES[now.step]
    if now.held:
        return ("regenerate {case}", "attach {case} FILE.pdf", "give-up {case}")
    if now.step is Step.CHARGE and now.payment in {PaymentStatus.OPEN, PaymentStatus.FAILED}:
        return ("check-payment {case}",)
    return ()


def marks(
    payment: PaymentStatus,
    invoice: InvoiceStatus | None,
    parked: tuple[Step, FailureDetail] | None,
    *,
    was_parked: bool,
) -> list[SearchAttributeUpdate[Any]]:
    """What the search attributes must say now; nothing of parking while a run has never been parked."""
    values: list[SearchAttributeUpdate[Any]] = [identity.PAYMENT_STATUS.value_set(payment.value)]
    if invoice is not None:
        values.append(identity.INVOICE_STATUS.value_set(invoice.value))
    step, cause = identity.FAILED_STEP, identity.FAILURE_CAUSE
    if parked is not None:
        values += [
            identity.PARKED.value_set(True),
            step.value_set(parked[0].value),
            cause.value_set(parked[1].cause.value),
        ]
    elif was_parked:
        values += [identity.PARKED.value_set(False), step.value_unset(), cause.value_unset()]
    return values
