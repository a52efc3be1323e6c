"""Where Temporal comes from, in which order, and that nothing is made twice or left half made."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.tools import fakes
from tools.temporal import build, cache, download, provide
from tools.temporal.errors import ProvisionError

DOWNLOADING = """printf '#!/bin/sh\\necho downloaded 1.0\\n' > "$3/temporal-sdk-python-1" """


@pytest.fixture
def said() -> list[str]:
    return []


def test_each_source_is_used_only_when_those_before_it_have_nothing(tmp_path: Path, said: list[str]) -> None:
    env = fakes.environment(tmp_path)
    on_path = fakes.answering(tmp_path / "bin" / "temporal", "temporal version 9")
    cached = fakes.answering(cache.folder(env) / "temporal", "temporal version 8")
    python = fakes.program(tmp_path / "venv" / "python", DOWNLOADING)
    go = fakes.go(tmp_path / "bin", fakes.WORKING)

    assert provide.provide("cli", env, said.append, python) == on_path
    on_path.unlink()
    assert provide.provide("cli", env, said.append, python) == cached
    cached.unlink()
    assert provide.provide("cli", env, said.append, python) == cached
    assert cache.answer(cached) == "downloaded 1.0"
    cached.unlink()
    python.unlink()
    assert provide.provide("cli", env, said.append, python) == cached
    assert cache.answer(cached) == "built 1.0"
    cached.unlink()
    go.unlink()
    with pytest.raises(ProvisionError, match=r"no `go` on PATH: install Go 1\.26\.4 or newer"):
        provide.provide("cli", env, said.append, python)


def test_a_program_that_does_not_answer_is_passed_over(tmp_path: Path, said: list[str]) -> None:
    env = fakes.environment(tmp_path)
    fakes.program(tmp_path / "bin" / "temporal", "exit 1")
    fakes.program(cache.folder(env) / "temporal", "echo broken; exit 127")
    fakes.go(tmp_path / "bin", fakes.WORKING)
    found = provide.provide("cli", env, said.append, tmp_path / "no-python")
    assert cache.answer(found) == "built 1.0"
    assert any("does not answer --version" in line for line in said)


def test_server_and_schema_tool_never_come_from_path(tmp_path: Path, said: list[str]) -> None:
    env = fakes.environment(tmp_path)
    fakes.answering(tmp_path / "bin" / "temporal-server", "an unknown version")
    fakes.go(tmp_path / "bin", fakes.WORKING)
    assert provide.provide("server", env, said.append) == cache.folder(env) / "temporal-server"
    assert provide.provide("sql-tool", env, said.append) == cache.folder(env) / "temporal-sql-tool"


def test_the_cache_is_keyed_by_the_version_in_go_mod_and_the_machine() -> None:
    where = cache.folder({"PAIDCASE_CACHE": "/somewhere"})
    assert where == Path("/somewhere") / f"temporal-{cache.cli_version()}-{cache.machine()}"
    assert cache.cli_version() == "1.8.2"


def test_two_runs_at_once_build_once(tmp_path: Path) -> None:
    env = fakes.environment(tmp_path)
    started, go_on, builds = tmp_path / "started", tmp_path / "go-on", tmp_path / "builds"
    os.mkfifo(started)
    os.mkfifo(go_on)
    fakes.go(
        tmp_path / "bin", f"echo one >> {builds}; echo started > {started}; cat {go_on} >/dev/null; {fakes.WORKING}"
    )
    with _run(env) as first:
        assert started.read_text() == "started\n"  # returns when the first has begun to build
        with _run(env) as second:
            assert second.stderr is not None
            assert "another run is getting Temporal" in second.stderr.readline()
            go_on.write_text("go on")
            paths = {_path(first), _path(second)}
    assert paths == {str(cache.folder(env) / "temporal-server")}
    assert builds.read_text() == "one\n"


def test_the_one_who_waited_builds_when_the_other_failed(tmp_path: Path) -> None:
    env = fakes.environment(tmp_path)
    started, go_on, failed = tmp_path / "started", tmp_path / "go-on", tmp_path / "failed"
    os.mkfifo(started)
    os.mkfifo(go_on)
    fakes.go(
        tmp_path / "bin",
        f"if [ ! -e {failed} ]; then touch {failed}; echo x > {started}; cat {go_on} >/dev/null; exit 1; fi\n"
        + fakes.WORKING,
    )
    with _run(env) as first:
        started.read_text()
        with _run(env) as second:
            assert second.stderr is not None
            second.stderr.readline()
            go_on.write_text("go on")
            assert _path(second) == str(cache.folder(env) / "temporal-server")
        assert first.wait() == 1


@pytest.mark.parametrize(
    "build_that_fails",
    [
        'printf half > "$out"; exit 1',
        'printf half > "$out"; kill -9 $$',
        'printf half > "$out"; exit 0',
        """printf '#!/bin/sh\\nexit 3\\n' > "$out"; exit 0""",
    ],
    ids=["go fails", "go is killed", "the result is no program", "the result does not work"],
)
def test_a_broken_build_leaves_nothing_behind(tmp_path: Path, said: list[str], build_that_fails: str) -> None:
    env = fakes.environment(tmp_path)
    fakes.go(tmp_path / "bin", build_that_fails)
    with pytest.raises(ProvisionError):
        provide.provide("server", env, said.append)
    assert fakes.left_in(env) == []


def test_an_interrupted_build_stops_go_and_leaves_nothing_behind(tmp_path: Path) -> None:
    env = fakes.environment(tmp_path)
    started = tmp_path / "started"
    os.mkfifo(started)
    fakes.go(tmp_path / "bin", f'printf half > "$out"; echo $$ > {started}; exec sleep 600')
    with _run(env) as run:
        go_pid = int(started.read_text())
        run.send_signal(signal.SIGTERM)
        assert run.wait() == 128 + signal.SIGTERM
    assert fakes.left_in(env) == []
    with pytest.raises(ProcessLookupError):
        os.kill(go_pid, 0)


def test_what_a_killed_run_left_is_removed_by_the_next_one(tmp_path: Path, said: list[str]) -> None:
    env = fakes.environment(tmp_path)
    left = cache.folder(env) / ".work-of-a-killed-run"
    left.mkdir(parents=True)
    (left / "temporal-server").write_text("half")
    fakes.go(tmp_path / "bin", fakes.WORKING)
    provide.provide("server", env, said.append)
    assert fakes.left_in(env) == ["temporal-server"]


def test_the_committed_module_is_not_touched_by_a_build(tmp_path: Path, said: list[str]) -> None:
    before = [(cache.MODULE / name).read_bytes() for name in ("go.mod", "go.sum")]
    fakes.go(tmp_path / "bin", f"echo changed >> go.mod; echo changed >> go.sum; {fakes.WORKING}")
    provide.provide("server", fakes.environment(tmp_path), said.append)
    assert [(cache.MODULE / name).read_bytes() for name in ("go.mod", "go.sum")] == before


def test_progress_counts_modules_and_packages(tmp_path: Path, said: list[str]) -> None:
    env = fakes.environment(tmp_path)
    counted = tmp_path / "counted"
    os.mkfifo(counted)
    fakes.go(
        tmp_path / "bin",
        f"""echo 'go: downloading example.com/one v1.0.0' >&2; echo 'go: downloading example.com/two v1.0.0' >&2
