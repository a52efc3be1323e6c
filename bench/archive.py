"""What a case costs with few and with very many finished cases in the database.

The archive is made of one finished case: every row that belongs to it is copied under other ids by SQL, so that the
archive has exactly the shape that finished cases have, indexes included.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median

from bench.cases import environment, overlaid
from bench.figures import Bar, Curve, Figure, Finding
from bench.load import Load
from bench.pipeline import fresh_ids, run_paid, with_seller
from bench.plan import Plan
from bench.processes import mail_stand_in, our_worker, temporal
from bench.timing import Budget, fitting, ratio_of, rounds
from invoicing.storage.tables import metadata

FLAT = Bar(1.15, at_most=True)
COPY = "archived-"


def measure(plan: Plan, folder: Path, budget: Budget) -> Finding:
    """CPU of the worker for each case; SQLite works inside the worker, so that its cost is in there."""
    with temporal(folder, tuned=True) as server, mail_stand_in(folder) as smtp_port:
        template = overlaid(environment(folder, server.address, smtp_port), folder / "template")
        with_seller(template)
        finished = fresh_ids(1)
        with our_worker(folder, template, "template-worker"):
            run_paid(template, finished, 1, {}, budget)
        sizes = {size: overlaid(template, folder / f"archive-{size}") for size in plan.archives}
        for size in sizes:
            archive = folder / f"archive-{size}" / "bench.db"
            _copy_database(folder / "template" / "bench.db", archive)
            fill(archive, finished[0], size)

        def turn(size: int) -> Load:
            env = sizes[size]
            with our_worker(folder, env, f"worker-{size}") as worker:
                warm = run_paid(env, fresh_ids(16), 16, {}, budget)
                cases = fitting(plan.archive_cases, warm.seconds_each, budget.seconds / 2 / len(sizes), least=32)
                return run_paid(env, fresh_ids(cases), plan.at_once, {"worker": [worker]}, budget)

        rivals: dict[str, Callable[[], Load]] = {str(size): partial(turn, size) for size in sizes}
        found = rounds(rivals, plan.rounds, budget)
    first, last = str(plan.archives[0]), str(plan.archives[-1])

    def cost(name: str) -> float:
        return median(one.cpu_ms("worker") for one in found[name])

    rates = ", ".join(f"{int(n):,}: {median(one.per_second for one in found[n]):.1f} cases/s" for n in rivals)
    figure = Figure(
        "archive", f"cost of a case with {int(last):,} finished ones / with {first}", cost(last), cost(first),
        "ms CPU/case", ratio_of(found, last, first, lambda one: one.cpu_ms("worker")), FLAT, rates,
    )  # fmt: skip
    points = tuple((float(name), cost(name)) for name in rivals)
    return Finding((figure,), (Curve("Archive", "finished cases", "ms CPU a case", points),))


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(source, target)


def fill(path: Path, case_id: str, copies: int) -> None:
    """Copy every row of a finished case so many times, each copy under ids and numbers of its own."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous=OFF")
        for table in metadata.sorted_tables:
            if "case_id" in table.c:
                database.execute(_copying(table.name, [column.name for column in table.c]), _values(case_id, copies))
        database.execute("UPDATE number_counters SET last = (SELECT max(ordinal) FROM invoices)")
        database.commit()
        database.execute("ANALYZE")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.commit()


def _values(case_id: str, copies: int) -> dict[str, object]:
    return {"case": case_id, "copy": COPY, "copies": copies}


def _copying(table: str, columns: list[str]) -> str:
    wanted = [name for name in columns if name != "id"]
    chosen = [
        {"ordinal": "t.ordinal + n.i", "full_number": "t.full_number || '-' || n.i"}.get(c, _other(c)) for c in wanted
    ]
    return (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :copies) "  # noqa: S608  # our tables
        f"INSERT INTO {table} ({', '.join(wanted)}) "
        f"SELECT {', '.join(chosen)} FROM n, {table} t WHERE t.case_id = :case ORDER BY n.i"
    )


def _other(column: str) -> str:
    """Texts get the copy's id wherever the case's stands in them; what is not a text stays as it is."""
    return f"iif(typeof(t.{column}) = 'text', replace(t.{column}, :case, :copy || n.i), t.{column})"
