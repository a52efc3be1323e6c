"""Whole lists as CSV or JSON Lines, asked for by `format` or by the `Accept` header."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from invoicing.exporting import MEDIA_TYPES, Format, written

T = TypeVar("T")

ACCEPTED = {"text/csv": Format.CSV, "application/jsonl": Format.JSONL, "application/x-ndjson": Format.JSONL}


def exported(model: Any) -> dict[int | str, dict[str, Any]]:
    """What a list answers, for the OpenAPI document."""
    text = {"schema": {"type": "string"}}
    return {200: {"model": model, "content": {"text/csv": text, "application/jsonl": text}}}


async def _wanted(
    request: Request,
    form: Annotated[
        Format | None, Query(alias="format", description="`csv` and `jsonl` give the whole list at once")
    ] = None,
) -> Format:
    if form is not None:
        return form
    named = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return next((ACCEPTED[name] for name in named if name in ACCEPTED), Format.JSON)


Wanted = Annotated[Format, Depends(_wanted)]
"""A handler's parameter."""


async def download(
    form: Format,
    name: str,
    language: str,
    columns: Sequence[str],
    found: AsyncIterator[Sequence[T]],
    item: Callable[[T], Mapping[str, Any]],
) -> Response:
    """The list as a file. What goes wrong before its first page is a problem document; later the answer breaks off."""
    text = written(form, columns, found, item)
    begun = [await anext(text)]
    if form is Format.CSV:
        begun.append(await anext(text))

    async def whole() -> AsyncIterator[bytes]:
        for part in begun:
            yield part.encode("utf-8", "backslashreplace")
        async for part in text:
            yield part.encode("utf-8", "backslashreplace")

    headers = {
        "Content-Language": language,
        "Vary": "Accept, Accept-Language",
        "Content-Disposition": f'attachment; filename="{name}.{form.value}"',
    }
    return StreamingResponse(whole(), 200, headers, MEDIA_TYPES[form])
