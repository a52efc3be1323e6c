"""`python deploy/alive.py`: has a worker of this host, which is the container, shown a sign of life lately?

Purpose: the health check of a worker, which serves no port. A worker writes its sign of life from its event loop into
the database, so a fresh one proves that the process runs, is not stuck and reaches the database.
Guarantee: one short query and no import of the application, because it runs every minute in every container.
Exit code 0 for yes, 1 for no, with the reason on standard error.
"""

import asyncio
import os
import socket
import sys
from datetime import timedelta

import asyncpg

FRESH = timedelta(seconds=35)
"""Three signs of life, which come every ten seconds, and a little patience."""

QUERY = """
SELECT max(seen_at) > now() - $1::interval FROM processes WHERE role = 'worker' AND starts_with(name, $2)
"""


async def alive(url: str, host: str) -> bool:
    """Whether a worker of this host wrote within `FRESH`; the driver takes a missing password from PGPASSWORD."""
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://"), timeout=5)
    try:
        return bool(await connection.fetchval(QUERY, FRESH, f"{host}:", timeout=5))
    finally:
        await connection.close()


def main() -> int:
    """The command."""
    try:
        found = asyncio.run(alive(os.environ["DATABASE_URL"], socket.gethostname()))
    except (OSError, KeyError, TimeoutError, asyncpg.PostgresError) as error:
        print(f"not known whether alive: {type(error).__name__}", file=sys.stderr)
        return 1
    if not found:
        print(f"no sign of life for {FRESH.total_seconds():.0f} s", file=sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
