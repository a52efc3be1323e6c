"""The stand-in behind its counters: accounts, books of each company, switches, what was asked how often."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from invoicing.sandbox.clock import Clock
from invoicing.sandbox.switches import SwitchBoard
from invoicing.sandbox.wfirma.accounts import APP_KEY, Account, Company, Gate
from invoicing.sandbox.wfirma.books import Books, Document, Ids


@dataclass(frozen=True)
class WfirmaOptions:
    """How the stand-in is set up; port 0 takes a free one. ``auth_status`` is the HTTP status that goes with AUTH."""

    port: int = 0
    app_key: str = APP_KEY
    accounts: tuple[Account, ...] = (Account(),)
    auth_status: int = 200


class WfirmaDesk:
    """State of the stand-in, without its HTTP side."""

    def __init__(self, options: WfirmaOptions, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self.gate = Gate(options.accounts, options.app_key)
        self.auth_status = options.auth_status
        self.switches = SwitchBoard()
        self.requests: Counter[str] = Counter()
        self.closing = asyncio.Event()
        self._ids = Ids()
        self._books: dict[str, Books] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def books_of(self, company: Company) -> Books:
        """The company's books; opened when it is first spoken of."""
        return self._books.setdefault(company.id, Books(company, self._ids, self.clock))

    def all_books(self) -> list[Books]:
        return list(self._books.values())

    def documents(self) -> list[tuple[Books, Document]]:
        """Every issued document, oldest first."""
        found = [(books, document) for books in self.all_books() for document in books.documents.values()]
        return sorted(found, key=lambda pair: int(pair[1].id))

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry something out after its request has gone."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop what is still to come."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
