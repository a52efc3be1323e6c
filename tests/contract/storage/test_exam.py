"""The storage port's exam on SQLite and PostgreSQL, and proof that it catches stores that break a promise."""

import inspect
from types import ModuleType

import pytest

from invoicing.errors import PaidcaseError
from invoicing.ports import CaseStore, UnitOfWork
from invoicing.storage.store import SqlCaseStore
from tests.contract.storage import (
    exam_brownouts,
    exam_case_lists,
    exam_cases,
    exam_decisions,
    exam_lists,
    exam_metrics,
    exam_money,
    exam_notes,
    exam_profiles,
    exam_queue,
    exam_rearming,
    exam_records,
    exam_runs,
    exam_told_lists,
    samples,
)
from tests.contract.storage.sabotage import (
    SABOTAGE,
    Exam,
    LocksNoGate,
    NumbersWithoutLock,
    ReadsFactsOnce,
    store_of,
)

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # wrong values are meant


def _exams(*modules: ModuleType) -> list[Exam]:
    return [
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if function.__module__ == module.__name__ and [*inspect.signature(function).parameters] == ["open_store"]
    ]


MODULES = (
    exam_brownouts,
    exam_case_lists,
    exam_cases,
    exam_decisions,
    exam_lists,
    exam_metrics,
    exam_money,
    exam_notes,
    exam_profiles,
    exam_queue,
    exam_rearming,
    exam_records,
    exam_runs,
    exam_told_lists,
)
EXAMS = _exams(*MODULES)


@pytest.mark.parametrize("exam", EXAMS, ids=lambda exam: str(exam.__name__))
async def test_store_passes(exam: Exam, database_url: str) -> None:
    await exam(lambda: SqlCaseStore(database_url))


@pytest.mark.parametrize(("sabotaged", "exam"), SABOTAGE, ids=lambda value: str(value.__name__))
async def test_exam_catches(sabotaged: type[SqlCaseStore], exam: Exam, database_url: str) -> None:
    with pytest.raises((AssertionError, PaidcaseError)):
        await exam(lambda: sabotaged(database_url))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_exam_catches_facts_of_two_snapshots(database_url: str) -> None:
    with pytest.raises(AssertionError, match="a revision and no data"):
        await exam_cases.facts_read_while_billing_data_change_hold_together(
            lambda: store_of(ReadsFactsOnce)(database_url)
        )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_exam_catches_numbers_without_lock(database_url: str) -> None:
    with pytest.raises((AssertionError, PaidcaseError)):
        await exam_decisions.decisions_have_no_gap_with_many_writers_and_rollbacks(
            lambda: store_of(NumbersWithoutLock)(database_url)
        )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_exam_catches_a_gate_without_lock(database_url: str) -> None:
    for exam in (
        exam_brownouts.of_many_that_fail_at_once_somebody_sees_them_all,
        exam_brownouts.of_many_that_change_a_gate_each_sees_the_last_change,
    ):
        with pytest.raises((AssertionError, PaidcaseError)):
            await exam(lambda: store_of(LocksNoGate)(database_url))


def test_exam_asks_for_every_method_of_the_ports() -> None:
    """A method that no exam calls is promised by nobody."""
    text = "".join(inspect.getsource(m) for m in MODULES)
    text += inspect.getsource(samples)
    methods = {name for port in (CaseStore, UnitOfWork) for name in vars(port) if not name.startswith("_")}
    assert len(methods) > 40
    assert [name for name in sorted(methods) if f".{name}" not in text and f'"{name}"' not in text] == []
