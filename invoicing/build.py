"""The build id of this folder: two workers with the same one do the same with every history.

Made of the sources that a replay runs through, and of nothing else: a repaired gateway or page is no new version of the
workflows, so that no open run has to move for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("workflows", "activities", "invoicing/domain", "invoicing/errors.py")
"""Orchestration, what its payloads are made of, and the words that both decide by."""


def build_id(root: Path = ROOT, sources: Iterable[str] = SOURCES) -> str:
    """`src-` and twelve hexadecimal digits; the same for the same sources, whatever the line ends of the checkout."""
    digest = hashlib.sha256()
    for name in sources:
        path = root / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else (path,):
            text = file.read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{file.relative_to(root).as_posix()}:{len(text)}:".encode() + text)
    return f"src-{digest.hexdigest()[:12]}"
