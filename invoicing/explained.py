"""The explanation of a case's totals as callers get it: amounts as strings, sentences in the reader's language."""

from __future__ import annotations

from typing import Any

from invoicing.domain.cases import CaseDocument
from invoicing.domain.explaining import LineExplained, RateExplained, Sentence, exact_text, explain_case
from invoicing.domain.money import amount_text
from invoicing.locale import text


def explanation(document: CaseDocument, language: str) -> dict[str, Any] | None:
    """The API field `explanation`; None while a VAT rate is not one we know."""
    found = explain_case(document)
    if found is None:
        return None
    sums, currency = found.totals, found.currency
    return {
        "prices": found.prices.value,
        "currency": currency,
        "lines": [_line(line, currency, language) for line in found.lines],
        "rates": [_rate(rate, currency, language) for rate in found.rates],
        "totals": {name: amount_text(getattr(sums, name), currency) for name in ("net", "vat", "gross")},
        "steps": [_said(sentence, language) for sentence in found.said],
    }


def _line(line: LineExplained, currency: str, language: str) -> dict[str, Any]:
    return {
        "position": line.position,
        "description": line.description,
        "vat_rate": line.vat_rate.value,
        "before_discount": exact_text(line.before_discount),
        "discount": exact_text(line.discount),
        "rounding": exact_text(line.rounding),
        "value": amount_text(line.value, currency),
        "steps": [_said(line.said, language)],
    }


def _rate(rate: RateExplained, currency: str, language: str) -> dict[str, Any]:
    amounts = {name: amount_text(getattr(rate.total, name), currency) for name in ("net", "vat", "gross")}
    return {
        "vat_rate": rate.total.rate.value,
        "positions": list(rate.positions),
        **amounts,
        "steps": [_said(sentence, language) for sentence in rate.said],
    }


def _said(sentence: Sentence, language: str) -> dict[str, str]:
    return {
        "code": sentence.key.removeprefix("explain."),
        "formula": sentence.formula,
        "text": text(language, sentence.key, formula=sentence.formula),
    }
