"""A child process that never outlives the block that started it, however that block is left.

Guarantee: Ctrl-C and SIGTERM that come while the process is being created are held back until it can be stopped, and
the whole group is stopped, so that no compiler and no downloaded server is orphaned.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

_HELD_BACK = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def child(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], output: "IO[str] | int"
) -> Iterator["subprocess.Popen[str]"]:
    """The running process with both its outputs in one place (a file, or a pipe at `stdout`)."""
    came: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    handlers = {}
    if threading.current_thread() is threading.main_thread():  # nobody else may set handlers, or is interrupted
        handlers = {number: signal.signal(number, remember) for number in _HELD_BACK}
    process: subprocess.Popen[str] | None = None
    try:
        try:
            process = subprocess.Popen(  # noqa: S603  # the user's own go or our own interpreter
                command, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                text=True, errors="replace", start_new_session=True,
            )  # fmt: skip
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
        yield process
    finally:
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