echo example.com/one/package >&2; cat {counted} > /dev/null; {fakes.WORKING}""",
    )

    def say(line: str) -> None:
        said.append(line)
        if "2 modules fetched, 1 packages compiled" in line and counted.exists():
            counted.write_text("seen")  # lets the build end: without this line it never would
            counted.unlink()

    where = cache.folder(env)
    where.mkdir(parents=True)
    build.build(build.SERVER, where / "temporal-server", env, say, interval=0.02)
    assert said[-1].startswith("built temporal-server in ")


def test_a_download_that_stands_still_is_given_up(tmp_path: Path, said: list[str]) -> None:
    env = fakes.environment(tmp_path)
    where = cache.folder(env)
    where.mkdir(parents=True)
    pid = tmp_path / "pid"
    python = fakes.program(tmp_path / "python", f"echo $$ > {pid}; exec sleep 600")
    with pytest.raises(ProvisionError, match="the SDK's download stood still"):
        download.download(where / "temporal", env, said.append, python, patience=0.3)
    assert fakes.left_in(env) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_download_that_fails_says_the_sdks_last_word_and_the_build_goes_on(tmp_path: Path, said: list[str]) -> None:
    env = fakes.environment(tmp_path)
    python = fakes.program(tmp_path / "python", "echo Traceback; echo RuntimeError: no route; exit 1")
    fakes.go(tmp_path / "bin", fakes.WORKING)
    provide.provide("cli", env, said.append, python)
    assert "the SDK's download did not work: RuntimeError: no route; building instead" in said


def test_only_the_path_is_printed_and_failures_are_one_line(tmp_path: Path) -> None:
    env = fakes.environment(tmp_path)
    with _run(env) as run:
        out, err = run.communicate()
    assert (run.returncode, out) == (1, "")
    assert err == f"temporal: {_sentence(env)}\n"
    fakes.go(tmp_path / "bin", fakes.WORKING)
    with _run(env) as run:
        out, _ = run.communicate()
    assert (run.returncode, out) == (0, f"{cache.folder(env) / 'temporal-server'}\n")


def test_a_wrong_word_is_answered_with_the_right_ones() -> None:
    done = subprocess.run(fakes.provide_command("everything"), cwd=cache.ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "cli|server|sql-tool" in done.stderr


def test_everything_here_runs_under_a_bare_python() -> None:
    """-S leaves out site-packages, so anything but the standard library would be missing."""
    names = ("provide", "dev_server", "real_server", "download")
    code = f"import sys; sys.path.insert(0, '.'); import {', '.join(f'tools.temporal.{name}' for name in names)}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=cache.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _run(env: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        fakes.provide_command("server"), env=env, cwd=cache.ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _path(run: "subprocess.Popen[str]") -> str:
    out, err = run.communicate()
    assert run.returncode == 0, err
    return out.splitlines()[-1]


def _sentence(env: dict[str, str]) -> str:
    with pytest.raises(ProvisionError) as caught:
        build.find_go(env)
    return str(caught.value)
