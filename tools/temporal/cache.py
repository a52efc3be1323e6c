"""The folder where Temporal programs are kept between runs, and the lock that lets one run at a time fill it.

Guarantee: a program in the cache is whole (it is renamed into place after it answered `--version`), and two
runs at once never fetch or build the same thing twice: the second waits and finds what the first one made.
"""

import fcntl
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.temporal.errors import ProvisionError

MODULE = Path(__file__).parent
ROOT = MODULE.parents[1]
Say = Callable[[str], None]

_OS = {"Linux": "linux", "Darwin": "darwin"}
_ARCH = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_WORK = ".work-"


def cli_version(go_mod: Path = MODULE / "go.mod") -> str:
    """The one version that everything here is keyed by: that of the CLI in go.mod (without its `v`)."""
    found = re.search(r"^require github\.com/temporalio/cli v(\S+)$", go_mod.read_text(), re.MULTILINE)
    if found is None:
        raise ProvisionError(f"{go_mod} names no version of github.com/temporalio/cli: restore it from git")
    return found[1]


def machine() -> str:
    """Operating system and processor, by Go's names."""
    system, processor = platform.system(), platform.machine()
    return f"{_OS.get(system, system.lower())}-{_ARCH.get(processor.lower(), processor.lower())}"


def folder(env: Mapping[str, str]) -> Path:
    """Where programs for this version and machine live."""
    top = Path(env.get("PAIDCASE_CACHE") or "~/.cache/paidcase").expanduser()
    return top.absolute() / f"temporal-{cli_version()}-{machine()}"


def answer(program: Path) -> str | None:
    """The first line of a program's `--version`; None when it is missing, broken or for another machine."""
    if not (program.is_file() and os.access(program, os.X_OK)):
        return None
    try:
        done = subprocess.run(  # noqa: S603  # the program is one we built, or what the user has on PATH
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return (done.stdout.strip() or "no version").splitlines()[0] if done.returncode == 0 else None


@contextmanager
def only_one(where: Path, say: Say, interval: float = 5.0, poll: float = 0.5) -> Iterator[None]:
    """Hold the cache for this process; others wait, with a line now and then. Freed even when we die."""
    try:
        where.mkdir(parents=True, exist_ok=True)
        handle = (where / ".lock").open("a")
    except OSError as error:
        raise ProvisionError(
            f"cannot write to {where} ({error.strerror}): set PAIDCASE_CACHE to a folder of yours"
        ) from error
    with handle:  # closing lets go; the file stays, since deleting it would let two runs lock two files
        began, next_line = time.monotonic(), 0.0
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = time.monotonic() - began
                if waited >= next_line:
                    say(f"another run is getting Temporal into {where}: waiting for it, {waited:.0f} s")
                    next_line += interval
                time.sleep(poll)
            except OSError as error:
                raise ProvisionError(
                    f"cannot lock {where} ({error.strerror}): set PAIDCASE_CACHE to a folder on a local disk"
                ) from error
        for left_behind in where.glob(f"{_WORK}*"):  # of a run that was killed; nobody else can be using it now
            shutil.rmtree(left_behind, ignore_errors=True)
        yield


@contextmanager
def work_folder(where: Path) -> Iterator[Path]:
    """A folder on the cache's own disk, so that a rename from it is atomic; always gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix=_WORK, dir=where))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def keep(made: Path, final: Path) -> Path:
    """Move a finished program into its place, if it works."""
    made.chmod(0o755)
    if answer(made) is None:
        raise ProvisionError(f"the new {final.name} does not answer --version here: see whether {machine()} is right")
    made.replace(final)
    return final
