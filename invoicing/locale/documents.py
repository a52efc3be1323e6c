"""Words of documents: one catalogue a language, `documents_pl` and its translations, all with the same keys.

`{name}` marks what the caller fills in. The Polish terms are those of the VAT Act art. 106e and 106j; "odwrotne
obciążenie" and "mechanizm podzielonej płatności" are demanded verbatim by art. 106e ust. 1 pkt 18 and 18a. The other
languages stand beside the Polish words on a bilingual invoice and alone on a pro forma.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final

DOCUMENT_LANGUAGES: Final = ("pl", "en", "fr", "ru", "ar")


@cache
def document_texts(language: str) -> Mapping[str, str]:
    """The words of a language by key. Raises `KeyError` for a language that documents do not speak."""
    if language not in DOCUMENT_LANGUAGES:
        raise KeyError(language)
    module = import_module(f"invoicing.locale.documents_{language}")
    return MappingProxyType(module.TEXTS)
