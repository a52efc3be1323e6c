"""What the payment page says, in Polish and in English: a name for every button, and one line on what it does."""

from dataclasses import dataclass
from decimal import Decimal

from invoicing.sandbox.autopay.desk import DELAY_SECONDS

USUAL = ("pay", "refuse", "cancel", "leave", "pending")
TROUBLE = ("pay_twice", "delay_itn", "drop_itn", "itn_five_times", "itn_altered", "wrong_amount")
SECONDS = f"{DELAY_SECONDS:.0f} s"


@dataclass(frozen=True)
class Choice:
    """A button and what pressing it does."""

    name: str
    why: str


PHRASES = {
    "pl": {
        "title": "Bramka płatności",
        "stand_in": "Atrapa do prób. Nikt tu nie płaci prawdziwymi pieniędzmi.",
        "amount": "Do zapłaty",
        "sum": "Kwota",
        "order": "Zamówienie",
        "description": "Opis",
        "number": "Numer transakcji",
        "valid": "Ważna do",
        "usual": "Co robi klient",
        "trouble": "Co może pójść źle (klient płaci)",
        "dead": "Ten link jest już nieaktywny",
        "state": "Stan",
        "SUCCESS": "zapłacono",
        "FAILURE": "nie zapłacono",
        "PENDING": "czeka na bank",
        "back": "Wróć do sklepu",
        "left": "Klient odszedł",
        "left_note": "Transakcja pozostaje otwarta i można do niej wrócić:",
        "again": "Wróć do płatności",
        "done": "Gotowe",
        "no_return": "Nie podano adresu powrotu do sklepu.",
    },
    "en": {
        "title": "Payment gateway",
        "stand_in": "A stand-in for trials. Nobody pays with real money here.",
        "amount": "To pay",
        "sum": "Amount",
        "order": "Order",
        "description": "Description",
        "number": "Transaction",
        "valid": "Valid until",
        "usual": "What the payer does",
        "trouble": "What may go wrong (the payer pays)",
        "dead": "This link is not active any more",
        "state": "State",
        "SUCCESS": "paid",
        "FAILURE": "not paid",
        "PENDING": "the bank is still waited for",
        "back": "Return to the shop",
        "left": "The payer has left",
        "left_note": "The transaction stays open and can be returned to:",
        "again": "Return to the payment",
        "done": "Done",
        "no_return": "No address to return to was given.",
    },
}

BUTTONS = {
    "pl": {
        "pay": Choice("Zapłać", "Płatność udaje się, powiadomienie wychodzi od razu, klient wraca do sklepu."),
        "refuse": Choice("Bank odmawia", "Płatność kończy się odmową (REJECTED); sklep dowiaduje się od razu."),
        "cancel": Choice("Anuluj i wróć", "Klient rezygnuje przed wyborem banku (REJECTED_BY_USER)."),
        "leave": Choice("Odejdź bez powrotu", "Nic się nie dzieje: transakcja zostaje otwarta, link działa dalej."),
        "pending": Choice("Zleć przelew", "Bank jeszcze czeka: powiadomienie PENDING, pieniędzy nie ma."),
        "pay_twice": Choice("Zapłać dwa razy", "Dwie udane transakcje zamówienia, jak z dwóch kart przeglądarki."),
        "delay_itn": Choice("Opóźnij powiadomienie", f"Klient wraca od razu, sklep dowiaduje się po {SECONDS}."),
        "drop_itn": Choice("Zgub powiadomienie", "Pieniądze są, powiadomienie nie wyjdzie: sklep musi sam zapytać."),
        "itn_five_times": Choice("Powiadom pięć razy", "Pięć jednakowych powiadomień naraz; liczy się jedno."),
        "itn_altered": Choice("Zmień powiadomienie", "Kwota nie pasuje do podpisu; prawdziwe przyjdzie później."),
        "wrong_amount": Choice("Zapłać inną kwotę", "Podpisane powiadomienie mówi o kwocie większej o 1,00."),
    },
    "en": {
        "pay": Choice("Pay", "The payment succeeds, the notification leaves at once, the payer returns to the shop."),
        "refuse": Choice("The bank refuses", "The payment fails (REJECTED); the shop hears of it at once."),
        "cancel": Choice("Cancel and return", "The payer gives up before choosing a bank (REJECTED_BY_USER)."),
        "leave": Choice("Leave for good", "Nothing happens: the transaction stays open, the link goes on working."),
        "pending": Choice("Order a transfer", "The bank still waits: a PENDING notification, and no money yet."),
        "pay_twice": Choice("Pay twice", "Two successful transactions of the same order, as from two browser tabs."),
        "delay_itn": Choice("Delay the notification", f"The payer returns at once, the shop hears after {SECONDS}."),
        "drop_itn": Choice("Lose the notification", "The money is there, but the shop is never told and has to ask."),
        "itn_five_times": Choice("Notify five times", "Five equal notifications at once; one of them counts."),
        "itn_altered": Choice("Alter the notification", "Its amount does not fit its signature; the true one follows."),
        "wrong_amount": Choice("Pay another amount", "A signed notification tells of an amount that is 1.00 higher."),
    },
}  # fmt: skip


def shown_amount(amount: str, currency: str, language: str) -> str:
    """An amount as people write it: groups of three, and a comma in Polish."""
    grouped = f"{Decimal(amount):,.2f}"
    if language == "pl":
        grouped = grouped.replace(",", "\u00a0").replace(".", ",")
    return f"{grouped}\u00a0{currency}"
