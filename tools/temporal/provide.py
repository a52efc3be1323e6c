"""Prints the path of a working Temporal program: `python3 -m tools.temporal.provide [cli|server|sql-tool]`.

Purpose: a newcomer needs no Docker and no install. The CLI (with its dev server) comes from PATH, our cache,
the SDK's own download or a build of the Go module in this folder, whichever works first; the production
server and its schema tool come from the cache or a build.
Guarantee: the last line of stdout is the path and nothing else; progress goes to stderr; a failure is one line.
"""

import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from tools.temporal import build, cache, download
from tools.temporal.cache import Say
from tools.temporal.errors import ProvisionError

PROGRAMS = {"cli": build.CLI, "server": build.SERVER, "sql-tool": build.SQL_TOOL}


def locate(what: str, env: Mapping[str, str], say: Say) -> Path | None:
    """A program that is already here, on PATH (the CLI only) or in the cache; fetches nothing."""
    program = PROGRAMS[what]
    if what == "cli":  # a server or schema tool of another version would not fit the settings and schemas used here
        on_path = shutil.which(program.name, path=env.get("PATH", os.defpath))
        if on_path:
            version = cache.answer(Path(on_path))
            if version:
                say(f"using {on_path}: {version}")
                return Path(on_path)
            say(f"{on_path} does not answer --version: looking further")
    kept = cache.folder(env) / program.name
    version = cache.answer(kept)
    if version:
        say(f"using {kept}: {version}")
        return kept
    return None


def provide(what: str, env: Mapping[str, str], say: Say, python: Path | None = None) -> Path:
    """A program that works, fetched or built when it is not here yet. `python` is one that has the SDK."""
    found = locate(what, env, say)
    if found:
        return found
    final = cache.folder(env) / PROGRAMS[what].name
    with cache.only_one(final.parent, say):
        if cache.answer(final):  # made by the run that we waited for
            say(f"using {final}, which another run has just made")
            return final
        if what == "cli":
            try:
                return download.download(final, env, say, python or cache.ROOT / ".venv" / "bin" / "python")
            except (ProvisionError, OSError) as error:
                say(f"{error}; building instead")
        return build.build(PROGRAMS[what], final, env, say)


def to_stderr(line: str) -> None:
    """Progress for a person; stdout is for the program that asked."""
    print(f"temporal: {line}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """The command; 0 with a path, 1 with a reason, 2 for a wrong word, 130 when interrupted."""
    what = arguments[0] if arguments else "cli"
    if what not in PROGRAMS or len(arguments) > 1:
        print(f"usage: python3 -m tools.temporal.provide [{'|'.join(PROGRAMS)}]", file=sys.stderr)
        return 2
    try:
        print(provide(what, env, to_stderr))
    except ProvisionError as error:
        to_stderr(str(error))
        return 1
    except KeyboardInterrupt:
        to_stderr("interrupted, nothing is left behind")
        return 130
    return 0


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # unwinds, so that the build is stopped and its folder removed


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main(sys.argv[1:], os.environ))
