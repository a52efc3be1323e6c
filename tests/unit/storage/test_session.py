"""Which databases are accepted, and that naming one opens nothing."""

from pathlib import Path

import pytest

from invoicing.errors import SettingsFault
from invoicing.storage.session import Database, parse_url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite:///var/x.db",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///:memory:",
        "sqlite+aiosqlite:///file:x?mode=memory&uri=true",
        "postgresql://u:hunter2@h/d",
        "postgresql+asyncpg://u:hunter2@h",
        "mysql+aiomysql://u:hunter2@h/d",
        "postgresql+asyncpg://u:hunter2@h:port/d",
    ],
)
def test_other_databases_are_refused_without_quoting_the_address(url: str) -> None:
    with pytest.raises(SettingsFault) as caught:
        parse_url(url)
    assert caught.value.code == "database_url"
    assert "hunter2" not in str(caught.value)


async def test_a_database_makes_the_folder_of_its_file_and_connects_later(tmp_path: Path) -> None:
    path = tmp_path / "var" / "paidcase.db"
    database = Database(f"sqlite+aiosqlite:///{path}")
    assert path.parent.is_dir()
    assert not path.exists()
    async with database.reading() as connection:
        assert (await connection.exec_driver_sql("SELECT 1")).scalar_one() == 1
    await database.close()
    assert path.exists()
