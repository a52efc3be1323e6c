"""The report of a command that touches many cases: one JSON line a case, written as soon as the case is done with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from invoicing.errors import NotFound
from starter.call import Call


@contextmanager
def reporting(call: Call) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Appends a line to the file of `--output`; a dry run writes none. Raises `NotFound("unwritable")`."""
    path: Path | None = getattr(call.arguments, "output", None)
    if path is None or call.arguments.dry_run:
        yield lambda document: None
        return
    try:
        cut = path.exists() and not path.read_bytes().endswith(b"\n")
        out = path.open("a", encoding="utf-8")
    except OSError as error:
        raise NotFound("unwritable", f"{path} cannot be written: {error.strerror}") from None
    with out:
        if cut:  # the last line of a run that was killed stays what it is, and the next one begins anew
            out.write("\n")

        def tell(document: Mapping[str, Any]) -> None:
            out.write(json.dumps(document, ensure_ascii=False) + "\n")
            out.flush()

        yield tell
