"""Public registers of VAT payers: what they are asked about a case, and what their answer means.

- VIES, the register of EU VAT numbers (Regulation (EU) 904/2010 art. 31): a service to an EU business without Polish
  VAT (rate `np_eu`) rests on the buyer being a taxable person (VAT Act art. 28b), which his number proves.
- The list of VAT payers, called the white list (VAT Act art. 96b): domestic reverse charge (`oo`) needs a buyer who is
  an active payer; a seller who charges VAT must be one himself; and what is paid to an account that is not on the list
  has tax consequences for the buyer (Tax Ordinance art. 117ba).

Only a definite no is a fault. A register that does not answer holds nobody up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from invoicing.domain.cases import BillingData, CaseDocument, ExpertDocument
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.parties import compact_tax_id, is_eu_vat_number, is_polish_nip
from invoicing.domain.tax import VatRate
from invoicing.errors import Fault


class Asked(StrEnum):
    """What a register can be asked."""

    EU_VAT_NUMBER = "eu_vat_number"
    ACTIVE_PAYER = "active_payer"
    PAYERS_ACCOUNT = "payers_account"


class Verdict(StrEnum):
    """A register's answer; `unanswered` when it was away or is not used."""

    CONFIRMED = "confirmed"
    DENIED = "denied"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `number` is a NIP of ten digits, or an EU VAT number with its prefix; `account` an NRB of 26."""

    asked: Asked
    number: str
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict and the register's own reference of the inquiry, which proves that it was made."""

    verdict: Verdict
    reference: str | None = None


def seller_questions(expert: ExpertDocument) -> tuple[Question, ...]:
    """What is asked about a seller in Poland who charges VAT; the account only where it is one in Poland."""
    number = compact_tax_id(expert.tax_id or "")
    if expert.country != "PL" or expert.vat_status != "active" or not is_polish_nip(number):
        return ()
    account = (expert.bank_account or "").replace(" ", "").upper()
    questions = [Question(Asked.ACTIVE_PAYER, number)]
    if account.startswith("PL"):
        questions.append(Question(Asked.PAYERS_ACCOUNT, number, account.removeprefix("PL")))
    return tuple(questions)


def case_questions(
    document: CaseDocument, buyer: BillingData | None, expert: ExpertDocument | None
) -> tuple[Question, ...]:
    """What is asked about a case whose data are sound in themselves; nothing where the expert invoices by himself."""
    if expert is None or expert.issuer == "none":
        return ()
    about_buyer = () if buyer is None else (_about_buyer(line.vat_rate, buyer) for line in document.lines)
    found = {question: None for question in about_buyer if question is not None}
    active = [question for question in seller_questions(expert) if question.asked is Asked.ACTIVE_PAYER]
    return (*found, *active)


def seller_faults_of(expert: ExpertDocument, denied: Collection[Question]) -> Iterator[Fault]:
    """Faults of a seller whom the register denies, by the fields of his document."""
    for question in seller_questions(expert):
        if question in denied:
            account = question.asked is Asked.PAYERS_ACCOUNT
            yield fault("bank_account", FaultCode.BAD_IBAN) if account else fault("tax_id", FaultCode.BAD_NIP)


def case_faults_of(
    document: CaseDocument, buyer: BillingData | None, expert: ExpertDocument | None, denied: Collection[Question]
) -> Iterator[Fault]:
    """Faults of a case of which a register denies something, by the fields of its document."""
    if not denied:
        return
    asked = set(case_questions(document, buyer, expert)) & set(denied)
    for index, line in enumerate(document.lines):
        about = None if buyer is None else _about_buyer(line.vat_rate, buyer)
        if about is None or about not in asked:
            continue
        if about.asked is Asked.EU_VAT_NUMBER:
            yield fault("billing_data.tax_id", FaultCode.BAD_VAT_NUMBER)
        else:
            yield fault(f"lines[{index}].vat_rate", FaultCode.VAT_RATE_NOT_ALLOWED)
    if expert is not None and not asked.isdisjoint(seller_questions(expert)):
        yield fault("expert_id", FaultCode.EXPERT_INCOMPLETE)


def _about_buyer(rate: str, buyer: BillingData) -> Question | None:
    """What the rate of a line makes us ask about a business buyer; a number that cannot be one is never sent."""
    number, country = buyer.tax_id or "", buyer.country or ""
    if buyer.kind != "company":
        return None
    if rate == VatRate.EU_SERVICE and is_eu_vat_number(number, country):
        return Question(Asked.EU_VAT_NUMBER, _prefixed(number, country))
    if rate == VatRate.REVERSE_CHARGE and country == "PL" and is_polish_nip(number):
        return Question(Asked.ACTIVE_PAYER, compact_tax_id(number))
    return None


def _prefixed(tax_id: str, country: str) -> str:
    """An EU VAT number with its prefix; Greece writes EL."""
    prefix = "EL" if country == "GR" else country
    number = compact_tax_id(tax_id)
    return number if number.startswith(prefix) else prefix + number
