"""What the words mean with which Autopay says no.

Guarantee: a word that is not listed proves nothing. Source: Autopay online gateway manual, "errors", "refunds", and the
reasons of a start in its lists; no list is said to be complete.
"""

from __future__ import annotations

from datetime import timedelta

from invoicing.errors import OutcomeUnknown, PaidcaseError, Refused, SettingsFault, Throttled

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

DEFINITE_REFUND_REASONS = frozenset(
    """TRANSACTION_NOT_FOUND TRANSACTION_NOT_IN_REFUNDABLE_STATUS TRANSACTION_TOO_OLD_TO_REFUND INVALID_FORMAT
    VALIDATION_FAILED PARTIAL_TRANSACTION_REFUNDS_FORBIDDEN PRODUCT_ALREADY_REFUNDED PRODUCT_PARAM_NOT_FOUND
    INCORRECT_AMOUNT_OF_PRODUCT_DETAILS SETTLEMENT_CONF_NOT_FOUND USER_NOT_FOUND SCA_FAILED BALANCE_ERROR""".split()
)
"""Errors that the gateway finds before it queues a refund."""

BALANCE_DISABLED = "BALANCE_DISABLED"
BLOCKED = "TEMPORARY_DISABLED"
BLOCKED_FOR = timedelta(minutes=10)
"""Three errors in a row block the caller's address for so long, so a refund that met an error is not pressed sooner."""


def refusal(reason: str) -> PaidcaseError:
    """The error for a start that was not accepted, for this reason."""
    if reason in SETTINGS_ERRORS:
        return SettingsFault("gateway_settings", reason)
    if reason in TAKEN_REASONS:
        return OutcomeUnknown("gateway_outcome_unknown", reason)
    return Refused("payment_refused", reason)


def refund_refusal(reason: str) -> PaidcaseError:
    """The error for a refund that was not queued; MESSAGE_ID_NOT_UNIQUE and the unlisted ones are looked up."""
    if reason in SETTINGS_ERRORS or reason == BALANCE_DISABLED:
        return SettingsFault("gateway_settings", reason)
    if reason in DEFINITE_REFUND_REASONS:
        return Refused("refund_refused", reason)
    if reason == BLOCKED:
        return Throttled("provider_limit", reason, retry_after=BLOCKED_FOR)
    return OutcomeUnknown("gateway_outcome_unknown", reason, retry_after=BLOCKED_FOR)
