"""Failures as people read them: one message for each reader, composed from the table of failures and the catalogues.

Ops read the code's meaning, what was and was not done to money and documents, who acts next and whether trying again
alone can help. Client and expert read gentler words without blame or anything internal. No sentence takes a value, so
none can carry personal data.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from invoicing.domain.consequences import Documents, Money, Plain, Who
from invoicing.domain.failure_records import Failure
from invoicing.domain.failures import FAILURES, FailureKind, documents_after, known_code, money_after
from invoicing.domain.labels import Action, Role, may_ever, view
from invoicing.domain.state import CaseState, Step
from invoicing.locale import RIGHT_TO_LEFT, text

PAGE = "docs/failures.md"
"""Where every code is explained, from the root of the repository, wherever that is published."""

_BY_STEP: Mapping[Step | None, tuple[Plain, Plain, Plain]] = {
    Step.VALIDATE: (Plain.OURS, Plain.OURS, Plain.OURS),
    Step.CHARGE: (Plain.PAYMENT_LATER, Plain.PAYMENT_LATER, Plain.PAYMENT_CHECKED),
    Step.INVOICE: (Plain.INVOICE_LATER, Plain.INVOICE_FAILED, Plain.INVOICE_CHECKED),
    Step.EMAIL: (Plain.MAIL_LATER, Plain.MAIL_FAILED, Plain.MAIL_CHECKED),
    Step.NOTIFY: (Plain.MAIL_LATER, Plain.MAIL_FAILED, Plain.MAIL_CHECKED),
    None: (Plain.OURS, Plain.OURS, Plain.OURS),
}
"""What is told of a code that can occur at many steps: while it is tried again, when it has stopped, when unknown."""

_OF_REFUNDS = frozenset({Money.NOT_REFUNDED, Money.MAY_BE_REFUNDED})
"""What was tried with the money then was to give it back, whatever the code is."""

_NOT_FOR_CLIENTS = frozenset({Documents.MAY_EXIST, Documents.NOT_CORRECTED})


@dataclass(frozen=True, slots=True)
class Told:
    """One failure and what it means for its case; `ended` when nothing is tried any more without a person."""

    kind: FailureKind
    step: Step | None
    money: Money | None = None
    documents: Documents | None = None
    outcome_known: bool = True
    ended: bool = False
    allowed: Collection[Action] | None = None


def told(
    code: str,
    step: Step | None,
    state: CaseState | None,
    role: Role,
    *,
    outcome_known: bool = True,
    ended: bool = False,
) -> Told:
    """A failure of a case as this role may act upon it; without a state only what the code itself says."""
    kind = FAILURES[known_code(code)]
    where = step or (kind.steps[0] if len(kind.steps) == 1 else None)
    return Told(
        kind=kind,
        step=where,
        money=kind.money if state is None else money_after(kind, state, where, outcome_known=outcome_known),
        documents=kind.documents if state is None else documents_after(kind, state, where, outcome_known=outcome_known),
        outcome_known=outcome_known and not kind.unknown,
        ended=ended,
        allowed=None if state is None else view(state, role).actions,
    )


def told_then(failure: Failure) -> Told:
    """A recorded failure as it was told when it happened, whatever became of the case later."""
    return Told(
        kind=FAILURES[known_code(failure.code)],
        step=failure.step,
        money=failure.money,
        documents=failure.documents,
        outcome_known=failure.outcome_known,
        ended=failure.ended,
        allowed=(),
    )


def message(failure: Told, role: Role, language: str) -> str:
    """What this reader is told, in sentences."""
    seen = None if role is Role.CLIENT and failure.documents in _NOT_FOR_CLIENTS else failure.documents
    done = {"money": failure.money, "documents": seen}
    keys = [f"{of}.{what.value}" for of, what in done.items() if what is not None]
    if role in {Role.CLIENT, Role.EXPERT}:
        said = [text(language, f"plain.{role.value}.{_plain(failure).value}"), *(text(language, key) for key in keys)]
        return " ".join((*said, _actions(failure, role, language) or text(language, "next.nothing")))
    acts = Who.OPS if failure.kind.who is Who.NOBODY and failure.ended else failure.kind.who
    keys += ["next.again" if acts is Who.NOBODY else f"next.{acts.value}"]
    keys += ["retry.helps" if failure.kind.alone else "retry.cannot_help"]
    said = [text(language, failure.kind.meaning), *(text(language, key) for key in keys)]
    may = _actions(failure, role, language)
    return " ".join((*said, *([may] if may else [])))


def link(code: str) -> str:
    """Where the code is explained."""
    return f"{PAGE}#{known_code(code)}"


def _plain(failure: Told) -> Plain:
    if failure.money in _OF_REFUNDS:
        return Plain.REFUND_LATER
    if failure.ended and failure.kind.plain is Plain.MAIL_LATER:
        return Plain.MAIL_FAILED
    if failure.kind.plain is not None:
        return failure.kind.plain
    goes_on, stopped, unknown = _BY_STEP[failure.step]
    return unknown if not failure.outcome_known else stopped if failure.ended else goes_on


def _actions(failure: Told, role: Role, language: str) -> str | None:
    """What the reader himself may press, or None."""
    possible = [action for action in failure.kind.actions_at(failure.step) if may_ever(role, action)]
    if failure.allowed is not None:
        possible = [action for action in possible if action in failure.allowed]
    if not possible:
        return None
    names = ("، " if language in RIGHT_TO_LEFT else ", ").join(text(language, f"action.{a.value}") for a in possible)
    return f"{text(language, 'next.you')} {names}."


def ops_message(code: str | None, step: Step | None, language: str, *, ended: bool = True) -> str | None:
    """What ops read of a code in a list, which knows no state record; nothing of no code."""
    return None if code is None else message(told(code, step, None, Role.OPS, ended=ended), Role.OPS, language)
