"""The written table of ended runs is the table in the code, whole and never empty-handed."""

import pytest

from invoicing.domain.decisions import DecisionKind
from invoicing.domain.interrupted import LEFT, Left, Place
from tests.architecture.documents import tables, text


def test_the_page_shows_the_table_of_the_code() -> None:
    (table,) = tables(text("docs/runs.md"))
    assert [(*row.values(),) for row in table] == [
        (place.value, row.money, row.documents, row.by_itself, row.press or "nothing", "open" if row.alert else "none")
        for place, row in LEFT.items()
    ]
    assert set(LEFT) == set(Place)


@pytest.mark.parametrize("row", LEFT.values(), ids=[place.name for place in LEFT])
def test_no_row_leaves_money_in_the_air(row: Left) -> None:
    assert row.money
    assert row.documents
    assert row.alert == (row.press is not None)
    assert row.press is None or DecisionKind(row.press)
