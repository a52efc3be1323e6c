"""What `doctor` says of a payment service and of the ways to pay that clients find there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from invoicing.errors import ConnectivityFault, PaidcaseError
from invoicing.ports import Channel
from invoicing.settings import Settings, load
from starter.autopay_check import payment_service, unusable
from starter.health import Health

HOUR = timedelta(hours=1)


def channel(minimum: str | None = "0.01", validity: timedelta | None = None, *, available: bool = True) -> Channel:
    least = None if minimum is None else Decimal(minimum)
    return Channel(106, "Bank", "PBL", available, "PLN", minimum=least, minimum_validity=validity)


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        ([], "nobody can pay"),
        ([channel("0.20"), channel("1.00")], "MINIMUM_AMOUNT"),
        ([channel("0.20"), channel("0.10")], ""),
        ([channel("0.20"), channel(None)], ""),
        ([channel(validity=3 * HOUR)], "PAYMENT_VALIDITY"),
        ([channel(validity=3 * HOUR), channel(validity=2 * HOUR)], ""),
    ],
)
def test_what_no_way_to_pay_allows_is_told_with_the_setting(channels: list[Channel], said: str) -> None:
    told = unusable(channels, Decimal("0.10"), 2 * HOUR, "PLN")
    assert (said in told) if said else told == ""


@dataclass
class Far:
    """A gateway that answers what it is told to."""

    channels_told: Sequence[Channel] = ()
    fault: PaidcaseError | None = None

    async def status(self, service_id: str, order_id: str) -> tuple[()]:
        return ()

    async def channels(self, currencies: Sequence[str], language: str) -> tuple[Channel, ...]:
        if self.fault is not None:
            raise self.fault
        return tuple(self.channels_told)


@dataclass
class Wired:
    """As much of an application as the check looks at."""

    gateway: Far
    settings: Settings


SERVICE = {"AUTOPAY_BASE_URL": "http://127.0.0.1:9", "AUTOPAY_SERVICE_ID": "7", "AUTOPAY_SHARED_KEY": "key"}


async def told(far: Far) -> tuple[Health, str]:
    settings = load(SERVICE)
    check = await payment_service(Wired(far, settings), settings.autopay[0])  # type: ignore[arg-type]  # a part of it
    assert check.name == "autopay PLN"
    return check.health, check.told


async def test_a_service_with_nothing_open_or_no_list_is_a_warning_and_never_a_failure() -> None:
    health, said = await told(Far([channel(available=False)]))
    assert (health, "0 of 1 ways to pay are available: nobody can pay now" in said) == (Health.WARNING, True)
    health, said = await told(Far(fault=ConnectivityFault("gateway_unreachable")))
    assert (health, "not to be had" in said) == (Health.WARNING, True)
