"""Reading tables and pictures out of the project's Markdown."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import ROOT

Table = list[dict[str, str]]


def text(name: str) -> str:
    """A document of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def documents() -> list[Path]:
    """Every Markdown file that people read."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def sections(markdown: str) -> Iterator[tuple[str, str]]:
    """Headings with what stands below each, up to the next heading of any depth."""
    parts = re.split(r"^#+ (.+)$", re.sub(r"^```.*?^```$", _without_headings, markdown, flags=re.M | re.S), flags=re.M)
    return zip(parts[1::2], parts[2::2], strict=True)


def _without_headings(block: re.Match[str]) -> str:
    return block[0].replace("\n#", "\n ")


def section(markdown: str, heading: str) -> str:
    """What stands below one heading."""
    return dict(sections(markdown))[heading]


def tables(markdown: str) -> list[Table]:
    """Every table of a text, each row by the names of its heading."""
    found: list[Table] = []
    for block in re.findall(r"(?:^\|.*\|$\n?)+", markdown, re.MULTILINE):
        head, _, *rows = [_cells(line) for line in block.splitlines()]
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip().strip("`") if cell.count("`") == 2 else cell.strip() for cell in line.strip("|").split("|")]


def block(markdown: str, kind: str = "") -> str:
    """The first fenced block of a kind."""
    match = re.search(rf"^```{kind}\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL)
    assert match, f"no block of {kind or 'text'}"
    return match[1]
