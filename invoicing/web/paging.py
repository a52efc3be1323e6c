"""Lists page by page: what they take, where the next page begins, and what their rows have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import AfterValidator, AwareDatetime

from invoicing.errors import NotFound

T = TypeVar("T")


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("before the first or after the last year") from None


_ROW_ID = r"^[1-9][0-9]{0,17}$"
_Instant = Annotated[AwareDatetime, AfterValidator(_utc)]

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(pattern=_ROW_ID, description="`next_cursor` of a list")]
Since = Annotated[_Instant | None, Query(description="from this time on; with its zone")]
Until = Annotated[_Instant | None, Query(description="before this time; with its zone")]
Code = Annotated[str | None, Query(pattern=r"^[a-z0-9_]{1,60}$", description="a code of docs/failures.md")]

USUAL = 50
"""Items of a page when the caller does not say."""


class ListRoute(APIRoute):
    """A list that refuses, with every other fault of the query, filters that it does not know.

    A misspelt filter would give the whole table to somebody who asked for a part of it. `lang` may stand anywhere.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, asked first, so that who may not call learns nothing else."""
        handle, known = super().get_route_handler(), {"lang", *_named(self.dependant)}

        async def handled(request: Request) -> Response:
            unknown = (name for name in request.query_params if name not in known)
            strange = [{"type": "extra_forbidden", "loc": ("query", name)} for name in unknown]
            try:
                answer = await handle(request)
            except RequestValidationError as error:
                raise RequestValidationError([*error.errors(), *strange]) from None
            if strange:
                raise RequestValidationError(strange)
            return answer

        return handled if "GET" in (self.methods or ()) else handle


def _named(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for other in dependant.dependencies:
        yield from _named(other)


def page_of(
    found: Sequence[T], limit: int, cursor: Callable[[T], object], item: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """The page, of one row more than the limit as asked of the store: that one says whether another page follows."""
    page = found[:limit]
    more = str(cursor(page[-1])) if len(found) > limit else None
    return {"items": [item(one) for one in page], "next_cursor": more}


def beyond(cursor: str | None) -> int:
    """The id below which a page begins; 0 is from the newest."""
    return int(cursor or 0)


def row_id(told: str) -> int:
    """The number of a row in an address. Raises `NotFound` for what can be none."""
    if not re.fullmatch(_ROW_ID, told):
        raise NotFound("row_unknown", "no row can have this id")
    return int(told)
