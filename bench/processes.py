"""The processes of a measure: servers, stand-ins and workers, each on free ports of the loopback.

Guarantee: ready when the block begins, stopped by pid when it ends; what a process printed is told when it fails.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.temporal import cache, dev_server, provide

READY_WITHIN = 60.0
STOPPED_WITHIN = 30.0


class BenchFailed(Exception):
    """A process of the bench ended, or was never ready; the text is what it printed last."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that is up."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def cpu(self) -> float:
        """CPU seconds so far, of the process and its threads."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def mebibytes(self) -> float:
        """Resident memory."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20

    def printed(self) -> str:
        """Everything that it has printed."""
        return self.log.read_text(errors="replace")


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str], log: Path, ready: str) -> Iterator[Running]:
    """A child process; the block begins when its output holds `ready` (a regular expression)."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=cache.ROOT, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,  # Ctrl-C must not reach it before its clients
        )  # fmt: skip
    try:
        child = Running(process, log)
        _wait(child, ready)
        yield child
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(child: Running, ready: str) -> None:
    until = time.monotonic() + READY_WITHIN
    while not re.search(ready, child.printed()):
        if child.process.poll() is not None or time.monotonic() > until:
            raise BenchFailed(child.printed()[-2000:] or "a process ended without a word")
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Server:
    """A Temporal dev server and where it listens."""

    address: str
    running: Running


@contextmanager
def temporal(folder: Path, *, tuned: bool) -> Iterator[Server]:
    """A dev server in memory: with our settings, or exactly as `temporal server start-dev` gives it."""
    binary = provide.provide("cli", os.environ, lambda _line: None)
    port = dev_server.free_port()
    address = f"127.0.0.1:{port}"
    line = [str(binary), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port)]
    line += ["--ui-port", str(port + dev_server.UI_ABOVE)]
    if tuned:
        line = dev_server.command(binary, {"TEMPORAL_ADDRESS": address})
    with running(line, {}, folder / f"temporal-{port}.log", "") as child:
        _wait_until_healthy(str(binary), address, child)
        yield Server(address, child)


def _wait_until_healthy(binary: str, address: str, child: Running) -> None:
    ask = [binary, "operator", "cluster", "health", "--address", address]
    until = time.monotonic() + READY_WITHIN
    while subprocess.run(ask, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode != 0:
        if child.process.poll() is not None or time.monotonic() > until:
            raise BenchFailed(child.printed()[-2000:])
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class StandIns:
    """Where the stand-ins of gateway and mail server listen."""

    autopay: str
    smtp_port: int


@contextmanager
def stand_ins(folder: Path, itn_url: str = "") -> Iterator[StandIns]:
    """The stand-ins in a process of their own; the gateway sends its messages to the address."""
    ports = [part for name in ("autopay", "smtp", "mailbox", "wfirma") for part in (f"--{name}-port", "0")]
    command = [sys.executable, "-m", "invoicing.sandbox", *ports]
    command += ["--itn-url", itn_url] if itn_url else []
    with running(command, {}, folder / "sandbox.log", r"wFirma +http") as child:
        autopay = re.search(r"Autopay +(http\S+)", child.printed())
        smtp = re.search(r"smtp://127\.0\.0\.1:(\d+)", child.printed())
        if autopay is None or smtp is None:
            raise BenchFailed(child.printed()[-2000:])
        yield StandIns(autopay[1], int(smtp[1]))


@contextmanager
def mail_stand_in(folder: Path) -> Iterator[int]:
    """The port of an SMTP stand-in in a process of its own."""
    with stand_ins(folder) as there:
        yield there.smtp_port


@contextmanager
def our_api(folder: Path, env: Mapping[str, str]) -> Iterator[Running]:
    """`python -m invoicing.web`, the real entry point."""
    with running([sys.executable, "-m", "invoicing.web"], env, folder / "api.log", "API on http") as child:
        yield child


@contextmanager
def our_worker(folder: Path, env: Mapping[str, str], name: str = "worker") -> Iterator[Running]:
    """`python worker.py`, the real entry point."""
    with running([sys.executable, "worker.py"], env, folder / f"{name}.log", "worker_started") as child:
        yield child


@contextmanager
def empty_worker(folder: Path, env: Mapping[str, str], settings: str) -> Iterator[Running]:
    """A worker of five empty activities, with `stock` or `our` settings."""
    command = [sys.executable, "-m", "bench.empty_worker", settings]
    with running(command, env, folder / f"empty-{settings}.log", "empty_worker_started") as child:
        yield child
