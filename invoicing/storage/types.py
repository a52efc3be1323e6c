"""Column types that keep a value exact on both databases: times with their zone, amounts, texts.

Guarantee: what is read equals what was written, or the write is refused with an error of the project's tree. SQLite has
neither a decimal nor a time type, so both are texts there; texts of times have one width, so that they sort by time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Dialect, Numeric, Text, types

from invoicing.errors import DataFault, InternalFault


class Instant(types.TypeDecorator[datetime]):
    """A point in time: aware, given back in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Text on SQLite, the native type elsewhere."""
        return Text() if dialect.name == "sqlite" else DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuses a time without zone: nobody could say which instant it means."""
        if value is None:
            return None
        if value.utcoffset() is None:
            raise InternalFault("internal", "a time without zone cannot be stored")
        utc = value.astimezone(UTC)
        return utc.isoformat(timespec="microseconds") if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Always in UTC."""
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return None if value is None else datetime.fromisoformat(value)


class Amount(types.TypeDecorator[Decimal]):
    """An exact decimal. SQLite would turn NUMERIC into a binary fraction, so it is text there."""

    impl = Numeric()
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Text on SQLite, NUMERIC elsewhere."""
        return Text() if dialect.name == "sqlite" else Numeric()

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Refuses anything but a finite Decimal."""
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise InternalFault("internal", "only a finite decimal can be stored as an amount")
        return f"{value:f}" if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Exactly as written."""
        return None if value is None else Decimal(value)


class Words(types.TypeDecorator[str]):
    """Text from outside. PostgreSQL cannot keep NUL, nor any encoding half a surrogate pair: refused on both."""

    impl = Text()
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuses what one of the databases would lose or choke on."""
        if value is not None and ("\x00" in value or not (value.isascii() or _encodable(value))):
            raise DataFault("bad_characters", message="a text holds characters that cannot be stored")
        return value


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
