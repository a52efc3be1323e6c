"""Texts in the languages offered: Polish (default), English, French, Russian, Arabic.

One catalogue a language, each with the same keys (the texts of failures stand in a file of their own); the domain
returns keys and the edges translate them here. A key that is missing in a language is an error of ours, found by a
test, never a silent fallback.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

RIGHT_TO_LEFT = frozenset({"ar"})
"""Languages whose pages and documents run from right to left."""

_loaded: dict[str, Mapping[str, str]] = {}


def catalogue(language: str) -> Mapping[str, str]:
    """All texts of an offered language, by key."""
    if language not in _loaded:
        texts, failures = (import_module(f"invoicing.locale.{name}") for name in (language, f"failures_{language}"))
        _loaded[language] = MappingProxyType({**texts.TEXTS, **failures.TEXTS})
    return _loaded[language]


def text(language: str, key: str, **values: object) -> str:
    """The text of a key with its values filled in. Raises `KeyError` for a key that no catalogue has."""
    template = catalogue(language)[key]
    return template.format(**values) if values else template
