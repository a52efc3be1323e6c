"""How many of so many cases are done, on standard error: a bar where somebody watches, else a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

EVERY = 100
FEW = 10
"""So few are done before anybody looks."""


@contextmanager
def counted(many: int, what: str) -> Iterator[Callable[[], None]]:
    """Call what is given after each case."""
    done = 0
    if many <= FEW:
        yield lambda: None
        return
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            bar = bars.add_task(what, total=many)
            yield lambda: bars.advance(bar)
        return

    def tell() -> None:
        nonlocal done
        done += 1
        if done % EVERY == 0 or done == many:
            sys.stderr.write(f"{what} {done} of {many} cases\n")
            sys.stderr.flush()

    yield tell
