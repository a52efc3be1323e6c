"""What stands on a drawn invoice, read back by another library."""

from __future__ import annotations

from decimal import Decimal

import pytest

from invoicing.documents.pdf.invoice import render
from invoicing.domain.invoices import Party
from invoicing.domain.tax import Prices, VatRate
from tests.unit.documents.samples import COMPANY, GERMAN, PERSON, SELLER, invoice, line, pages, read, squeezed


def text_of(**changes: object) -> str:
    return " ".join(pages(render(invoice(**changes))))  # type: ignore[arg-type]  # passes each change on by name


@pytest.mark.parametrize(
    "element",
    [
        pytest.param("Data wystawienia 24.11.2026", id="pkt-1-issue-date"),
        pytest.param("FAKTURA nr FV/1/11/2026", id="pkt-2-number"),
        pytest.param("SPRZEDAWCA Jan Przykładowy Doradztwo Prosta 1 00-001 Warszawa", id="pkt-3-seller"),
        pytest.param("NABYWCA Przykład sp. z o.o. Jasna 6/3 00-013 Warszawa", id="pkt-3-buyer"),
        pytest.param("NIP 1234563218", id="pkt-4-seller-tax-id"),
        pytest.param("NIP 5260250274", id="pkt-5-buyer-tax-id"),
        pytest.param("Data sprzedaży 22.11.2026", id="pkt-6-sale-date"),
        pytest.param("Data zapłaty 23.11.2026", id="pkt-6-money-received"),
        pytest.param("Zapłacono dnia 23.11.2026, płatność internetowa Autopay", id="payment-received"),
        pytest.param("9ABC12DEF3", id="payment-reference"),
        pytest.param("1 Konsultacja prawna 1,5 godz. 240,00 36,00 23% 324,00", id="pkt-7-to-12-the-line"),
        pytest.param("Cena netto Rabat VAT Wartość netto", id="names-of-columns"),
        pytest.param("10%", id="discount-percent"),
        pytest.param("23% 324,00 74,52 398,52", id="pkt-13-and-14-per-rate"),
        pytest.param("Razem 324,00 74,52 398,52", id="sums"),
        pytest.param("Kwota należności ogółem 398,52 PLN", id="pkt-15-amount-due"),
        pytest.param("Zapłacono 398,52 PLN", id="paid"),
        pytest.param("Pozostało do zapłaty 0,00 PLN", id="nothing-left"),
        pytest.param("trzysta dziewięćdziesiąt osiem złotych, pięćdziesiąt dwa grosze", id="in-words"),
        pytest.param("PL61 1090 1014 0000 0712 1981 2874", id="account"),
        pytest.param("Strona 1/1", id="page"),
    ],
)
def test_the_document_carries(element: str) -> None:
    assert element in text_of()


def test_an_ordinary_invoice_is_one_a4_page() -> None:
    document = read(render(invoice()))
    assert len(document.pages) == 1
    assert [round(float(side)) for side in document.pages[0].mediabox[2:]] == [595, 842]


def test_a_private_person_has_no_tax_id() -> None:
    text = text_of(buyer=PERSON, buyer_is_company=False)
    assert "NABYWCA Anna Przykładowa Długa 5 31-146 Kraków Lp." in text
    assert text.count("NIP") == 1


def test_no_account_and_no_discount_leave_no_trace() -> None:
    text = text_of(lines=[line()], seller=SELLER.model_copy(update={"bank_account": None}))
    assert "Rachunek" not in text
    assert "Rabat" not in text
    assert "Uwagi" not in text


def test_gross_prices_are_called_gross() -> None:
    text = text_of(lines=[line(unit_price=Decimal("249.00"), quantity=Decimal(1))], prices=Prices.GROSS)
    assert "Cena brutto VAT Wartość brutto" in text
    assert "1 godz. 249,00 23% 249,00" in text
    assert "23% 202,44 46,56 249,00" in text


def test_a_discount_of_an_amount_shows_what_it_takes_off() -> None:
    text = text_of(
        lines=[
            line(discount_amount=Decimal("20.00")),
            line("Opinia", discount_percent=Decimal("12.5"), discount_amount=Decimal("0.01")),
            line("Analiza"),
        ]
    )
    assert "240,00 20,00 23% 340,00" in text
    assert "240,00 45,01 23% 314,99 12,5%" in text
    assert "3 Analiza 1,5 godz. 240,00 23% 360,00" in text


