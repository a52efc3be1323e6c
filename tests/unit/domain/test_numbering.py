"""Invoice numbers: which templates are taken, when a counter starts again, and by which calendar a day is told."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoicing.domain.numbering import SeriesTemplate, TemplateFault, issue_date, series_key

EXACT = settings(deadline=None, database=None)
MONTHLY, QUARTERLY = "FV/{number}/{month}/{year}", "FV/{number}/{quarter}/{year}"
YEARLY, ENDLESS = "FV/{number}/{year}", "FV/{number}"


@pytest.mark.parametrize(
    "template",
    [
        MONTHLY,
        QUARTERLY,
        YEARLY,
        ENDLESS,
        "{number}",
        "{number:4}/{year}",
        "{year}-{month}-{number:9}",
        "A_{number}.B\\C {year}",
        "FV2/{number}/{year}",
        "{number}/{month}/{quarter}/{year}",
    ],
)
def test_a_template_that_gives_unique_numbers_is_taken(template: str) -> None:
    assert SeriesTemplate.parse(template).text == template


@pytest.mark.parametrize(
    ("template", "rule"),
    [
        ("", "exactly once"),
        ("FV/{year}", "exactly once"),
        ("{number}/{number}", "exactly once"),
        ("{number}/{month}", r"need \{year\}"),
        ("{number}/{quarter}", r"need \{year\}"),
        ("{number}{year}", "set apart"),
        ("{year}{number}", "set apart"),
        ("FV1{number}", "set apart"),
        ("{number}1/{year}", "set apart"),
        ("{month:2}/{number}/{year}", "may be padded"),
        ("{year:4}/{number}", "may be padded"),
        ("{number}/{day}", "are allowed"),
        ("{Number}", "are allowed"),
        ("{number:0}", "are allowed"),
        ("{number:10}", "are allowed"),
        ("{number:04d}", "are allowed"),
        ("{number!r}", "are allowed"),
        ("{{number}}", "are allowed"),
        ("{number}/{", "are allowed"),
        ("Faktura nr {number}, {year}", "are allowed"),
        ("FV ż/{number}", "are allowed"),
        ("FV<b>/{number}", "are allowed"),
        ("{number.__class__}", "are allowed"),
    ],
)
def test_any_other_template_is_refused_with_its_rule(template: str, rule: str) -> None:
    with pytest.raises(TemplateFault, match=rule) as raised:
        SeriesTemplate.parse(template)
    assert str(raised.value) == raised.value.rule


@pytest.mark.parametrize(
    ("template", "before", "after"),
    [
        (MONTHLY, (date(2026, 11, 30), "2026-11"), (date(2026, 12, 1), "2026-12")),
        (MONTHLY, (date(2026, 12, 31), "2026-12"), (date(2027, 1, 1), "2027-01")),
        (MONTHLY, (date(2028, 2, 29), "2028-02"), (date(2028, 3, 1), "2028-03")),
        (QUARTERLY, (date(2026, 3, 31), "2026-Q1"), (date(2026, 4, 1), "2026-Q2")),
        (QUARTERLY, (date(2026, 6, 30), "2026-Q2"), (date(2026, 7, 1), "2026-Q3")),
        (QUARTERLY, (date(2026, 9, 30), "2026-Q3"), (date(2026, 10, 1), "2026-Q4")),
        (QUARTERLY, (date(2026, 12, 31), "2026-Q4"), (date(2027, 1, 1), "2027-Q1")),
        (YEARLY, (date(2026, 12, 31), "2026"), (date(2027, 1, 1), "2027")),
    ],
)
def test_the_counter_starts_again_with_the_shortest_period_of_the_template(
    template: str, before: tuple[date, str], after: tuple[date, str]
) -> None:
    parsed = SeriesTemplate.parse(template)
    for day, period in (before, after):
        assert parsed.period(day) == period


def test_within_its_period_a_counter_goes_on() -> None:
    assert SeriesTemplate.parse(YEARLY).period(date(2026, 1, 1)) == SeriesTemplate.parse(YEARLY).period(
        date(2026, 12, 31)
    )
    assert SeriesTemplate.parse(ENDLESS).period(date(2026, 1, 1)) == SeriesTemplate.parse(ENDLESS).period(
        date(2031, 7, 4)
    )


@pytest.mark.parametrize(
    ("template", "number", "on", "written"),
    [
        (MONTHLY, 1, date(2026, 11, 22), "FV/1/11/2026"),
        (MONTHLY, 120, date(2026, 3, 5), "FV/120/03/2026"),
        (QUARTERLY, 7, date(2026, 12, 31), "FV/7/4/2026"),
        ("{number:4}/{year}", 7, date(2026, 1, 1), "0007/2026"),
        ("{number:4}/{year}", 9999, date(2026, 1, 1), "9999/2026"),
        ("{number:4}/{year}", 10000, date(2026, 1, 1), "10000/2026"),
        ("{number:1}", 7, date(2026, 1, 1), "7"),
        ("A\\1_{number}", 7, date(2026, 1, 1), "A\\1_7"),
    ],
)
def test_a_number_is_written_by_its_template(template: str, number: int, on: date, written: str) -> None:
    assert SeriesTemplate.parse(template).full_number(number, on) == written


DAYS = st.dates(date(2025, 1, 1), date(2028, 12, 31))
NUMBERS = st.integers(1, 20_000)


@st.composite
def templates(draw: st.DrawFn) -> SeriesTemplate:
    """Fields in any order, set apart by any signs and letters, with digits in between where the rules allow them."""
    periods = draw(st.sampled_from([[], ["{year}"], ["{month}", "{year}"], ["{quarter}", "{year}"]]))
    fields = draw(st.permutations([draw(st.sampled_from(["{number}", "{number:3}"])), *periods]))
    apart = [draw(st.sampled_from(["/", "-", "_", " ", "FV", "/1/", "a2b", "."])) for _ in fields]
    return SeriesTemplate.parse("".join(sign + name for sign, name in zip(apart, fields, strict=True)))


@EXACT
@given(templates(), DAYS, NUMBERS, DAYS, NUMBERS)
def test_two_numbers_of_a_series_are_never_written_alike(
    template: SeriesTemplate, day: date, number: int, other_day: date, other_number: int
) -> None:
    same = (template.period(day), number) == (template.period(other_day), other_number)
    assert (template.full_number(number, day) == template.full_number(other_number, other_day)) is same


def test_a_series_belongs_to_one_seller_and_one_template() -> None:
    keys = {series_key(seller, text) for seller in ("1234563218", "5260250274") for text in (MONTHLY, YEARLY)}
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("now", "day"),
    [
        pytest.param(datetime(2026, 11, 22, 10, tzinfo=UTC), date(2026, 11, 22), id="by day"),
        pytest.param(datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), date(2026, 12, 31), id="last second of a year"),
        pytest.param(datetime(2026, 12, 31, 23, tzinfo=UTC), date(2027, 1, 1), id="first second of a year"),
        pytest.param(datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC), date(2026, 6, 30), id="summer, last second"),
        pytest.param(datetime(2026, 6, 30, 22, tzinfo=UTC), date(2026, 7, 1), id="summer, first second"),
        pytest.param(datetime(2026, 3, 28, 23, tzinfo=UTC), date(2026, 3, 29), id="clocks go forward, begin of day"),
        pytest.param(datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC), date(2026, 3, 29), id="clocks go forward, end"),
        pytest.param(datetime(2026, 3, 29, 22, tzinfo=UTC), date(2026, 3, 30), id="clocks go forward, next day"),
        pytest.param(datetime(2026, 10, 24, 22, tzinfo=UTC), date(2026, 10, 25), id="clocks go back, begin of day"),
        pytest.param(datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC), date(2026, 10, 25), id="clocks go back, end"),
        pytest.param(datetime(2026, 10, 25, 23, tzinfo=UTC), date(2026, 10, 26), id="clocks go back, next day"),
        pytest.param(
            datetime(2027, 1, 1, 8, tzinfo=timezone(timedelta(hours=9))), date(2027, 1, 1), id="told from the east"
        ),
        pytest.param(
            datetime(2027, 1, 1, 7, 59, tzinfo=timezone(timedelta(hours=9))), date(2026, 12, 31), id="a minute before"
        ),
    ],
)
def test_the_day_of_issue_is_told_by_the_calendar_of_warsaw(now: datetime, day: date) -> None:
    assert issue_date(now) == day
