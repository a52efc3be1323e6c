"""A seller changes the template of his numbers: nothing collides, nothing is blocked, no number comes twice."""

import asyncio
from datetime import date

import pytest

from invoicing.documents import numbers
from invoicing.domain.numbering import SeriesTemplate
from invoicing.storage.store import SqlCaseStore
from tests.contract.storage.samples import invoice, opened, recorded

DAY = date(2026, 11, 22)
SELLER = "123-456-32-18"


async def issue(store: SqlCaseStore, template: str, case_id: str, on: date = DAY) -> str:
    async with store.transaction() as db:
        taken = await numbers.take(db, SELLER, SeriesTemplate.parse(template), on)
        await asyncio.sleep(0)
        await db.add_invoice(invoice(taken.full_number, case_id), taken.series, taken.period, taken.ordinal)
    return taken.full_number


async def test_a_template_that_differs_in_padding_passes_over_what_both_spell_alike(database_url: str) -> None:
    async with opened(lambda: SqlCaseStore(database_url)) as store:
        assert isinstance(store, SqlCaseStore)
        await recorded(store, *(f"c-{n}" for n in range(30)))
        first = [await issue(store, "FV/{number}/{year}", f"c-{n}") for n in range(12)]
        assert first == [f"FV/{n}/2026" for n in range(1, 13)]
        second = [await issue(store, "FV/{number:2}/{year}", f"c-{n}") for n in range(12, 23)]
        assert second == [*(f"FV/0{n}/2026" for n in range(1, 10)), "FV/13/2026", "FV/14/2026"]
        back = [await issue(store, "FV/{number}/{year}", f"c-{n}") for n in range(23, 25)]
        assert back == ["FV/15/2026", "FV/16/2026"]


async def test_two_templates_that_spell_the_same_numbers_take_turns(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quarter 1 of the one reads like month 01 of no other, but fixed text can read like any field."""
    monkeypatch.setattr(numbers, "LOOKED_AT", 2)
    async with opened(lambda: SqlCaseStore(database_url)) as store:
        assert isinstance(store, SqlCaseStore)
        await recorded(store, *(f"c-{n}" for n in range(12)))
        quarter, fixed = "FV/{number}/{quarter}/{year}", "FV/{number}/4/{year}"
        told = [await issue(store, quarter if n < 7 else fixed, f"c-{n}") for n in range(10)]
        assert told == [f"FV/{n}/4/2026" for n in range(1, 11)]
        assert await issue(store, quarter, "c-10", date(2027, 1, 1)) == "FV/1/1/2027"
        assert await issue(store, fixed, "c-11", date(2027, 1, 1)) == "FV/1/4/2027"


async def test_writers_of_two_templates_at_once_never_share_a_number_and_none_is_blocked(database_url: str) -> None:
    templates = ("FV/{number}/{year}", "FV/{number:1}/{year}", "FV/{number:2}/{year}")
    async with opened(lambda: SqlCaseStore(database_url)) as store:
        assert isinstance(store, SqlCaseStore)
        names = [f"c-{n}" for n in range(36)]
        await recorded(store, *names)

        async def of(template: str, mine: list[str]) -> list[str]:
            return [await issue(store, template, name) for name in mine]

        told = await asyncio.gather(*(of(template, names[n::3]) for n, template in enumerate(templates)))
        everything = [number for numbers_of_one in told for number in numbers_of_one]
        assert len(set(everything)) == len(everything) == 36
