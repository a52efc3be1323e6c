"""What three readers are told of every failure in five languages."""

import re
from itertools import product

import pytest

from invoicing.domain.cases import LANGUAGES
from invoicing.domain.consequences import Documents, Money, Plain, Who
from invoicing.domain.failures import FAILURES, FailureKind
from invoicing.domain.labels import Action, Role, may_ever, view
from invoicing.domain.recoveries import RECOVERIES
from invoicing.domain.state import CaseState, InvoiceState, InvoiceStatus, Parked, PaymentState, PaymentStatus, Step
from invoicing.errors import Cause
from invoicing.failing import link, message, ops_message, told
from invoicing.failures_page import states
from invoicing.locale import catalogue, text

READERS = (Role.CLIENT, Role.EXPERT, Role.OPS)
STATES = tuple(states())
INTERNALS = re.compile(
    r"_URL|_KEYS|_|SMTP|wFirma|Autopay|NBP|Temporal|setup|серти|baza danych|database|base de données|баз[аеы] данных"
    r"|قاعدة البيانات|inżynier|engineer|ingénieur|инженер|مهندس"
)
BLAME = re.compile(r"błęd|wrong|erron|неверн|خاطئ|odrzuc|refus|reject|отклон|رفض|twoj|your fault", re.IGNORECASE)


def state(payment: PaymentStatus, invoice: InvoiceStatus = InvoiceStatus.NONE, **changes: object) -> CaseState:
    fields = {"payment": PaymentState(status=payment), "invoice": InvoiceState(status=invoice), **changes}
    return CaseState.model_validate({"case_id": "c", "currency": "PLN", **fields})


PAID = state(PaymentStatus.COMPLETED, InvoiceStatus.GENERATING)
FAILED = state(
    PaymentStatus.COMPLETED, InvoiceStatus.FAILED,
    parked=Parked(step=Step.INVOICE, cause=Cause.CONNECTIVITY, code="issuer_unreachable", attempts=3),
)  # fmt: skip


@pytest.mark.parametrize("kind", FAILURES.values(), ids=lambda kind: str(kind.code))
def test_every_reader_is_told_of_every_failure_in_every_language_and_state(kind: FailureKind) -> None:
    for language, role, ended in product(LANGUAGES, READERS, (True, False)):
        for step, here in product((None, *kind.steps), (None, *STATES)):
            said = message(told(kind.code, step, here, role, ended=ended), role, language)
            assert len(said) > 20
            assert said.endswith(".")
            assert not set(said) & set("{}@<>"), said
            assert kind.code not in said, said
            assert said.count("  ") == 0, said


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_client_reads_has_neither_blame_nor_anything_internal(language: str) -> None:
    for kind, here in product(FAILURES.values(), STATES):
        for step in kind.steps:
            said = message(told(kind.code, step, here, Role.CLIENT), Role.CLIENT, language)
            assert not INTERNALS.search(said), said
            assert not BLAME.search(said), said


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_sentences_of_a_set_are_alike(language: str) -> None:
    for prefix, values in (
        ("money", Money), ("documents", Documents), ("plain.client", Plain), ("plain.expert", Plain),
    ):  # fmt: skip
        sentences = [text(language, f"{prefix}.{value.value}") for value in values]
        assert len(set(sentences)) == len(sentences)
    acting = [text(language, f"next.{who.value}") for who in Who if who is not Who.NOBODY]
    assert len(set(acting)) == len(acting)


def test_no_sentence_of_a_failure_takes_a_value_so_none_can_carry_personal_data() -> None:
    for language in LANGUAGES:
        texts = catalogue(language)
        for key in texts:
            if key.startswith(("failure.", "plain.", "money.", "documents.", "next.", "retry.")):
                assert "{" not in texts[key]


def test_a_failed_round_is_told_to_the_client_with_the_agreed_sentence_and_the_money_as_kept() -> None:
    said = message(told("issuer_unreachable", Step.INVOICE, FAILED, Role.CLIENT, ended=True), Role.CLIENT, "pl")
    assert said.startswith(text("pl", "invoice.failed_reason") + ". " + text("pl", "money.kept"))
    assert said.endswith(text("pl", "next.nothing"))


def test_an_unknown_outcome_is_never_told_as_nothing_charged() -> None:
    unpaid = state(PaymentStatus.NONE)
    said = message(told("gateway_outcome_unknown", Step.CHARGE, unpaid, Role.CLIENT), Role.CLIENT, "en")
    assert text("en", "money.may_be_charged") in said
    assert text("en", "money.not_charged") not in said
    assert text("en", "action.pay_again") not in said
    lost = message(told("database_unavailable", Step.CHARGE, unpaid, Role.OPS, outcome_known=False), Role.OPS, "en")
    assert text("en", "money.may_be_charged") in lost


def test_a_lost_answer_of_the_issuer_is_told_as_an_invoice_that_may_exist_but_not_to_the_client() -> None:
    for role in (Role.EXPERT, Role.OPS):
        said = message(told("issuer_outcome_unknown", Step.INVOICE, PAID, role), role, "en")
        assert text("en", "documents.may_exist") in said
    said = message(told("issuer_outcome_unknown", Step.INVOICE, PAID, Role.CLIENT), Role.CLIENT, "en")
    assert text("en", "documents.may_exist") not in said


def test_a_reader_is_offered_only_what_he_may_press_now() -> None:
    for kind, here, role in product(FAILURES.values(), (PAID, FAILED), READERS):
        for step in kind.steps:
            said = message(told(kind.code, step, here, role), role, "en")
            offered = said.rpartition(text("en", "next.you"))[2] if text("en", "next.you") in said else ""
            named = {action for action in Action if text("en", f"action.{action.value}") in offered}
            assert named <= set(view(here, role).actions)


def test_every_action_of_the_table_can_be_taken_by_somebody() -> None:
    for kind in FAILURES.values():
        for step in kind.steps:
            assert all(any(may_ever(role, action) for role in READERS) for action in kind.actions_at(step)), kind.code


def test_an_unlisted_code_is_told_and_linked_as_internal() -> None:
    assert ops_message("no_such_code", Step.INVOICE, "en") == ops_message("internal", Step.INVOICE, "en")
    assert link("no_such_code") == "docs/failures.md#internal"
    assert ops_message(None, None, "en") is None


def test_every_code_says_how_its_alert_is_closed_unless_it_opens_none() -> None:
    assert set(RECOVERIES) == set(FAILURES)
    assert {code for code, ways in RECOVERIES.items() if not ways} == {"expired", "payment_failed", "mail_deferred"}
