"""What closes an alert by itself: for each code that opens one, the events after which nobody need look any more."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Recovery(StrEnum):
    """Closed by the transaction in which it happens."""

    STEP_GOES_ON = "the parked step is tried again, succeeds, or the case is given up"
    PAYMENT_SETTLED = "the case gets its payment, its attempt is over or a new one open, or it is closed as unpaid"
    MONEY_CAME = "the case gets its payment, through the gateway or another way"
    GIVEN_BACK = "a refund of that payment arrives"
    DELIVERED = "the invoice's mail is sent again"
    CORRECTED = "a correction of the invoice is issued"
    LOGIN_TAKEN = "the provider takes the keys of any account again"
    INVOICED = "the invoice is issued, or a document is attached"
    PROVIDER_BACK = "the provider answers again and the cases that were held go on"
    AGREES = "a later comparison finds that gateway, records and invoices agree"
    RUN_WORKS = "a later sweep finds that the run works"
    PROVED = "the expert is saved again and his account is proved"
    DECIDED_AGAIN = "the same is decided again"
    CARRIED_OUT = "the refund is ordered after all"
    ACKNOWLEDGED = "a person acknowledges it, where no step is parked"


_STEP, _AGAIN, _BY_HAND = Recovery.STEP_GOES_ON, Recovery.DECIDED_AGAIN, Recovery.ACKNOWLEDGED
_BOTH = (_STEP, _AGAIN)
_MAIL = (Recovery.DELIVERED, _BY_HAND)

RECOVERIES: Mapping[str, tuple[Recovery, ...]] = MappingProxyType(
    {
        "billing_data_invalid": (_STEP,),
        "invoice_facts_incomplete": _BOTH,
        "invoice_data_refused": (_STEP,),
        "issuer_total_differs": (_STEP,),
        "issuer_invoice_differs": (_STEP,),
        "issuer_document_differs": (_STEP,),
        "attachment_overtaken": (Recovery.INVOICED, _AGAIN),
        "give_up_overtaken": (_BY_HAND,),
        "autopay_disabled": (*_BOTH, Recovery.CARRIED_OUT),
        "gateway_settings": (*_BOTH, Recovery.CARRIED_OUT),
        "issuer_not_ready": (_STEP,),
        "issuer_settings": (_STEP,),
        "exchange_rate_missing": _BOTH,
        "secrets_keys_missing": (_STEP,),
        "database_url": _BOTH,
        "database_schema": _BOTH,
        "mail_not_configured": _MAIL,
        "issuer_unreachable": (_STEP,),
        "issuer_unchecked": (Recovery.PROVED,),
        "issuer_outcome_unknown": (_STEP,),
        "exchange_rates_unreachable": _BOTH,
        "provider_maintenance": (_STEP,),
        "provider_brownout": (Recovery.PROVIDER_BACK,),
        "provider_limit": (_STEP, Recovery.PAYMENT_SETTLED, _AGAIN),
        "gateway_unreachable": (Recovery.PAYMENT_SETTLED, _AGAIN),
        "gateway_outcome_unknown": (Recovery.PAYMENT_SETTLED,),
        "payment_refused": (Recovery.PAYMENT_SETTLED,),
        "expired": (),
        "payment_failed": (),
        "payment_not_verified": (Recovery.MONEY_CAME, *_BOTH, _BY_HAND),
        "payment_duplicate": (Recovery.GIVEN_BACK,),
        "notification_rejected": (_BY_HAND,),
        "refund_refused": (Recovery.GIVEN_BACK,),
        "refund_too_large": (Recovery.GIVEN_BACK,),
        "reconciliation_difference": (Recovery.AGREES,),
        "correction_proposed": (Recovery.CORRECTED, _BY_HAND),
        "correction_ksef_required": (Recovery.CORRECTED, _BY_HAND),
        "ksef_required": (_STEP,),
        "account_maintenance": (_STEP,),
        "platform_key_refused": (Recovery.LOGIN_TAKEN, _STEP),
        "refund_unfinished": (Recovery.CORRECTED, _BY_HAND),
        "mail_deferred": (),
        "mail_undeliverable": _MAIL,
        "mail_outcome_unknown": _MAIL,
        "mail_refused": _MAIL,
        "database_unavailable": _BOTH,
        "document_store": _BOTH,
        "step_timed_out": _BOTH,
        "run_cancelled": _BOTH,
        "run_lost": _BOTH,
        "run_stuck": (Recovery.RUN_WORKS,),
        "internal": _BOTH,
        "version_conflict": _BOTH,
        "database": _BOTH,
        "duplicate_row": _BOTH,
        "charge_of_paid_case": (_STEP,),
        "second_kept_payment": (_AGAIN,),
        "invoice_exists": _BOTH,
        "document_altered": _BOTH,
        "decision_unknown": (_BY_HAND,),
        "document_unknown": _BOTH,
        "notification_unknown": (_AGAIN,),
    }
)
"""How the alert of each code is closed; nothing where the code opens none. A test brings about each pair."""

CLOSED_BY_HAND = frozenset(code for code, ways in RECOVERIES.items() if Recovery.ACKNOWLEDGED in ways)
"""Codes whose recovery no record shows, so that acknowledging closes their alert."""


def _closed_by(*ways: Recovery) -> frozenset[str]:
    return frozenset(code for code, of in RECOVERIES.items() if set(of) & set(ways))


SETTLED_BY_ATTEMPT = _closed_by(Recovery.PAYMENT_SETTLED)
"""Codes whose alerts of a case close when a new attempt is opened, or nobody waits for the money any more."""

SETTLED_BY_MONEY = _closed_by(Recovery.PAYMENT_SETTLED, Recovery.MONEY_CAME)
"""Codes whose alerts of a case close when it gets its payment."""

SETTLED_BY_CORRECTION = _closed_by(Recovery.CORRECTED)
"""Codes whose alerts of a case close when a correction of its invoice is issued."""

SETTLED_BY_INVOICE = _closed_by(Recovery.INVOICED)
"""Codes whose alerts of a case close when it has its invoice."""
