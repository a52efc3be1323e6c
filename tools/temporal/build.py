"""Builds Temporal's programs from the Go module beside this file.

Guarantee: the committed go.mod and go.sum are never changed (a copy is built), a build that fails or is
interrupted leaves nothing behind, and every failure is one sentence with its reason and its remedy.
"""

import errno
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.temporal import cache
from tools.temporal.cache import Say
from tools.temporal.child import child
from tools.temporal.errors import ProvisionError

_WITHOUT_BUILDING = "or put a `temporal` program on PATH (https://github.com/temporalio/cli/releases)"


@dataclass(frozen=True)
class Program:
    """One program of the module: the name it gets in the cache and the package it is built from."""

    name: str
    package: str


CLI = Program("temporal", "github.com/temporalio/cli/cmd/temporal")
SERVER = Program("temporal-server", "go.temporal.io/server/cmd/server")
SQL_TOOL = Program("temporal-sql-tool", "go.temporal.io/server/cmd/tools/sql")

# The first that matches decides: a full disk breaks downloads too, a missing network breaks compiles too.
_REASONS: Sequence[tuple[str, str]] = (
    (
        r"no space left on device|disk quota exceeded",
        "the disk is full: free about 4 GB, or move GOMODCACHE, GOCACHE and PAIDCASE_CACHE to a larger disk",
    ),
    (
        r"checksum mismatch|SECURITY ERROR",
        "a module differs from what go.sum records: do not go on; check GOPROXY, empty the module cache "
        "(go clean -modcache) and try again",
    ),
    (
        r"requires go >= |invalid go version|toolchain not available|GOTOOLCHAIN",
        "this Go is too old and could not get a newer one: install the Go that go.mod names (https://go.dev/dl)",
    ),
    (
        r"signal: killed|cannot allocate memory|out of memory",
        "memory ran out: free about 2 GB, or set GOFLAGS=-p=1 and try again",
    ),
    (
        r"dial tcp|no such host|i/o timeout|connection (refused|reset)|proxyconnect|TLS handshake|x509:"
        r"|network is unreachable|module lookup disabled|[45]\d\d [A-Z][a-z]|unexpected EOF"
        r"|timeout awaiting|deadline exceeded|GOPROXY",
        "modules could not be downloaded: go online, or set HTTPS_PROXY or GOPROXY to what can be reached",
    ),
)


def explain(output: Sequence[str]) -> str:
    """One sentence for what `go build` printed."""
    text = "\n".join(output)
    for pattern, sentence in _REASONS:
        found = re.search(rf"^.*(?:{pattern}).*$", text, re.MULTILINE)
        if found:
            return f"{sentence}; go said: {found[0].strip()[:300]}"
    broken = [line for line in output if re.search(r"\.go:\d+:\d+: ", line)]
    if broken:
        said = broken[0].strip()[:300]
        return f"it does not compile: use the Go that go.mod names, {_WITHOUT_BUILDING}; go said: {said}"
    said = next((line.strip()[:300] for line in reversed(output) if line.strip()), "nothing")
    return f"go gave up: mend what it names, {_WITHOUT_BUILDING}; go said: {said}"


def find_go(env: Mapping[str, str], go_mod: Path = cache.MODULE / "go.mod") -> Path:
    """The `go` that can build the module, or a sentence why there is none."""
    wanted = re.search(r"^go (\S+)$", go_mod.read_text(), re.MULTILINE)
    if wanted is None:
        raise ProvisionError(f"{go_mod} names no Go version: restore it from git")
    found = shutil.which("go", path=env.get("PATH", os.defpath))
    if found is None:
        raise ProvisionError(f"there is no `go` on PATH: {_install(wanted[1])}, {_WITHOUT_BUILDING}")
    try:
        asked = subprocess.run(  # noqa: S603  # the user's own go
            [found, "env", "-json", "GOVERSION", "GOTOOLCHAIN"],
            env=dict(env), cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        facts = json.loads(asked.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise ProvisionError(f"{found} does not work: {_install(wanted[1])}") from error
    have, toolchain = facts.get("GOVERSION", ""), facts.get("GOTOOLCHAIN", "")
    if _version(have) >= _version(wanted[1]):
        return Path(found)
    if _version(have) < (1, 21, 0):  # older ones cannot fetch another toolchain
        raise ProvisionError(f"{have or 'this go'} is too old: {_install(wanted[1])}")
    if toolchain in ("local", "path") or toolchain.startswith("go"):
        raise ProvisionError(
            f"{have} is too old and GOTOOLCHAIN={toolchain} forbids it to get a newer one: "
            f"set GOTOOLCHAIN=auto, or {_install(wanted[1])}"
        )
    return Path(found)


def _install(wanted: str) -> str:
    return f"install Go {wanted} or newer (https://go.dev/dl)"


def _version(text: str) -> tuple[int, int, int]:
    found = re.match(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (0, 0, 0)


def build(program: Program, final: Path, env: Mapping[str, str], say: Say, interval: float = 5.0) -> Path:
    """Build one program into its place in the cache. The caller holds the cache's lock."""
    go = find_go(env)
    say(f"building {program.name} with {go}: about six minutes the first time, 20 s when modules are there")
    began = time.monotonic()
    try:
        with cache.work_folder(final.parent) as work:
            for name in ("go.mod", "go.sum"):
                shutil.copy(cache.MODULE / name, work)
            version = f"-X github.com/temporalio/cli/internal/temporalcli.Version={cache.cli_version()}"
            made = work / program.name
            arguments = [
                "build",
                "-v",
                "-mod=mod",
                "-buildvcs=false",
                f"-ldflags=-s -w {version}",
                "-o",
                str(made),
            ]
            go_env = {**env, "GOWORK": "off"}
            output = _run(program, [str(go), *arguments, program.package], work, go_env, say, interval)
            if output is not None:
                for line in output[-15:]:
                    say(f"  {line}")
                raise ProvisionError(f"cannot build {program.name}: {explain(output)}")
            cache.keep(made, final)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = _REASONS[0][1] if full else f"{error.strerror or error}: look at {final.parent}, or set PAIDCASE_CACHE"
        raise ProvisionError(f"cannot build {program.name}: {why}") from error
    say(f"built {program.name} in {time.monotonic() - began:.0f} s")
    return final


def _run(
    program: Program, command: Sequence[str], work: Path, env: Mapping[str, str], say: Say, interval: float
) -> list[str] | None:
    """Run `go`, telling progress every few seconds; None when all went well, else what it printed last."""
    counted = {"fetched": 0, "compiled": 0}
    tail: deque[str] = deque(maxlen=200)

    def read(lines: Iterable[str]) -> None:
        for line in lines:
            if line.startswith("go: downloading "):
                counted["fetched"] += 1
            elif re.fullmatch(r"[\w.\-~/]+\n", line):  # -v prints a bare package path when the package is compiled
                counted["compiled"] += 1
            else:
                tail.append(line.rstrip())

    with child(command, work, env, subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101  # it is a pipe, one line above
        reader = threading.Thread(target=read, args=(process.stdout,), daemon=True)
        reader.start()
        began = time.monotonic()
        while process.poll() is None:
            try:
                process.wait(timeout=interval)
            except subprocess.TimeoutExpired:
                say(
                    f"building {program.name}: {time.monotonic() - began:.0f} s, "
                    f"{counted['fetched']} modules fetched, {counted['compiled']} packages compiled"
                )
        reader.join(timeout=10)
        return None if process.returncode == 0 else list(tail)
