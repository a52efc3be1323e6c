"""Programs that pretend to be `temporal`, `go` and the virtual environment's Python, as small shell scripts."""

import sys
from collections.abc import Mapping
from pathlib import Path

from tools.temporal import cache


def program(path: Path, body: str) -> Path:
    """An executable script; its own PATH is set, since the tests' PATH holds nothing but fakes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")
    path.chmod(0o755)
    return path


def answering(path: Path, version: str) -> Path:
    """A program that only knows its version."""
    return program(path, f"echo '{version}'")


def go(folder: Path, build: str, version: str = "go1.26.4", toolchain: str = "local") -> Path:
    """A `go` that answers `go env` and does `build` (in which $out is the file to be made)."""
    facts = f'{{"GOVERSION": "{version}", "GOTOOLCHAIN": "{toolchain}"}}'
    return program(
        folder / "go",
        f"""if [ "$1" = env ]; then echo '{facts}'; exit 0; fi
while [ "$1" != -o ]; do shift; done
out=$2
{build}""",
    )


WORKING = """printf '#!/bin/sh\\necho built 1.0\\n' > "$out"; chmod 755 "$out" """


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """Nothing on PATH but what a test puts into `bin`, and a cache of its own."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    return {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "PAIDCASE_CACHE": str(tmp_path / "cache"), **more}


def left_in(env: Mapping[str, str]) -> list[str]:
    """What is in the cache, without the lock file."""
    where = cache.folder(env)
    return sorted(path.name for path in where.glob("*") if path.name != ".lock")


def provide_command(what: str) -> list[str]:
    """The command as a person would run it."""
    return [sys.executable, "-m", "tools.temporal.provide", what]
