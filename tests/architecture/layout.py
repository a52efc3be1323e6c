"""docker-compose.yml, Dockerfile and .env.example as data, and the rules that hold them to the code, by name.

A rule gives back what breaks it. Docker itself is not needed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.architecture.tree import ROOT

APPLICATION = ("migrations", "worker", "api")
JOBS = ("temporal-schema", "temporal-namespace", "migrations")
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


@dataclass(frozen=True)
class Layout:
    """The files as they stand, or as a test has mutated them."""

    compose: dict[str, Any]
    dockerfile: str
    dockerignore: str
    example: str
    root: Path = ROOT

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.compose["services"]
        return found

    def environment(self, service: str) -> dict[str, str]:
        return {name: str(value) for name, value in self.services[service].get("environment", {}).items()}

    def resolved(self, service: str, given: dict[str, str]) -> dict[str, str]:
        """The environment as the container gets it."""

        def value(match: re.Match[str]) -> str:
            return given.get(match["name"]) or (match["rest"] if match["kind"] == "-" else "") or ""

        return {name: VARIABLE.sub(value, text) for name, text in self.environment(service).items()}

    def strings(self) -> Iterator[str]:
        yield from _strings(self.compose)


Rule = Callable[[Layout], list[str]]
RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """Make a function a rule, known by its name."""
    RULES[check.__name__] = check
    return check


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
    elif isinstance(value, str):
        yield value


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Source by target."""
    return {mount.split(":")[1]: mount.split(":")[0] for mount in service.get("volumes", [])}


def copied(layout: Layout, name: str) -> bool:
    return bool(re.search(rf"^COPY {re.escape(name)} \./", layout.dockerfile, re.MULTILINE))


def ignored(layout: Layout, name: str) -> bool:
    """What .dockerignore leaves out, by its last line that speaks of the file or of a folder above it."""
    out, parts = False, name.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    for line in layout.dockerignore.splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            shapes = [pattern, pattern.removeprefix("**/")]
            if any(fnmatch(path, shape) for path in above for shape in shapes):
                out = not line.startswith("!")
    return out
