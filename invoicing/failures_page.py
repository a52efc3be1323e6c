"""`docs/failures.md`: every failure code and what follows from it, printed from the table and the English catalogue.

`python -m invoicing.failures_page FILE` writes the page; a test holds the committed one to it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from invoicing.domain.consequences import Documents, Money, Who
from invoicing.domain.failures import FAILURES, FailureKind, documents_after, money_after
from invoicing.domain.labels import Role, may_ever
from invoicing.domain.recoveries import RECOVERIES
from invoicing.domain.state import Badge, CaseState, InvoiceState, InvoiceStatus, PaymentState, PaymentStatus, Step
from invoicing.errors import Cause
from invoicing.failing import PAGE, message, told
from invoicing.locale import catalogue, text

READERS = (("ops", Role.OPS), ("the expert", Role.EXPERT), ("the client", Role.CLIENT))

INTRODUCTION = f"""\
# Failures

What each failure code means, what was and was not done, and who does what next. Printed from `FAILURES` in
`invoicing/domain/failures.py` by `make docs`; a test compares the two.

Every failed attempt leaves a record in the activity log: step, cause, code, attempt, time, what the other side
answered, whether the outcome is known, and what was and was not done to money and documents. Attempts of a step beyond
the 20th are told each 12th. Messages name their code; wherever one is shown, `docs` is the link `{PAGE}#code` below
the root of this repository, whatever address it is published at.

- **Answer** of the other side: `not_asked`, `refused` (a definite no), `unreachable`, `later` (it named a pause),
  `lost` (the request left and no usable answer came: nothing is repeated before a look-up).
- **Money and documents** are told by the code where it knows; else the case's state record does, and several values
  are possible.
- **Recovery** closes the alert by itself.

| code | cause | steps | next | retry alone |
|---|---|---|---|---|
"""

CAUSES = {
    Cause.BILLING_DATA: "the data's owner corrects them",
    Cause.SETTINGS: "a setting, key or account is put right",
    Cause.CONNECTIVITY: "time, or whoever runs the other side",
    Cause.PAYMENT: "the payer, or a person who looks at the money",
    Cause.LIMIT: "patience",
    Cause.INTERNAL: "us",
}

PROBLEMS = """\
## Problems of the HTTP API

Codes of problem documents (RFC 9457). They are answers to a caller and leave no record.

"""


def page() -> str:
    """The whole page."""
    rows = [
        f"| [`{kind.code}`](#{kind.code}) | {kind.cause.value} | {_steps(kind)} | {kind.who.value} "
        f"| {'can help' if kind.alone else 'cannot help'} |\n"
        for kind in FAILURES.values()
    ]
    problems = [f"### problem_{code}\n\n`{code}`: {said}\n\n" for code, said in _problems()]
    body = "".join(_section(cause) for cause in Cause)
    return (INTRODUCTION + "".join(rows) + "\n" + body + PROBLEMS + "".join(problems)).rstrip() + "\n"


def _section(cause: Cause) -> str:
    kinds = [kind for kind in FAILURES.values() if kind.cause is cause]
    return f"## Cause {cause.value}\n\nCured by: {CAUSES[cause]}.\n\n" + "".join(_row(kind) for kind in kinds)


def _row(kind: FailureKind) -> str:
    lines = [f"### {kind.code}", "", text("en", kind.meaning), "", f"- Steps: {_steps(kind)}"]
    money, documents = _consequences(kind)
    lines += [f"- Money: {_sentences('money', money)}", f"- Documents: {_sentences('documents', documents)}"]
    lines += [f"- Outcome: {'unknown until it is looked up' if kind.unknown or kind.doubtful else 'known'}"]
    lines += [f"- Next: {text('en', 'next.again' if kind.who is Who.NOBODY else f'next.{kind.who.value}')}"]
    lines += [f"- {text('en', 'retry.helps' if kind.alone else 'retry.cannot_help')}"]
    if pressed := _actions(kind):
        lines += [f"- Actions: {pressed}"]
    ways = "; ".join(way.value for way in RECOVERIES[kind.code])
    lines += [f"- Its alert is closed by: {ways}" if ways else "- It opens no alert; the record tells of it."]
    lines += [f"- Told to {who}: {message(told(kind.code, None, None, role), role, 'en')}" for who, role in READERS[1:]]
    return "\n".join(lines) + "\n\n"


def _steps(kind: FailureKind) -> str:
    return "any" if len(kind.steps) == len(Step) else ", ".join(f"`{step.value}`" for step in kind.steps)


def _actions(kind: FailureKind) -> str:
    found = dict.fromkeys(action for step in kind.steps for action in kind.actions_at(step))
    people = [role for role in Role if role is not Role.SERVICE]
    return ", ".join(f"`{a.value}` ({', '.join(r.value for r in people if may_ever(r, a))})" for a in found)


def states() -> Iterator[CaseState]:
    """A state record of every kind that money and documents tell apart."""
    badges: tuple[tuple[Badge, ...], ...] = ((), (Badge.PARTLY_REFUNDED,), (Badge.REFUNDED,))
    for payment, invoice, badge in product(PaymentStatus, InvoiceStatus, badges):
        paid = payment is PaymentStatus.COMPLETED
        if paid is (invoice is InvoiceStatus.NONE) or (badge and not paid):
            continue
        yield CaseState(
            case_id="c",
            currency="PLN",
            payment=PaymentState(status=payment),
            invoice=InvoiceState(status=invoice),
            badges=badge,
        )


def _consequences(kind: FailureKind) -> tuple[set[Money], set[Documents]]:
    """What the code can mean at its steps; steps after the payment are not reached without one."""
    reached = [
        (state, step)
        for state, step in product(states(), kind.steps)
        if state.paid or step in {Step.VALIDATE, Step.CHARGE}
    ]
    known = (True, False) if kind.doubtful else (True,)
    money = {money_after(kind, state, step, outcome_known=it) for (state, step), it in product(reached, known)}
    return money, {
        documents_after(kind, state, step, outcome_known=it) for (state, step), it in product(reached, known)
    }


def _sentences(prefix: str, values: set[Money] | set[Documents]) -> str:
    names = [value for value in (*Money, *Documents) if value in values]
    return " Or: ".join(f"{text('en', f'{prefix}.{name.value}')} (`{name.value}`)" for name in names)


def _problems() -> list[tuple[str, str]]:
    prefix = "problem."
    return [(key.removeprefix(prefix), said) for key, said in catalogue("en").items() if key.startswith(prefix)]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
