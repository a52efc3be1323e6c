"""Every error this project raises on purpose.

    PaidcaseError
    ├── DataFault            the case's data make the step impossible        not retryable, nothing happened
    ├── SettingsFault        a setting, key or account is missing or wrong   not retryable, nothing happened
    ├── ConnectivityFault    the other side was not reached or said "later"  retryable, nothing happened
    │   └── Throttled        it named a waiting time                         retryable after that time
    ├── OutcomeUnknown       the request left, no usable answer came         retryable only through a look-up
    ├── Refused              the other side said a definite no               not retryable, nothing happened
    ├── VersionConflict      somebody else wrote the state record first      retryable, nothing was written
    ├── NotFound             the thing asked for is not in the database      not retryable
    ├── NotAllowed           the act makes no sense in the present state     not retryable
    ├── StillPending         a poll has no final answer yet                  retryable, expected
    ├── BadNotification      a webhook message that must not be believed     not retryable
    └── InternalFault        a rule of ours is broken                        not retryable, a person must look

`retryable` says whether trying the same step again can help by itself. `outcome_known` says whether we know what the
outward call did; where it is False, nobody may repeat the call before a look-up has answered.
Messages and `code` never contain personal data: they reach histories, logs and alerts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar


class Cause(StrEnum):
    """Who can cure a failure: the data's owner, the administrator, time, the payer, patience, or us."""

    BILLING_DATA = "billing_data"
    SETTINGS = "settings"
    CONNECTIVITY = "connectivity"
    PAYMENT = "payment"
    LIMIT = "limit"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where (`billing_data.tax_id`, `lines[0].vat_rate`) and what (a fault code)."""

    field: str
    code: str


class PaidcaseError(Exception):
    """Base of the tree; never raised itself."""

    retryable: ClassVar[bool] = False
    outcome_known: ClassVar[bool] = True
    cause: ClassVar[Cause] = Cause.INTERNAL

    def __init__(self, code: str, message: str = "", *, retry_after: timedelta | None = None) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message or code
        self.retry_after = retry_after
        self.recorded = False  # set by whoever writes the failure record together with what the attempt changed


class DataFault(PaidcaseError):
    """The data of the case, the buyer or the seller make the step impossible; `faults` names every one."""

    cause = Cause.BILLING_DATA

    def __init__(self, code: str, faults: Sequence[Fault] = (), message: str = "") -> None:
        super().__init__(code, message or f"{code}: {', '.join(f'{f.field} {f.code}' for f in faults)}")
        self.faults = tuple(faults)


class SettingsFault(PaidcaseError):
    """A setting, key, right or account is missing or wrong; `faults` names the expert's fields where known."""

    cause = Cause.SETTINGS

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        retry_after: timedelta | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(code, message, retry_after=retry_after)
        self.faults = tuple(faults)


class ConnectivityFault(PaidcaseError):
    """The other side was not reached, or answered that it is not available; nothing happened there."""

    retryable = True
    cause = Cause.CONNECTIVITY


class Throttled(ConnectivityFault):
    """The other side asked for a pause; `retry_after` carries it."""

    cause = Cause.LIMIT


class OutcomeUnknown(PaidcaseError):
    """The request left and no answer that can be believed came back."""

    retryable = True
    outcome_known = False
    cause = Cause.CONNECTIVITY


class Refused(PaidcaseError):
    """The other side gave a definite no; `code` is its reason."""

    cause = Cause.PAYMENT


class VersionConflict(PaidcaseError):
    """The state record changed between reading and writing; read again and plan again."""

    retryable = True


class NotFound(PaidcaseError):
    """The database has no such thing."""


class NotAllowed(PaidcaseError):
    """The act makes no sense in the present state of the case; `reason` says why in one word, where one is known."""

    def __init__(self, code: str, message: str = "", *, reason: str | None = None) -> None:
        super().__init__(code, message or reason or "")
        self.reason = reason


class StillPending(PaidcaseError):
    """A poll has no final answer yet; its retry is the next poll."""

    retryable = True
    cause = Cause.PAYMENT


class BadNotification(PaidcaseError):
    """A webhook message whose authenticity or meaning is not proved.

    `service_id`, `order_id` and `remote_out_id` are set only when they may be echoed in the signed answer. `proved`
    says that the message is authentic, though not one of the kind that was asked for.
    """

    cause = Cause.PAYMENT
    service_id: str | None = None
    order_id: str | None = None
    remote_out_id: str | None = None
    proved: bool = False


class InternalFault(PaidcaseError):
    """A rule of ours is broken; a person must look before anything goes on."""
