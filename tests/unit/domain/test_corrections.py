"""Corrections one after another: each states before, after and difference, and they end at the stated state."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.domain.cases import Line
from invoicing.domain.correcting import (
    CorrectionRequest,
    change_of,
    changes_nothing,
    correction_faults,
    recorded_request,
    state_after,
)
from invoicing.domain.corrections import is_zeroed, plan_correction
from invoicing.domain.invoices import Invoice
from invoicing.domain.issuing import plan_invoice
from invoicing.domain.records import CaseFacts
from invoicing.domain.tax import Prices
from invoicing.domain.validation import ContentRules
from invoicing.errors import DataFault
from tests.unit.domain.samples import NOW, buyer, case, expert, line_fields, person, state
from tests.unit.domain.test_tax_properties import EXACT, decimals

LINES = st.lists(
    st.fixed_dictionaries(
        {
            "description": st.sampled_from(["Konsultacja", "Opinia", "Umowa"]),
            "quantity": decimals("0", "99", 3).map(str),
            "unit_price": decimals("100", "9999", 2).map(str),
            "discount_percent": decimals("0", "50", 2).map(str),
            "discount_amount": st.sampled_from(["0", "0.01"]),
            "vat_rate": st.sampled_from(["23", "8", "5", "0", "zw"]),
        }
    ),
    min_size=1,
    max_size=4,
)
SELLER = expert(exemption_basis="art. 43 ust. 1 pkt 29 ustawy o VAT")


def original(prices: Prices = Prices.NET, **changes: Any) -> Invoice:
    return plan_invoice(
        case(prices=prices.value, **changes),
        buyer(),
        SELLER,
        number="FV/1/11/2026",
        issued_on=date(2026, 11, 23),
        paid_at=NOW,
        payment_reference="9ABC",
        language="pl",
    )


def wish(**fields: Any) -> CorrectionRequest:
    return CorrectionRequest.model_validate({"reason": "po reklamacji", **fields})


def corrected(latest: Invoice, first: Invoice, wanted: CorrectionRequest) -> Invoice:
    prices = latest.prices.value
    facts = CaseFacts(
        document=case(prices=prices), state=state(), billing=buyer(), billing_revision=1, expert=SELLER, arrived_at=NOW
    )
    return plan_correction(
        latest,
        first,
        sequence=latest.sequence + 1,
        number=f"KFV/{latest.sequence}/12/2026",
        issued_on=date(2026, 12, 2),
        change=change_of(latest, facts, wanted, None),
        decision=latest.sequence,
    )


@EXACT
@given(st.lists(LINES, min_size=1, max_size=4), st.sampled_from(Prices))
def test_correction_after_correction_ends_at_the_stated_state(chain: list[list[Any]], prices: Prices) -> None:
    first = original(prices)
    documents = [first]
    for lines in chain:
        if not changes_nothing(documents[-1], case(prices=prices.value), wish(lines=lines)):
            documents.append(corrected(documents[-1], first, wish(lines=lines)))
    for before, after in pairwise(documents):
        told = after.correction
        assert told is not None
        assert (told.before_lines, told.before_rates) == (before.lines, before.rates)
        assert (told.before_net, told.before_vat, told.before_gross) == (before.net, before.vat, before.gross)
        assert sum(row.gross for row in told.difference_rates) == told.difference_gross == after.gross - before.gross
        assert sum(row.vat for row in told.difference_rates) == told.difference_vat == after.vat - before.vat
        assert all(row.net + row.vat == row.gross for row in (*after.rates, *told.difference_rates))
        assert (told.number, told.issued_on) == (first.number, first.issued_on)
        assert (told.follows.number if told.follows else first.number) == before.number
    last = documents[-1]
    stated = original(prices, lines=chain[-1])
    assert (last.lines, last.rates, last.gross) == (stated.lines, stated.rates, stated.gross)
    differences = [told.difference_gross for document in documents if (told := document.correction)]
    assert sum(differences, first.gross) == last.gross


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"unit_price": "200.00"}, "price"),
        ({"quantity": "1"}, "quantity"),
        ({"discount_percent": "25"}, "discount"),
        ({"discount_amount": "1.00"}, "discount"),
        ({"vat_rate": "8"}, "rate"),
        ({"description": "Opinia prawna"}, "data"),
        ({"unit_price": "200.00", "quantity": "2"}, "other"),
    ],
)
def test_the_reason_names_the_one_thing_that_changed(change: dict[str, str], reason: str) -> None:
    first = original()
    told = corrected(first, first, wish(lines=[line_fields(**change)])).correction
    assert told is not None
    assert (told.reason_key, told.reason_text) == (reason, "po reklamacji")


def test_a_line_that_is_added_or_taken_away_is_told_in_the_persons_words_alone() -> None:
    first = original()
    more = corrected(first, first, wish(lines=[line_fields(), line_fields(description="Opinia")]))
    less = corrected(more, first, wish(lines=[line_fields()]))
    assert more.correction is not None
    assert more.correction.reason_key == "other"
    assert (less.lines, less.gross) == (first.lines, first.gross)
    assert less.amount_due == 0
    assert more.amount_due == more.gross - first.gross


def test_buyer_and_lines_can_be_corrected_at_once_and_what_is_not_given_stays() -> None:
    first = original()
    other = buyer(name="Inna sp. z o.o.").model_dump()
    both = corrected(first, first, wish(billing_data=other, lines=[line_fields(quantity="2")]))
    assert both.correction is not None
    assert (both.buyer.name, both.correction.reason_key) == ("Inna sp. z o.o.", "other")
    assert both.correction.before_buyer == first.buyer
    then = corrected(both, first, wish(billing_data=person().model_dump()))
    assert then.correction is not None
    assert (then.lines, then.buyer.tax_id, then.buyer_is_company) == (both.lines, None, False)
    assert (then.correction.reason_key, then.correction.difference_gross) == ("data", Decimal(0))


def test_to_zero_leaves_every_line_with_nothing_and_the_refunds_words_are_not_said() -> None:
    first = original()
    nothing = corrected(first, first, wish(to_zero=True))
    assert is_zeroed(nothing)
    assert (nothing.gross, len(nothing.lines)) == (Decimal(0), 1)
    assert nothing.correction is not None
    assert nothing.correction.reason_key == "other"
    back = corrected(nothing, first, wish(lines=[line_fields()]))
    assert (back.lines, back.gross) == (first.lines, first.gross)


@pytest.mark.parametrize(
    "same",
    [
        {"lines": [line_fields()]},
        {"billing_data": buyer().model_dump()},
        {"billing_data": buyer(email="nowy@example.com").model_dump()},
    ],
)
def test_what_the_latest_document_says_already_is_no_correction(same: dict[str, Any]) -> None:
    first = original()
    assert changes_nothing(first, case(), wish(**same))
    with pytest.raises(DataFault) as raised:
        corrected(first, first, wish(**same))
    assert raised.value.code == "nothing_to_correct"


@pytest.mark.parametrize("fields", [{"lines": [line_fields(), line_fields(vat_rate="zw")]}, {"to_zero": True}])
def test_a_decision_keeps_the_wish_but_no_data_of_the_buyer(fields: dict[str, Any]) -> None:
    asked = wish(billing_data=buyer().model_dump(), **fields)
    body = asked.body(2)
    assert body["billing_revision"] == "2"
    assert not [secret for secret in ("Przykład", "5260250274", "Jasna", "example.com") if secret in str(body)]
    assert recorded_request(body, buyer()) == asked


def faults(latest: Invoice | None = None, seller: Any = SELLER, **fields: Any) -> set[tuple[str, str]]:
    first = latest or original()
    found = correction_faults(wish(**fields), first, case(), buyer(), seller, ContentRules())
    return {(item.field, item.code) for item in found}


def test_every_fault_of_a_wish_is_told_at_once() -> None:
    lines = [line_fields(description=" ", vat_rate="22"), line_fields(unit="x" * 21, vat_rate="np_eu")]
    bad = buyer(tax_id="5260250275", postal_code="0").model_dump()
    assert faults(reason=" ", billing_data=bad, lines=lines) == {
        ("reason", "missing"),
        ("billing_data.tax_id", "bad_nip"),
        ("billing_data.postal_code", "bad_postal_code"),
        ("lines[0].description", "missing"),
        ("lines[0].vat_rate", "unknown_vat_rate"),
        ("lines[1].unit", "too_long"),
        ("lines[1].vat_rate", "vat_rate_not_allowed"),
    }


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, ("lines", "missing")),
        ({"to_zero": True, "lines": [line_fields()]}, ("to_zero", "bad_format")),
        ({"reason": "x" * 501, "to_zero": True}, ("reason", "too_long")),
        ({"reason": "a\u202eb", "to_zero": True}, ("reason", "bad_characters")),
        ({"lines": [line_fields(discount_amount="400.00")]}, ("lines[0].discount_amount", "amount_too_large")),
        ({"lines": [line_fields(unit_price="99999999999999.99")]}, ("lines", "amount_too_large")),
    ],
)
def test_a_wish_that_cannot_be_carried_out_is_a_fault(fields: dict[str, Any], fault: tuple[str, str]) -> None:
    assert fault in faults(**fields)


def test_a_line_may_count_nothing_and_the_total_may_sink_below_what_can_be_paid() -> None:
    assert faults(lines=[line_fields(quantity="0"), line_fields(unit_price="0.01", quantity="1")]) == set()


def test_a_seller_who_became_exempt_still_corrects_the_price_of_what_he_sold_with_tax() -> None:
    exempt = SELLER.model_copy(update={"vat_status": "exempt"})
    assert faults(seller=exempt, lines=[line_fields(unit_price="200.00")]) == set()


def test_a_seller_who_went_elsewhere_lacks_nothing_for_correcting_what_he_issued_here() -> None:
    elsewhere = {"issuer": "wfirma", "invoice_series": "Faktury", "street": None}
    assert faults(seller=SELLER.model_copy(update=elsewhere), to_zero=True) == set()


def test_the_rates_of_the_invoice_are_judged_by_the_new_buyer() -> None:
    abroad = buyer(country="DE", tax_id="DE136695976", postal_code="10115").model_dump()
    first = original(lines=[line_fields(vat_rate="np_eu")])
    assert faults(first, billing_data=abroad) == set()
    assert faults(first, billing_data=person().model_dump()) == {("lines[0].vat_rate", "vat_rate_not_allowed")}


def test_a_correction_says_split_payment_when_the_invoice_did_or_the_state_afterwards_demands_it() -> None:
    much = [line_fields(quantity="100", annex_15=True)]
    small = original()
    grown = corrected(small, small, wish(lines=much))
    assert (small.split_payment, grown.split_payment) == (False, True)
    assert corrected(grown, small, wish(lines=[line_fields()])).split_payment


def test_a_wish_states_lines_as_a_case_does() -> None:
    assert isinstance(wish(lines=[line_fields()]).lines[0], Line)  # type: ignore[index]  # they were given
    assert state_after(original(), case(), wish(lines=[line_fields(quantity="3")])).lines[0].value == Decimal("648.00")