@pytest.mark.parametrize("prices", list(Prices))
def test_every_rate_shows_its_own_totals_and_the_sums_are_those_of_the_fact(prices: Prices) -> None:
    drawn = invoice([line(rate.name, rate.value) for rate in VatRate], prices=prices, exemption_basis="art. 113")
    text = " ".join(pages(render(drawn)))

    def amount(value: Decimal) -> str:
        return f"{value:,.2f}".replace(",", " ").replace(".", ",")

    for row in drawn.rates:
        name = {"np_eu": "np UE"}.get(row.rate, f"{row.rate}%" if row.rate.isdigit() else row.rate)
        vat = amount(row.vat) if row.rate.isdigit() else "–"
        assert f" {name} {amount(row.net)} {vat} {amount(row.gross)} " in text
    assert f"Razem {amount(drawn.net)} {amount(drawn.vat)} {amount(drawn.gross)}" in text
    assert f"ogółem {amount(drawn.gross)} PLN" in text


def test_exemption_prints_its_basis() -> None:
    basis = "art. 43 ust. 1 pkt 29 ustawy o podatku od towarów i usług"
    assert f"Podstawa zwolnienia z VAT (zw): {basis}" in text_of(lines=[line(rate="zw")], exemption_basis=basis)


def test_reverse_charge_in_poland_prints_the_words_of_the_law() -> None:
    assert "odwrotne obciążenie" in text_of(lines=[line(rate="oo")])


def test_a_service_to_an_eu_business_names_countries_eu_numbers_and_reverse_charge() -> None:
    text = text_of(lines=[line(rate="np_eu")], buyer=GERMAN)
    assert "Prosta 1 00-001 Warszawa Polska NIP PL1234563218" in text
    assert "Unter den Linden 77 10117 Berlin Niemcy Nr VAT UE DE136695976" in text
    assert "odwrotne obciążenie" in text


def test_a_buyer_outside_the_union_has_a_tax_number_and_the_rate_is_explained() -> None:
    buyer = Party(name="Example Ltd", tax_id="GB123", street="High St 1", city="London", country="GB")
    text = text_of(lines=[line(rate="np")], buyer=buyer)
    assert "High St 1 London Wielka Brytania Nr podatkowy GB123" in text
    assert "np – usługa niepodlegająca opodatkowaniu VAT na terytorium Polski" in text
    assert "odwrotne" not in text


def test_another_currency_stands_beside_its_amounts() -> None:
    text = text_of(currency="EUR", payment_method="external")
    assert "398,52 EUR" in text
    assert "euro, pięćdziesiąt dwa centy" in text
    assert "wpłata bezpośrednia" in text
    assert "PLN" not in text


@pytest.mark.parametrize(
    "hostile",
    [
        "Jan <Kowalski>",
        "AT&T &lt;b&gt; &amp; &#65;",
        "<b>gruby</b> <i>nie zamknięty",
        '<img src="/etc/hostname"/>',
        '<a href="https://example.com">link</a>',
        "\\(Tj) ET Q \\051 %koniec",
        "{number} {0} {{x}} %s %(name)s",
        '\'; -- "cudzysłów" „polski”',
    ],
)
def test_customer_text_is_drawn_as_it_is(hostile: str) -> None:
    pdf = render(
        invoice(
            [line(hostile, rate="zw", unit=hostile[:20])],
            buyer=COMPANY.model_copy(update={"name": hostile, "street": hostile}),
            seller=SELLER.model_copy(update={"name": hostile}),
            exemption_basis=hostile,
        )
    )
    document = read(pdf)
    assert squeezed(pages(pdf)[0]).count(squeezed(hostile)) >= 5
    assert "/Annots" not in document.pages[0]
    assert not document.pages[0].images
    assert document.metadata is not None
    assert document.metadata.author == hostile


def test_metadata_name_the_document_its_seller_and_its_language() -> None:
    document = read(render(invoice()))
    assert document.metadata is not None
    assert document.metadata.title == "Faktura FV/1/11/2026"
    assert document.metadata.author == "Jan Przykładowy Doradztwo"
    assert document.metadata.subject == "Faktura nr FV/1/11/2026 z dnia 24.11.2026"
    assert document.metadata.producer == "Paidcase"
    assert str(document.metadata["/CreationDate"]) == "D:20261124"
    assert str(document.metadata["/ModDate"]) == "D:20261124"
    assert str(document.root_object["/Lang"]) == "pl-PL"


def test_every_font_is_embedded() -> None:
    pdf = render(invoice([line("Юридическая консультация, Ωμέγα, ąęćłńóśźż")]))
    named = 0
    for page in read(pdf).pages:
        for reference in page["/Resources"]["/Font"].values():  # type: ignore[index]  # PDF dictionaries
            font = reference.get_object()
            named += 1
            assert "NotoSans" in font["/BaseFont"]
            assert "/FontFile2" in font["/FontDescriptor"]
    assert named >= 2
    assert b"Helvetica" not in pdf
