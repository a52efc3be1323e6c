"""The issuers' exam on every adapter, and proof that it catches adapters that break a promise."""

import asyncio
import dataclasses
import inspect
import shutil
from pathlib import Path

import pytest

from invoicing.errors import PaidcaseError
from invoicing.ports import Issuer
from invoicing.storage.schema import upgrade
from tests.contract.issuers import exam
from tests.contract.issuers.benches import Bench, open_bench
from tests.contract.issuers.sabotage import BENCHES, WHOLE, WRAPPED, Exam, Sabotaged

EXAMS: list[Exam] = [
    function
    for name, function in inspect.getmembers(exam, inspect.iscoroutinefunction)
    if function.__module__ == exam.__name__ and [*inspect.signature(function).parameters] == ["bench"]
]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "paidcase.db"
    asyncio.run(upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
def database_url(migrated: Path, tmp_path: Path) -> str:
    shutil.copy(migrated, tmp_path / "paidcase.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'paidcase.db'}"


def named(value: object) -> str:
    return str(getattr(value, "__name__", value))


@pytest.mark.parametrize("kind", BENCHES, ids=named)
@pytest.mark.parametrize("examined", EXAMS, ids=named)
async def test_issuer_passes(examined: Exam, kind: type[Bench], database_url: str, tmp_path: Path) -> None:
    async with open_bench(kind, database_url, tmp_path / "documents") as bench:
        await examined(bench)


@pytest.mark.parametrize("kind", BENCHES, ids=named)
@pytest.mark.parametrize(("sabotaged", "examined"), WRAPPED, ids=named)
async def test_exam_catches(
    sabotaged: type[Sabotaged], examined: Exam, kind: type[Bench], database_url: str, tmp_path: Path
) -> None:
    async with open_bench(kind, database_url, tmp_path / "documents") as bench:
        with pytest.raises((AssertionError, PaidcaseError)):
            await examined(dataclasses.replace(bench, wrap=sabotaged))


@pytest.mark.parametrize(("kind", "examined"), WHOLE, ids=named)
async def test_exam_catches_an_adapter_that_adds_blindly(
    kind: type[Bench], examined: Exam, database_url: str, tmp_path: Path
) -> None:
    async with open_bench(kind, database_url, tmp_path / "documents") as bench:
        with pytest.raises((AssertionError, PaidcaseError)):
            await examined(bench)


def test_exam_asks_for_every_method_of_the_port() -> None:
    methods = [name for name in vars(Issuer) if not name.startswith("_")]
    assert methods
    assert [name for name in methods if f".{name}(" not in inspect.getsource(exam)] == []
