"""The dates of the law that `doctor` warns of."""

from datetime import date

import pytest

from starter.ksef_duty import duty_on


@pytest.mark.parametrize(
    ("day", "now", "coming"),
    [
        (date(2026, 1, 31), "no duty yet", "from 2026-02-01: sellers whose gross sales"),
        (date(2026, 2, 1), "since 2026-02-01: sellers whose gross sales", "from 2026-04-01: every seller but"),
        (date(2026, 12, 31), "since 2026-04-01: every seller but", "from 2027-01-01: every seller, with penalties"),
        (date(2027, 1, 1), "since 2027-01-01: every seller, with penalties", None),
    ],
)
def test_the_duty_of_a_day_and_the_next_one_are_told(day: date, now: str, coming: str | None) -> None:
    told = duty_on(day)
    assert f"to businesses, {now}" in told
    assert (coming in told) if coming else ("; from" not in told)
