"""What `doctor` says of a payment service: that it answers, and which ways to pay clients find there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from invoicing.bootstrap import Application
from invoicing.domain.money import amount_text
from invoicing.errors import PaidcaseError
from invoicing.ports import Channel
from invoicing.settings import AutopaySettings
from starter.health import Check, Health

UNKNOWN_ORDER = "doctor-0"
"""An order that no case can have: attempts count from 1."""


async def payment_service(app: Application, service: AutopaySettings) -> Check:
    """One service. Raises what asking for an order raises: address, service id or key is wrong, or it is away."""
    # A signed answer, or the signed question's "no such order", shows address, service id and key to be right.
    await app.gateway.status(service.service_id, UNKNOWN_ORDER)
    told = f"service {service.service_id} answers at {service.base_url}"
    name = f"autopay {service.currency}"
    try:
        channels = await app.gateway.channels([service.currency], "en")
    except PaidcaseError:
        return Check(name, Health.WARNING, f"{told}; its list of ways to pay is not to be had now")
    open_now = [channel for channel in channels if channel.available]
    told += f"; {len(open_now)} of {len(channels)} ways to pay are available"
    wrong = unusable(open_now, app.settings.minimum_amount, app.settings.payment_validity, service.currency)
    return Check(name, Health.WARNING if wrong else Health.OK, f"{told}{wrong}")


def unusable(open_now: Sequence[Channel], minimum: Decimal, validity: timedelta, currency: str) -> str:
    """What no way to pay that is available allows, of all that our settings promise."""
    if not open_now:
        return ": nobody can pay now"
    if all(channel.minimum is not None and channel.minimum > minimum for channel in open_now):
        return f": none takes {amount_text(minimum, currency)} {currency}; raise MINIMUM_AMOUNT"
    if all(channel.minimum_validity is not None and channel.minimum_validity > validity for channel in open_now):
        return ": none is open for so short a time; raise PAYMENT_VALIDITY"
    return ""
