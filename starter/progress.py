"""How far a batch is, on standard error: a bar where somebody watches, else a line now and then."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

EVERY = 25
"""Without a terminal every so many chunks are told, and the first one."""


class Progress:
    """Told as lines; `_Bars` draws it."""

    def __init__(self) -> None:
        self._chunks = 0

    def stored(self, rows: int, refused: int, taken: int) -> None:
        """So many rows are stored and refused after so many bytes of the file."""
        if self._chunks % EVERY == 0:
            self._say(f"stored {rows} rows, {refused} refused")
        self._chunks += 1

    def starting(self, rows: int) -> None:
        """The file is read; so many cases are to be started, some of which may be."""
        self._say(f"starting {rows} cases")

    def waiting(self, rows: int) -> None:
        """So many have not been handed over yet."""

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


class _Bars(Progress):
    def __init__(self, bars: Bars, size: int | None) -> None:
        super().__init__()
        self._bars = bars
        self._reading = bars.add_task("stored", total=size)
        self._handing = bars.add_task("started", total=None, visible=False)
        self._total = 0

    def stored(self, rows: int, refused: int, taken: int) -> None:
        self._bars.update(self._reading, completed=taken, description=f"stored {rows}, refused {refused}")

    def starting(self, rows: int) -> None:
        self._total = rows
        self._bars.update(self._handing, total=rows, visible=True)

    def waiting(self, rows: int) -> None:
        # the outbox may hold rows of others too, so this is at most what is left
        done = max(self._total - rows, 0)
        self._bars.update(self._handing, completed=done, description=f"started {done}")


@contextmanager
def progress(file: Path) -> Iterator[Progress]:
    """Progress for one file, cleared when the block ends."""
    if not sys.stderr.isatty():
        yield Progress()
        return
    about = file.stat()
    size = about.st_size if stat.S_ISREG(about.st_mode) else None
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bars(bars, size)
