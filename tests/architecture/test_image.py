"""The image's content is enough: the files that the Dockerfile copies, and the libraries that pyproject.toml names."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

from tests.architecture.tree import ROOMS, ROOT, imported, parse, product, relative

COMMANDS = (
    ["-m", "starter", "setup", "--help"],
    ["-c", "import worker, invoicing.web.__main__; print(worker.__file__)"],
    ["-c", "from invoicing.documents.pdf.fonts import register; print('fonts')"],
    ["-m", "py_compile", "deploy/alive.py"],
)


def normal(name: str) -> str:
    """A distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name, maxsplit=1)[0]).lower()


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {normal(name) for name in project["dependencies"]}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree that the image has in /app."""
    root = tmp_path_factory.mktemp("app")
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    for source, target in re.findall(r"^COPY (?!--from)(\S+) (\S+)$", dockerfile, re.MULTILINE):
        to = root / target / Path(source).name if target.endswith("/") else root / target
        to.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, to)
    return root


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command)[:40])
def test_the_commands_start_from_what_is_copied(app: Path, command: list[str]) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(app)}
    done = subprocess.run([sys.executable, *command], cwd=app, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-1500:]
    assert str(ROOT / "worker.py") not in done.stdout


def test_a_worker_whose_settings_are_wrong_says_so_in_one_message(app: Path) -> None:
    env = {"PATH": os.environ["PATH"], "SMTP_PORT": "x", "LOG_FORMAT": "xml"}
    done = subprocess.run([sys.executable, "worker.py"], cwd=app, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "SMTP_PORT" in done.stderr
    assert "LOG_FORMAT" in done.stderr


def test_every_library_that_production_imports_is_declared() -> None:
    known = packages_distributions()
    own = {*ROOMS, "worker", *sys.stdlib_module_names}
    missing = {
        f"{relative(path)}: {name}"
        for path in product()
        for name in {module.split(".")[0] for module in imported(parse(path))} - own
        if not {normal(dist) for dist in known.get(name, [])} & (declared() | behind(declared()))
    }
    assert missing == set()


def behind(names: set[str]) -> set[str]:
    """What the declared libraries bring themselves and are made of, such as starlette behind fastapi."""
    return {normal(one) for name in names & {"fastapi"} for one in requires(name) or [] if "extra ==" not in one}


def test_every_declared_library_is_imported_or_says_why_it_is_there() -> None:
    known = packages_distributions()
    used = {module.split(".")[0] for path in product() for module in imported(parse(path))}
    dists = {normal(dist) for name in used for dist in known.get(name, [])}
    speaks = {"asyncpg": "SQLAlchemy", "httptools": "uvicorn", "rl-accel": "reportlab", "tzdata": "zoneinfo"}
    assert declared() - dists - set(speaks) == set()


def test_every_dependency_has_its_reason_and_its_pin() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = re.findall(r'^  "([^"]+)",(.*)$', text.partition("[tool.hatch")[0], re.MULTILINE)
    assert len(lines) > 30
    assert [name for name, after in lines if not re.match(r"\s+# \S+", after)] == []
    pins = {normal(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line}
    assert [name for name, _ in lines if normal(name) not in pins] == []
