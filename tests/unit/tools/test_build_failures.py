"""Every way in which a build fails says in one line why, and what to do."""

from pathlib import Path

import pytest

from tests.unit.tools import fakes
from tools.temporal import build, cache, provide
from tools.temporal.errors import ProvisionError

NETWORK = "modules could not be downloaded"


@pytest.mark.parametrize(
    ("printed", "sentence"),
    [
        ('example.com/a@v1: Get "https://x/a.zip": dial tcp: lookup x: no such host', NETWORK),
        ('example.com/a@v1: Get "https://x/a.zip": proxyconnect tcp: connection refused', NETWORK),
        ('example.com/a@v1: Get "https://x/a.zip": x509: certificate signed by unknown authority', NETWORK),
        ("example.com/a@v1: reading https://x/a.zip: 403 Forbidden", NETWORK),
        ("example.com/a@v1: module lookup disabled by GOPROXY=off", NETWORK),
        ("verifying example.com/a@v1.0.0: checksum mismatch", "a module differs from what go.sum records"),
        ("go: go.mod requires go >= 1.26.4 (running go 1.25.0; GOTOOLCHAIN=local)", "this Go is too old"),
        ("go: download go1.26.4: toolchain not available", "this Go is too old"),
        ("compile: writing output: write $WORK/b001/_pkg_.a: no space left on device", "the disk is full"),
        ("go: example.com/a@v1: write /a.zip: disk quota exceeded", "the disk is full"),
        ("/usr/lib/go/pkg/tool/link: signal: killed", "memory ran out"),
        ("# example.com/a\n./a.go:12:3: undefined: b", "it does not compile"),
        ("go: could not create module cache: mkdir /a: permission denied", "go gave up: mend what it names"),
    ],
)
def test_the_reason_is_recognised_in_what_go_prints(printed: str, sentence: str) -> None:
    explained = build.explain(["# example.com/before", *printed.splitlines()])
    assert explained.startswith(sentence)
    assert "\n" not in explained


def test_go_is_quoted_so_that_nothing_is_hidden() -> None:
    assert "./a.go:12:3: undefined: b" in build.explain(["# example.com/a", "./a.go:12:3: undefined: b"])
    assert build.explain([]).endswith("go said: nothing")


@pytest.mark.parametrize(
    ("version", "toolchain", "sentence"),
    [
        ("go1.25.9", "local", "go1.25.9 is too old and GOTOOLCHAIN=local forbids it to get a newer one"),
        ("go1.25.9", "go1.25.9", "GOTOOLCHAIN=go1.25.9 forbids it"),
        ("go1.20.1", "", "go1.20.1 is too old: install Go 1.26.4 or newer"),
    ],
)
def test_a_go_that_is_too_old_is_refused_before_the_build(
    tmp_path: Path, version: str, toolchain: str, sentence: str
) -> None:
    fakes.go(tmp_path / "bin", "exit 1", version, toolchain)
    with pytest.raises(ProvisionError, match=sentence):
        build.find_go(fakes.environment(tmp_path))


@pytest.mark.parametrize(
    ("version", "toolchain"),
    [("go1.26.4", "local"), ("go1.30", "local"), ("go1.26.8-X:x", "local"), ("go1.24.0", "auto")],
)
def test_a_go_that_is_new_enough_or_may_fetch_a_newer_one_is_used(tmp_path: Path, version: str, toolchain: str) -> None:
    go = fakes.go(tmp_path / "bin", "exit 1", version, toolchain)
    assert build.find_go(fakes.environment(tmp_path)) == go


def test_a_go_that_answers_nonsense_is_named(tmp_path: Path) -> None:
    go = fakes.program(tmp_path / "bin" / "go", "echo nonsense")
    with pytest.raises(ProvisionError, match=f"{go} does not work"):
        build.find_go(fakes.environment(tmp_path))


def test_a_failed_build_shows_the_end_of_what_go_printed(tmp_path: Path) -> None:
    fakes.go(tmp_path / "bin", "echo '# example.com/a' >&2; echo './a.go:1:1: undefined: b' >&2; exit 1")
    said: list[str] = []
    with pytest.raises(ProvisionError, match="cannot build temporal-server: it does not compile"):
        provide.provide("server", fakes.environment(tmp_path), said.append)
    assert "  ./a.go:1:1: undefined: b" in said


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    env = fakes.environment(tmp_path, PAIDCASE_CACHE=str(blocked))
    with pytest.raises(ProvisionError, match=f"cannot write to {cache.folder(env)} .*: set PAIDCASE_CACHE"):
        provide.provide("server", env, lambda line: None)
