"""Every language says everything: same keys, same placeholders, a text for every value that an edge translates."""

import string
from collections.abc import Iterable, Iterator
from itertools import product

import pytest

from invoicing.domain.cases import LANGUAGES
from invoicing.domain.consequences import Documents, Money, Plain
from invoicing.domain.decisions import WhyNot
from invoicing.domain.failures import FAILURES
from invoicing.domain.faults import FaultCode
from invoicing.domain.labels import Action, Role, view
from invoicing.domain.records import Event, MailKind
from invoicing.domain.state import Badge, CaseState, InvoiceState, InvoiceStatus, PaymentState, PaymentStatus
from invoicing.locale import RIGHT_TO_LEFT, catalogue, text

PROBLEM_CODES = """invalid conflict not_found no_invoice unauthenticated forbidden action_not_allowed already_paid
    autopay_disabled too_large unsupported_media_type rate_limited unavailable""".split()
"""Problem codes of the HTTP API, by contract."""

TRANSLATIONS = tuple(language for language in LANGUAGES if language != "pl")


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def label_keys() -> Iterator[str]:
    """Keys that the label function can return, over every pair of statuses and every role."""
    for payment, invoice, role in product(PaymentStatus, InvoiceStatus, Role):
        state = CaseState(
            case_id="c-1",
            currency="PLN",
            payment=PaymentState(status=payment),
            invoice=InvoiceState(status=invoice),
        )
        seen = view(state, role)
        yield from (k for k in (seen.case_status_key, seen.payment_key, seen.invoice_key, seen.reason_key) if k)


def keys(prefix: str, values: Iterable[str]) -> set[str]:
    return {f"{prefix}.{value}" for value in values}


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_language_has_exactly_the_keys_of_the_polish_catalogue(language: str) -> None:
    here, polish = set(catalogue(language)), set(catalogue("pl"))
    assert polish - here == set(), "missing"
    assert here - polish == set(), "extra"


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_language_has_the_keys_in_the_order_of_the_polish_catalogue(language: str) -> None:
    assert list(catalogue(language)) == list(catalogue("pl"))


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_text_has_the_placeholders_of_its_polish_original(language: str) -> None:
    here, polish = catalogue(language), catalogue("pl")
    different = {key for key in polish if placeholders(here[key]) != placeholders(polish[key])}
    assert different == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_plain_names_that_can_be_filled_in(language: str) -> None:
    for key, template in catalogue(language).items():
        filled = text(language, key, **dict.fromkeys(placeholders(template), "X-1"))
        assert "{" not in filled, key
        assert "}" not in filled, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_says_something_and_is_not_its_own_key(language: str) -> None:
    for key, template in catalogue(language).items():
        assert template.strip(), key
        assert template != key
        assert template == template.strip(" "), key


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_no_text_was_left_in_polish(language: str) -> None:
    same = {key for key, template in catalogue(language).items() if template == catalogue("pl")[key]}
    assert same == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_end_as_the_polish_ones_do(language: str) -> None:
    """A mail text keeps its last line break, a sentence its full stop, a label none."""
    for key, template in catalogue(language).items():
        polish = catalogue("pl")[key]
        assert template.endswith("\n") == polish.endswith("\n"), key
        assert template.rstrip().endswith(".") == polish.rstrip().endswith("."), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_subject_is_one_line(language: str) -> None:
    subjects = {key: t for key, t in catalogue(language).items() if key.endswith(".subject")}
    assert subjects
    assert all("\n" not in template and "\r" not in template for template in subjects.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "needed",
    [
        pytest.param(keys("fault", FaultCode), id="fault codes"),
        pytest.param(keys("action", Action), id="actions"),
        pytest.param(keys("badge", Badge), id="badges"),
        pytest.param(keys("event", Event), id="events of the timeline"),
        pytest.param({kind.meaning for kind in FAILURES.values()}, id="failures"),
        pytest.param(keys("plain.client", Plain) | keys("plain.expert", Plain), id="plain words of failures"),
        pytest.param(keys("money", Money) | keys("documents", Documents), id="consequences of failures"),
        pytest.param(keys("problem", PROBLEM_CODES), id="problems"),
        pytest.param(keys("problem", WhyNot), id="reasons of refused decisions"),
        pytest.param({f"mail.{k}.{part}" for k in MailKind for part in ("subject", "text")}, id="mails"),
        pytest.param(set(label_keys()), id="labels"),
    ],
)
def test_every_value_that_an_edge_translates_has_a_text(needed: set[str], language: str) -> None:
    assert needed - set(catalogue(language)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("prefix", ["fault", "action", "badge", "problem", "case", "payment"])
def test_two_codes_of_one_kind_are_told_apart(prefix: str, language: str) -> None:
    texts = [template for key, template in catalogue(language).items() if key.startswith(f"{prefix}.")]
    assert len(texts) == len(set(texts)) > 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_button_says_what_its_cell_says(language: str) -> None:
    texts = catalogue(language)
    assert texts["action.resume_payment"] == texts["invoice.resume_payment"]
    assert texts["action.pay_again"] == texts["invoice.pay_again"]
    assert texts["action.download"] == texts["invoice.available"]


def test_only_offered_languages_run_from_right_to_left() -> None:
    assert set(LANGUAGES) >= RIGHT_TO_LEFT == {"ar"}


def test_numbers_in_right_to_left_text_are_kept_in_their_order() -> None:
    """Without isolation `2026-000123` would be shown as `000123-2026` (UAX 9, rules W2 and W4)."""
    for language in RIGHT_TO_LEFT:
        for key, template in catalogue(language).items():
            for name in placeholders(template):
                bare = template.replace(f"\u2066{{{name}}}\u2069", "")
                assert f"{{{name}}}" not in bare, (language, key)


def test_isolation_marks_stand_only_around_placeholders() -> None:
    for language in LANGUAGES:
        for key, template in catalogue(language).items():
            for name in placeholders(template):
                template = template.replace(f"\u2066{{{name}}}\u2069", "")
            assert not set(template) & set("\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e"), (language, key)


def test_a_key_that_no_catalogue_has_is_an_error_and_never_a_fallback() -> None:
    with pytest.raises(KeyError):
        text("en", "fault.no_such_code")


def test_a_value_that_looks_like_a_placeholder_is_not_filled_in_again() -> None:
    assert text("en", "mail.invoice.subject", number="{case_id}") == "Invoice {case_id}"


def test_a_catalogue_cannot_be_changed_by_its_readers() -> None:
    with pytest.raises(TypeError):
        catalogue("pl")["payment.open"] = "x"  # type: ignore[index]  # the refusal is what is tested
