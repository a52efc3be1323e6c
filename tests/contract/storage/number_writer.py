"""A process of its own that writes invoices: `python -m tests.contract.storage.number_writer URL SEED CASE…`."""

import asyncio
import sys

from invoicing.storage.store import SqlCaseStore
from tests.contract.storage.exam_money import write_invoices


async def main(url: str, seed: int, case_ids: list[str]) -> None:
    """Eight writers on one store."""
    store = SqlCaseStore(url)
    try:
        await asyncio.gather(*(write_invoices(store, case_ids[n::8], seed * 8 + n) for n in range(8)))
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
