"""What closes an alert by itself: for each code that opens one, the events after which nobody need look any more."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from invoicing.domain.failures import FAILURES


class Recovery(StrEnum):
    """Closed by the transaction in which it happens."""

    STEP_GOES_ON = "the parked step is tried again, succeeds, or the case is given up"
    PAYMENT_SETTLED = "the case gets its payment, a new attempt is opened, or the case is closed as unpaid"
    MONEY_CAME = "the case gets its payment, through the gateway or another way"
    GIVEN_BACK = "a refund of that payment arrives"
    DELIVERED = "a mail of that kind about the case is sent"
    CORRECTED = "a correction of the invoice is issued"
    LOGIN_TAKEN = "the provider takes the keys of any account again"
    PROVIDER_BACK = "the provider answers again and the cases that were held go on"
    AGREES = "a later comparison finds that gateway, records and invoices agree"
    DECIDED_AGAIN = "the same is decided again"
    ACKNOWLEDGED = "a person acknowledges it"


_OWN: Mapping[str, tuple[Recovery, ...]] = {
    "payment_refused": (Recovery.PAYMENT_SETTLED,),
    "payment_not_verified": (Recovery.MONEY_CAME,),
    "payment_duplicate": (Recovery.GIVEN_BACK,),
    "notification_rejected": (Recovery.ACKNOWLEDGED,),
    "refund_refused": (Recovery.GIVEN_BACK,),
    "refund_too_large": (Recovery.GIVEN_BACK,),
    "reconciliation_difference": (Recovery.AGREES,),
    "correction_proposed": (Recovery.CORRECTED, Recovery.ACKNOWLEDGED),
    "correction_ksef_required": (Recovery.CORRECTED, Recovery.ACKNOWLEDGED),
    "provider_brownout": (Recovery.PROVIDER_BACK,),
    "platform_key_refused": (Recovery.LOGIN_TAKEN,),
    "mail_refused": (Recovery.DELIVERED, Recovery.ACKNOWLEDGED),
    "mail_undeliverable": (Recovery.DELIVERED, Recovery.ACKNOWLEDGED),
    "mail_outcome_unknown": (Recovery.DELIVERED, Recovery.ACKNOWLEDGED),
    "mail_not_configured": (Recovery.DELIVERED, Recovery.ACKNOWLEDGED),
}

_OF_A_CHARGE = frozenset({"gateway_unreachable", "gateway_outcome_unknown", "provider_limit"})
_PARKS_TOO = frozenset({"payment_not_verified", "platform_key_refused"})


def _ways(code: str) -> tuple[Recovery, ...]:
    own = _OWN.get(code, ())
    if own and code not in _PARKS_TOO:
        return own
    charge = (Recovery.PAYMENT_SETTLED,) if code in _OF_A_CHARGE else ()
    return (*own, *charge, Recovery.STEP_GOES_ON, Recovery.DECIDED_AGAIN)


RECOVERIES: Mapping[str, tuple[Recovery, ...]] = MappingProxyType({code: _ways(code) for code in FAILURES})
"""How the alert of each code is closed; whatever parks a step or stops a decision can open one."""

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
