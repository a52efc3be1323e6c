"""Amounts in words: `pięć złotych, dwa grosze`, with the inflection of the language.

The law does not ask for words; custom does. Plural rules are CLDR's: Polish and Russian have one, few and many, English
one and other, French takes the singular for nought and one. Arabic says the whole units and keeps the hundredths as
`52/100`, as its banking forms do, because names of foreign coins are not inflected there.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from num2words import num2words

from invoicing.documents.pdf.script import isolated

Forms = tuple[str, ...]
"""A name for one, for few and for many; where the last are missing, the one before stands in."""

_NAMES: Final[dict[str, dict[str, tuple[Forms, Forms]]]] = {
    "pl": {
        "PLN": (("złoty", "złote", "złotych"), ("grosz", "grosze", "groszy")),
        "EUR": (("euro",), ("cent", "centy", "centów")),
        "USD": (
            ("dolar amerykański", "dolary amerykańskie", "dolarów amerykańskich"),
            ("cent", "centy", "centów"),
        ),
        "GBP": (("funt szterling", "funty szterlingi", "funtów szterlingów"), ("pens", "pensy", "pensów")),
    },
    "en": {
        "PLN": (("zloty", "zlotys"), ("grosz", "groszy")),
        "EUR": (("euro", "euros"), ("cent", "cents")),
        "USD": (("US dollar", "US dollars"), ("cent", "cents")),
        "GBP": (("pound sterling", "pounds sterling"), ("penny", "pence")),
    },
    "fr": {
        "PLN": (("zloty", "zlotys"), ("grosz", "groszy")),
        "EUR": (("euro", "euros"), ("centime", "centimes")),
        "USD": (("dollar américain", "dollars américains"), ("cent", "cents")),
        "GBP": (("livre sterling", "livres sterling"), ("penny", "pence")),
    },
    "ru": {
        "PLN": (("злотый", "злотых"), ("грош", "гроша", "грошей")),
        "EUR": (("евро",), ("цент", "цента", "центов")),
        "USD": (("доллар США", "доллара США", "долларов США"), ("цент", "цента", "центов")),
        "GBP": (("фунт стерлингов", "фунта стерлингов", "фунтов стерлингов"), ("пенс", "пенса", "пенсов")),
    },
    "ar": {
        "PLN": (("زلوتي بولندي",), ()),
        "EUR": (("يورو",), ()),
        "USD": (("دولار أمريكي",), ()),
        "GBP": (("جنيه إسترليني",), ()),
    },
}
_JOINED: Final = {"pl": ", ", "en": " and ", "fr": " et ", "ru": " "}
_MINUS: Final = {"pl": "minus", "en": "minus", "fr": "moins", "ru": "минус", "ar": "ناقص"}


def amount_in_words(amount: Decimal, currency: str, language: str = "pl") -> str:
    """The amount said in full; a currency without names keeps its code and hundredths."""
    whole, hundredths = divmod(int(abs(amount).scaleb(2)), 100)
    sign = f"{_MINUS[language]} " if amount < 0 else ""
    names = _NAMES[language].get(currency)
    if language == "ar":
        return sign + _arabic(whole, hundredths, names[0][0] if names else isolated(currency))
    if names is None:
        return f"{sign}{_cardinal(whole, language)} {currency} {hundredths:02d}/100"
    major, minor = names
    spoken = f"{_said(whole, currency, language)}{_link(whole, language, major)}{_inflected(whole, major, language)}"
    return (
        f"{sign}{spoken}{_JOINED[language]}{_cardinal(hundredths, language)} {_inflected(hundredths, minor, language)}"
    )


def _cardinal(number: int, language: str) -> str:
    return str(num2words(number, lang=language))


def _said(whole: int, currency: str, language: str) -> str:
    """The whole units, in the gender of their name where a one shows it."""
    if language == "pl" and whole == 1 and currency == "EUR":
        return "jedno"  # euro is neuter
    spoken = _cardinal(whole, language)
    if language == "fr" and currency == "GBP" and spoken.endswith("un"):
        return f"{spoken}e"  # livre is feminine
    return spoken


def _link(whole: int, language: str, names: Forms) -> str:
    """What stands between number and name: French says `un million de zlotys`, `un million d'euros`."""
    if language == "fr" and whole and whole % 1_000_000 == 0:
        return " d'" if names[0][0] in "aeiou" else " de "
    return " "


def _inflected(number: int, forms: Forms, language: str) -> str:
    place = _PLURALS[language](number)
    return forms[min(place, len(forms) - 1)]


def _polish(number: int) -> int:
    if number == 1:
        return 0
    return 1 if 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14 else 2


def _russian(number: int) -> int:
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14 else 2


_PLURALS: Final[dict[str, Callable[[int], int]]] = {
    "pl": _polish,
    "en": lambda number: 0 if number == 1 else 1,
    "fr": lambda number: 0 if number < 2 else 1,
    "ru": _russian,
}


def _arabic(whole: int, hundredths: int, name: str) -> str:
    said = _cardinal(whole, "ar").replace(" و ", " و")
    if said.endswith("مئتان"):
        said = said.removesuffix("ن")  # the dual loses its last letter before what it counts
    spoken = f"{name} {said}" if whole in (1, 2) else f"{said} {name}"
    return f"{spoken} و{isolated(f'{hundredths:02d}/100')}"
