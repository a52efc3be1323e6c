"""Where a command writes: results to standard output, as text or as one JSON document; what is wrong to standard error.

Guarantee: with `--json` standard output holds exactly one line, one JSON document, whether the command succeeds or
fails; only wrong arguments, found before `--json` is understood, leave it empty.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 240
"""Columns of a table that no terminal shows, so that nothing is cut from what another program reads."""


class Output:
    """The two streams of one command."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, document: Mapping[str, Any]) -> None:
        """The one JSON document; nothing in text mode."""
        if self.as_json:
            sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")

    def line(self, text: str) -> None:
        """A line of text; nothing in JSON mode."""
        if not self.as_json:
            sys.stdout.write(f"{text}\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; nothing in JSON mode. Cells are plain text, whatever brackets they hold."""
        if self.as_json:
            return
        drawn = Table(*columns, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            drawn.add_row(*(Text(cell) for cell in row))
        Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(drawn)

    @staticmethod
    def complain(text: str) -> None:
        """What is wrong and what to do."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def listed(items: Sequence[Mapping[str, Any]], *, named: int) -> Mapping[str, Any]:
    """The JSON document of a command: the record itself when one was named, else a list as the HTTP API gives it."""
    return items[0] if named == 1 and len(items) == 1 else {"items": list(items), "next_cursor": None}
