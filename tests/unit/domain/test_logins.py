"""When refused logins tell of the platform's own key, and when of an expert's."""

from datetime import datetime, timedelta

import pytest

from invoicing.domain.logins import RefusedLogins, all_refused, platform_suspected, refuses_login
from invoicing.errors import Fault
from tests.unit.domain.samples import NOW

MINUTE = timedelta(minutes=1)
LOGIN = (Fault("wfirma.access_key", "issuer_not_ready"), Fault("wfirma.secret_key", "issuer_not_ready"))


def ago(*minutes: float) -> tuple[datetime, ...]:
    return tuple(NOW - each * MINUTE for each in minutes)


@pytest.mark.parametrize(
    ("refused", "accepted", "suspected"),
    [
        (ago(), None, False),
        (ago(1, 2), None, False),
        (ago(1, 2, 3), None, True),
        (ago(1, 2, 60), None, False),
        (ago(1, 2, 59.9), None, True),
        (ago(1, 2, 3), ago(2.5), False),
        (ago(1, 2, 3), ago(4), True),
        (ago(1, 2, 3), ago(0), False),
    ],
    ids=[
        "nobody", "two", "three", "one long ago", "within the hour", "one was taken between", "taken before",
        "taken since",
    ],
)  # fmt: skip
def test_three_experts_within_an_hour_and_nobody_taken_since_the_first(
    refused: tuple[datetime, ...], accepted: tuple[datetime, ...] | None, suspected: bool
) -> None:
    seen = RefusedLogins(refused_at=refused, accepted_at=accepted[0] if accepted else None)
    assert platform_suspected(seen, NOW) is suspected


@pytest.mark.parametrize(
    ("faults", "refused"),
    [((), False), (LOGIN, True), (LOGIN[:1], False), ((Fault("wfirma.company_id", "missing"),), False)],
)
def test_a_login_is_refused_when_both_keys_are_named(faults: tuple[Fault, ...], refused: bool) -> None:
    assert refuses_login(faults) is refused


def test_one_account_alone_tells_nothing_of_the_platform() -> None:
    assert not all_refused([LOGIN])
    assert all_refused([LOGIN, LOGIN])
    assert not all_refused([LOGIN, LOGIN, ()])
