"""How much is measured: sizes and seconds of the whole run, of the quick one and of the long one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes are what a measure aims for; it takes less when its seconds are over."""

    seconds: dict[str, float]
    at_once: int = 32
    rounds: int = 5
    engine_cases: int = 96
    alone_cases: int = 15
    pipeline_cases: int = 150
    batch_rows: int = 1000
    pdf_rounds: int = 40
    memory_cases: int = 4000
    worker_counts: tuple[int, ...] = (1, 2, 4)
    worker_cases: int = 120
    archives: tuple[int, ...] = (10, 1_000, 100_000)
    archive_cases: int = 96
    numbers: int = 1500
    writers: int = 16
    payers: int = 25

    @property
    def total(self) -> float:
        """Seconds of a run of every measure."""
        return sum(self.seconds.values())


FULL = Plan(
    seconds={
        "engine": 90, "pipeline": 120, "batch": 45, "pdf": 20, "history": 20,
        "memory": 130, "workers": 75, "archive": 110, "numbering": 45, "itn_storm": 40,
        "in_time": 20,
    }
)  # fmt: skip
QUICK = Plan(
    seconds={
        "engine": 22, "pipeline": 30, "batch": 10, "pdf": 4, "history": 8,
        "memory": 25, "workers": 16, "archive": 20, "numbering": 10, "itn_storm": 15,
        "in_time": 12,
    },
    rounds=2,
    engine_cases=64,
    alone_cases=5,
    pipeline_cases=96,
    batch_rows=300,
    pdf_rounds=8,
    memory_cases=2000,
    worker_counts=(1, 2),
    worker_cases=64,
    archives=(10, 10_000),
    archive_cases=48,
    numbers=400,
    payers=8,
)  # fmt: skip

LONG_CASES = 20_000
LONG_SECONDS = 3600.0


def plan(*, quick: bool, long: bool) -> Plan:
    """The plan of a run; a long one measures memory over 20,000 cases and takes about half an hour more."""
    chosen = QUICK if quick else FULL
    if not long:
        return chosen
    values = {name: getattr(chosen, name) for name in Plan.__slots__}
    seconds = {**chosen.seconds, "memory": LONG_SECONDS}
    return Plan(**{**values, "seconds": seconds, "memory_cases": LONG_CASES})
