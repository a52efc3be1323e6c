"""What the words mean with which Autopay says no.

Guarantee: a word that is not listed proves nothing. Source: Autopay online gateway manual, "errors", and the reasons of
a start in its lists; no list is said to be complete.
"""

from __future__ import annotations

from invoicing.errors import OutcomeUnknown, PaidcaseError, Refused, SettingsFault

SETTINGS_ERRORS = frozenset({"INVALID_HASH", "SERVICE_NOT_FOUND", "PARTNER_DISABLED"})
DEFINITE_REASONS = frozenset(
    """INVALID_FORMAT INSUFFICIENT_START_AMOUNT START_AMOUNT_OUT_OF_RANGE BANK_DISABLED BANK_TEMPORARY_MAINTENANCE
    PAYWAY_NOT_FOUND TRANSACTION_CANCELED OUTDATED_ERROR TRANSACTION_OUTDATED LINK_VALIDITY_TIME_OUTDATED
    TRANSACTION_VALIDITY_TIME_OUTDATED NON_ACCOUNTED_LIMIT_EXCEEDED ERR_FIELD_NOT_FOUND NR_PARAMETERS_ERROR
    PARSING_ERROR INVALID_EMAIL RECURRENCY_NOT_SUPPORTED VALIDATION_FAILED""".split()
)
"""Errors that the gateway finds before it registers anything; the unsigned error document is believed for these."""

TAKEN_REASONS = frozenset(
    "BLOCK_MULTIPLE_TRANSACTIONS BLOCK_PAID_TRANSACTIONS MULTIPLY_TRANSACTION MULTIPLY_PAID_TRANSACTION".split()
)
"""Refusals that say something exists under this order already: to be looked up, never to be forgotten as refused."""

NOT_FOUND = "TRANSACTION_NOT_FOUND"


def refusal(reason: str) -> PaidcaseError:
    """The error for a start that was not accepted, for this reason."""
    if reason in SETTINGS_ERRORS:
        return SettingsFault("gateway_settings", reason)
    if reason in TAKEN_REASONS:
        return OutcomeUnknown("gateway_outcome_unknown", reason)
    return Refused("payment_refused", reason)
