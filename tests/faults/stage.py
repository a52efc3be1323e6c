"""Starting processes that strike themselves. They are forked from one that has imported everything, which is fast."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.faults import striking
from tests.stage import World
from tests.stage_samples import Overdue, until

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([striking.__name__])


@dataclass
class Forked:
    """A forked process with the manners of `subprocess.Popen`."""

    process: ForkServerProcess

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process.pid is not None
        return self.process.pid

    def poll(self) -> int | None:
        """How it ended, or None while it runs."""
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended; waits for that."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it."""
        self.process.kill()


def mark_of(stage: World, case_id: str) -> Path:
    """The file that says that the strike for this case has happened."""
    return striking.mark_in(stage.folder, case_id)


def ended_of(stage: World, case_id: str) -> Path:
    """The file that says that the struck execution has ended after all."""
    return mark_of(stage, case_id).with_suffix(".ended")


def armed(
    stage: World, point: str, case_id: str, number: signal.Signals = signal.SIGKILL, role: str = "worker"
) -> Forked:
    """A process that strikes itself when this case reaches the point."""
    return armed_for(stage, {case_id: point}, number, role)


def armed_for(
    stage: World, points: Mapping[str, str], number: signal.Signals = signal.SIGKILL, role: str = "worker", **env: str
) -> Forked:
    """A process that strikes itself when any of these cases reaches its point for the first time."""
    strikes = {"STRIKES": json.dumps(points), "STRIKE_SIGNAL": number.name, "STRIKE_FOLDER": str(stage.folder)}
    return _fork(stage, role, {**strikes, **env})


async def killed_for_all(stage: World, points: Mapping[str, str], at_once: int = 6) -> None:
    """Workers die and are replaced until every case has had its death; the last ones live on."""
    workers: list[Forked] = []

    async def all_struck() -> bool:
        for worker in workers:
            assert worker.poll() in {None, -signal.SIGKILL}, stage.logs()
        workers[:] = [worker for worker in workers if worker.poll() is None]
        while len(workers) < at_once:
            workers.append(armed_for(stage, points))
        return all(mark_of(stage, case_id).exists() for case_id in points)

    try:
        await until(all_struck, "a worker has died for every case", 150)
    except Overdue as late:
        missed = {case_id: point for case_id, point in points.items() if not mark_of(stage, case_id).exists()}
        raise Overdue(f"{late}: {missed}\n{stage.logs()}") from None


def unarmed(stage: World, role: str = "worker") -> Forked:
    """A process with the same waiting times that strikes nobody."""
    return _fork(stage, role, {})


def _fork(stage: World, role: str, more: dict[str, str]) -> Forked:
    log = str(stage.folder / f"{role}-{len(stage.processes)}.log")
    process = FORKS.Process(target=striking.live, args=(role, {**stage.env, **more}, log))
    process.start()
    forked = Forked(process)
    stage.processes.append(forked)
    return forked
