"""Failure records: what went wrong, what it means, in codes.

`FAILURES` is the closed list of stable codes with which an attempt of a step may end, a case may park or an alert may
open. Each row names the cause, where the code can occur, what it means for money and documents, and who does what next;
`invoicing.failing` composes the sentences for client, expert and ops from it, `docs/failures.md` is printed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from invoicing.domain.consequences import (
    Documents,
    Money,
    Plain,
    Who,
    documents_of,
    money_of,
)
from invoicing.domain.labels import Action
from invoicing.domain.state import CaseState, Step
from invoicing.errors import Cause


@dataclass(frozen=True, slots=True)
class FailureKind:
    """One stable code.

    `steps`: where it can occur. `who` acts next, NOBODY while it is tried again by itself, by one of `actions` (None:
    what the step allows). `plain`: what client and expert are told; None, when the step decides. `alone`: trying again
    without any cure can help. `money` and `documents`: what the code itself says of them; None, when the state record
    does. `refunding`: it is about giving money back. `unknown`: nobody knows what the step did; `doubtful`: whoever
    records it says whether anybody does. `says`: the key whose meaning it shares.
    """

    code: str
    cause: Cause
    steps: tuple[Step, ...]
    who: Who
    plain: Plain | None = None
    actions: tuple[Action, ...] | None = None
    alone: bool = False
    money: Money | None = None
    documents: Documents | None = None
    refunding: bool = False
    unknown: bool = False
    doubtful: bool = False
    says: str | None = None

    @property
    def meaning(self) -> str:
        """Key of the sentence that ops read."""
        return f"failure.{self.says or self.code}"

    def actions_at(self, step: Step | None) -> tuple[Action, ...]:
        """What people may do about it where it occurred."""
        actions = ACTIONS[step or self.steps[0]] if self.actions is None else self.actions
        # the client's document is not what the expert has missed
        return tuple(one for one in actions if step is not Step.NOTIFY or one is not Action.RESEND_INVOICE)


_CHARGE, _INVOICE, _MAIL, _ANY = (Step.CHARGE,), (Step.INVOICE,), (Step.EMAIL, Step.NOTIFY), tuple(Step)
_CHECK = (Action.CHECK_PAYMENT_NOW, Action.GIVE_UP)
_AGAIN = (Action.REGENERATE_INVOICE, Action.ATTACH_INVOICE, Action.GIVE_UP)
_CORRECT = (Action.CORRECT_BILLING_DATA, *_AGAIN)
_GO_ON = (Action.REGENERATE_INVOICE, Action.GIVE_UP)
_PAY = (Action.PAY_AGAIN,)
_RESEND = (Action.RESEND_INVOICE,)
_REFUND = (Action.REFUND,)

ACTIONS: Mapping[Step, tuple[Action, ...]] = MappingProxyType(
    {
        Step.VALIDATE: _AGAIN,
        Step.CHARGE: (Action.PAY, *_PAY, *_CHECK),
        Step.INVOICE: _AGAIN,
        Step.EMAIL: (*_GO_ON, *_RESEND),
        Step.NOTIFY: _GO_ON,
    }
)
"""What people may do about a step that cannot go on, where the code itself says nothing."""


def _broken(code: str, steps: tuple[Step, ...] = _ANY) -> FailureKind:
    """A rule of ours would have been broken, so that nothing was done."""
    return FailureKind(code, Cause.INTERNAL, steps, Who.ENGINEER, says="rule_broken")


def _lacking(code: str, steps: tuple[Step, ...] = _ANY) -> FailureKind:
    """The step needs something that the database does not have."""
    return FailureKind(code, Cause.INTERNAL, steps, Who.ENGINEER, says="record_missing")


_ROWS = (
    FailureKind("billing_data_invalid", Cause.BILLING_DATA, (Step.VALIDATE,), Who.CLIENT, Plain.DATA, _CORRECT),
    FailureKind("invoice_facts_incomplete", Cause.BILLING_DATA, _INVOICE, Who.OPS, Plain.INVOICE_FAILED, _CORRECT),
    FailureKind("invoice_data_refused", Cause.BILLING_DATA, _INVOICE, Who.CLIENT, Plain.DATA, _CORRECT),
    FailureKind("ksef_required", Cause.SETTINGS, _INVOICE, Who.EXPERT, Plain.INVOICE_SETTINGS, _CORRECT),
    FailureKind(
        "issuer_total_differs", Cause.BILLING_DATA, _INVOICE, Who.EXPERT, Plain.INVOICE_FAILED,
        documents=Documents.MAY_EXIST,
    ),
    FailureKind(
        "issuer_invoice_differs", Cause.BILLING_DATA, _INVOICE, Who.EXPERT, Plain.INVOICE_FAILED,
        documents=Documents.MAY_EXIST,
    ),
    FailureKind(
        "issuer_document_differs", Cause.BILLING_DATA, _INVOICE, Who.EXPERT, Plain.INVOICE_FAILED,
        documents=Documents.MAY_EXIST,
    ),
    FailureKind(
        "attachment_overtaken", Cause.BILLING_DATA, _INVOICE, Who.OPS, Plain.INVOICE_LATER, (Action.ATTACH_INVOICE,),
        documents=Documents.MAY_EXIST,
    ),
    FailureKind("give_up_overtaken", Cause.INTERNAL, _ANY, Who.OPS, Plain.OURS, _REFUND),
    FailureKind("autopay_disabled", Cause.SETTINGS, _CHARGE, Who.ADMINISTRATOR, Plain.PAYMENT_LATER),
    FailureKind("gateway_settings", Cause.SETTINGS, _CHARGE, Who.ADMINISTRATOR, Plain.PAYMENT_LATER),
    FailureKind("issuer_not_ready", Cause.SETTINGS, _INVOICE, Who.EXPERT, Plain.INVOICE_SETTINGS),
    FailureKind("issuer_settings", Cause.SETTINGS, _INVOICE, Who.EXPERT, Plain.INVOICE_SETTINGS),
    FailureKind("platform_key_refused", Cause.SETTINGS, _INVOICE, Who.ADMINISTRATOR, Plain.INVOICE_FAILED),
    FailureKind("exchange_rate_missing", Cause.SETTINGS, _INVOICE, Who.ADMINISTRATOR, Plain.INVOICE_FAILED),
    FailureKind(
        "secrets_keys_missing", Cause.SETTINGS, (Step.VALIDATE, Step.INVOICE), Who.ADMINISTRATOR, Plain.INVOICE_LATER,
    ),
    FailureKind("database_url", Cause.SETTINGS, _ANY, Who.ADMINISTRATOR, Plain.OURS),
    FailureKind("database_schema", Cause.SETTINGS, _ANY, Who.ADMINISTRATOR, Plain.OURS),
    FailureKind("mail_not_configured", Cause.SETTINGS, _MAIL, Who.ADMINISTRATOR, Plain.MAIL_FAILED, _RESEND),
    FailureKind("issuer_unreachable", Cause.CONNECTIVITY, _INVOICE, Who.NOBODY, alone=True),
    FailureKind("issuer_unchecked", Cause.CONNECTIVITY, _INVOICE, Who.OPS, Plain.OURS, ()),
    FailureKind(
        "issuer_outcome_unknown", Cause.CONNECTIVITY, _INVOICE, Who.NOBODY, Plain.INVOICE_CHECKED, alone=True,
        documents=Documents.MAY_EXIST, unknown=True,
    ),
    FailureKind("exchange_rates_unreachable", Cause.CONNECTIVITY, _INVOICE, Who.NOBODY, alone=True),
    FailureKind("provider_maintenance", Cause.CONNECTIVITY, _INVOICE, Who.NOBODY, alone=True),
    FailureKind("account_maintenance", Cause.CONNECTIVITY, _INVOICE, Who.NOBODY, alone=True),
    FailureKind("provider_brownout", Cause.CONNECTIVITY, _INVOICE, Who.NOBODY, Plain.INVOICE_LATER, (), alone=True),
    FailureKind("provider_limit", Cause.LIMIT, (Step.CHARGE, Step.INVOICE), Who.NOBODY, alone=True),
    FailureKind("gateway_unreachable", Cause.CONNECTIVITY, _CHARGE, Who.NOBODY, Plain.PAYMENT_LATER, alone=True),
    FailureKind(
        "gateway_outcome_unknown", Cause.CONNECTIVITY, _CHARGE, Who.NOBODY, Plain.PAYMENT_CHECKED, _CHECK, alone=True,
        unknown=True,
    ),
    FailureKind("payment_refused", Cause.PAYMENT, _CHARGE, Who.CLIENT, Plain.PAYMENT_FAILED, _PAY),
    FailureKind("expired", Cause.PAYMENT, _CHARGE, Who.CLIENT, Plain.PAYMENT_FAILED, _PAY),
    FailureKind("payment_failed", Cause.PAYMENT, _CHARGE, Who.CLIENT, Plain.PAYMENT_FAILED, _PAY),
    FailureKind("payment_not_verified", Cause.PAYMENT, _CHARGE, Who.OPS, Plain.PAYMENT_CHECKED, _CHECK),
    FailureKind(
        "payment_duplicate", Cause.PAYMENT, _CHARGE, Who.NOBODY, Plain.PAID_TWICE, (), money=Money.PAID_TWICE
    ),
    FailureKind("notification_rejected", Cause.PAYMENT, _CHARGE, Who.OPS, Plain.OURS, _CHECK),
    FailureKind(
        "refund_refused", Cause.PAYMENT, _CHARGE, Who.OPS, Plain.REFUND_LATER, _REFUND,
        money=Money.NOT_REFUNDED, refunding=True,
    ),
    FailureKind(
        "refund_too_large", Cause.PAYMENT, _CHARGE, Who.OPS, Plain.REFUND_LATER, _REFUND,
        money=Money.NOT_REFUNDED, refunding=True,
    ),
    FailureKind(
        "reconciliation_difference", Cause.PAYMENT, (Step.CHARGE, Step.INVOICE), Who.OPS, Plain.OURS,
        (Action.CHECK_PAYMENT_NOW, Action.REGENERATE_INVOICE, Action.REFUND), money=Money.NOT_MOVED,
    ),
    FailureKind(
        "correction_proposed", Cause.BILLING_DATA, _INVOICE, Who.OPS, Plain.CORRECTION, (),
        documents=Documents.NOT_CORRECTED,
    ),
    FailureKind(
        "correction_ksef_required", Cause.SETTINGS, _INVOICE, Who.OPS, Plain.CORRECTION, (),
        documents=Documents.NOT_CORRECTED,
    ),
    FailureKind("refund_unfinished", Cause.BILLING_DATA, _INVOICE, Who.OPS, Plain.CORRECTION, ()),
    FailureKind("mail_deferred", Cause.CONNECTIVITY, _MAIL, Who.NOBODY, Plain.MAIL_LATER, _RESEND, alone=True),
    FailureKind("mail_undeliverable", Cause.CONNECTIVITY, _MAIL, Who.NOBODY, Plain.MAIL_LATER, _RESEND, alone=True),
    FailureKind(
        "mail_outcome_unknown", Cause.CONNECTIVITY, _MAIL, Who.OPS, Plain.MAIL_CHECKED, _RESEND, alone=True,
        unknown=True,
    ),
    FailureKind("mail_refused", Cause.BILLING_DATA, _MAIL, Who.OPS, Plain.MAIL_FAILED, _RESEND),
    FailureKind("database_unavailable", Cause.CONNECTIVITY, _ANY, Who.NOBODY, alone=True),
    FailureKind("document_store", Cause.INTERNAL, (Step.INVOICE, Step.EMAIL), Who.ADMINISTRATOR, alone=True),
    FailureKind("step_timed_out", Cause.INTERNAL, _ANY, Who.OPS, alone=True, doubtful=True),
    FailureKind("run_cancelled", Cause.INTERNAL, _ANY, Who.OPS, Plain.OURS, _GO_ON, unknown=True),
    FailureKind("run_lost", Cause.INTERNAL, _ANY, Who.OPS, Plain.OURS, _GO_ON, unknown=True),
    FailureKind("run_stuck", Cause.INTERNAL, _ANY, Who.ENGINEER, Plain.OURS, ()),
    FailureKind("document_altered", Cause.INTERNAL, (Step.INVOICE, Step.EMAIL), Who.ADMINISTRATOR),
    FailureKind("document_unknown", Cause.INTERNAL, (Step.INVOICE, Step.EMAIL), Who.ADMINISTRATOR),
    FailureKind("internal", Cause.INTERNAL, _ANY, Who.ENGINEER),
    FailureKind("version_conflict", Cause.INTERNAL, _ANY, Who.NOBODY, alone=True, says="overtaken"),
    _broken("database"),
    _broken("duplicate_row"),
    _broken("charge_of_paid_case", _CHARGE),
    _broken("second_kept_payment", _CHARGE),
    _broken("invoice_exists", _INVOICE),
    _lacking("decision_unknown"),
    _lacking("notification_unknown", _CHARGE),
)  # fmt: skip

FAILURES: Mapping[str, FailureKind] = MappingProxyType({kind.code: kind for kind in _ROWS})
"""The table, by code."""


def known_code(code: str) -> str:
    """The code itself when it is in the table, else `internal`: a park never carries an unexplained code."""
    return code if code in FAILURES else "internal"


def cause_of(code: str, otherwise: Cause) -> Cause:
    """The cause that the table gives the code; of a code that is not in it, the one of the error."""
    return FAILURES[code].cause if code in FAILURES else otherwise


def money_after(
    kind: FailureKind, state: CaseState, step: Step | None, *, outcome_known: bool = True, refunding: bool = False
) -> Money:
    """What was and was not done to the money when a step of this case failed so."""
    known = outcome_known and not kind.unknown
    return kind.money or money_of(state, step, outcome_known=known, refunding=refunding or kind.refunding)


def documents_after(kind: FailureKind, state: CaseState, step: Step | None, *, outcome_known: bool = True) -> Documents:
    """What was and was not done to the invoice when a step of this case failed so."""
    known = outcome_known and not kind.unknown
    return kind.documents or documents_of(state, step, outcome_known=known)
