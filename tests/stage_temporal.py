"""A real Temporal dev server with many namespaces, so that worlds share a server and never meet."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.temporal import dev_server, provide

NAMESPACES = 60
SOON_LONG = ("--dynamic-config-value=limit.historyCount.suggestContinueAsNew=25",)
"""A server that finds histories long enough to continue after 25 events instead of thousands."""


@dataclass
class TemporalServer:
    """A dev server with many namespaces; each world takes its own."""

    address: str
    binary: Path
    log: Path
    database: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    flags: tuple[str, ...] = ()
    _taken: int = 0

    def start(self) -> None:
        """Start it on its address; it is ready when a client has connected."""
        env = {"TEMPORAL_ADDRESS": self.address}
        if self.database is not None:
            env["TEMPORAL_DB"] = str(self.database)
        line = dev_server.command(self.binary, env) + [f"--namespace=w{number}" for number in range(NAMESPACES)]
        line += self.flags
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def stop(self) -> None:
        """End it by its pid; a file keeps its state."""
        if self.process is not None:
            end(self.process, signal.SIGTERM)
            self.process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            end(self.process, signal.SIGKILL)
            self.process = None

    def namespace(self) -> str:
        """A namespace nobody else has."""
        self._taken += 1
        return f"w{self._taken - 1}"


@contextmanager
def temporal_server(folder: Path, *, on_file: bool = False, flags: tuple[str, ...] = ()) -> Iterator[TemporalServer]:
    """A running dev server, in memory or with its state in a file; `flags` come last on its command line."""
    binary = provide.provide("cli", os.environ, provide.to_stderr)
    server = TemporalServer(
        address=f"127.0.0.1:{dev_server.free_port()}",
        binary=binary,
        log=folder / "temporal.log",
        database=folder / "temporal.db" if on_file else None,
        flags=flags,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def end(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> int:
    """Signal a process of ours and reap it."""
    if process.poll() is None:
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=30)
        process.kill()
    return process.wait()
