"""What each address of the API does, from a read request to an answer before spelling."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from invoicing.sandbox.switches import Switch
from invoicing.sandbox.wfirma import drawing, issuing, parties
from invoicing.sandbox.wfirma.accounts import Account, Refusal, refusal
from invoicing.sandbox.wfirma.arithmetic import VAT_CODES
from invoicing.sandbox.wfirma.books import LANGUAGES, Books, Document
from invoicing.sandbox.wfirma.envelope import NotUnderstood, Reply, Tree, entries, records, text
from invoicing.sandbox.wfirma.faults import Fault
from invoicing.sandbox.wfirma.finding import find
from invoicing.sandbox.wfirma.numbering import RESETS, Series, template_faults

GROSZ = Decimal("0.01")
ONE = {"limit": "20", "page": "1", "total": "1"}


@dataclass(frozen=True)
class Call:
    """One request after the gate."""

    books: Books
    account: Account
    tree: Tree
    id: str = ""
    switch: Switch | None = None

    def has(self, fault: Fault) -> bool:
        return self.switch is not None and self.switch.fault == fault

    def one(self, module: str) -> Tree:
        """The first record of the request; the API takes one at a time."""
        found = records(self.tree, module)
        if not found:
            raise NotUnderstood(f"no record of {module}")
        return found[0]

    def document(self) -> Document:
        found = self.books.documents.get(self.id)
        if found is None:
            raise refusal("NOT FOUND")
        return found

    def parameters(self) -> dict[str, str]:
        """Named parameters of download and send, in any of the three spellings."""
        branch = self.tree.get("invoices")
        given = entries(branch.get("parameters"), "parameters") if isinstance(branch, dict) else []
        return {text(item.get("name")): text(item.get("value")) for item in given if isinstance(item, dict)}

    def finding(self, module: str, model: str, found: list[Tree]) -> Reply:
        return find(module, model, found, self.tree, ignore=self.has(Fault.IGNORE_CONDITIONS))


def _said(module: str, record: Tree, message: str = "") -> Reply:
    return Reply(module=module, records=(record,), parameters=ONE, message=message)


def add_invoice(call: Call) -> Reply:
    off = GROSZ if call.has(Fault.WRONG_TOTAL) else Decimal(0)
    return _said("invoices", call.books.shown(issuing.add(call.books, call.one("invoices"), off)))


def edit_invoice(call: Call) -> Reply:
    return _said("invoices", call.books.shown(issuing.edit(call.books, call.document(), call.one("invoices"))))


def delete_invoice(call: Call) -> Reply:
    shown = issuing.delete(call.books, call.document())
    return _said("invoices", shown, f"Dokument {shown['fullnumber']} został usunięty.")


def get_invoice(call: Call) -> Reply:
    return _said("invoices", call.books.shown(call.document()))


def find_invoices(call: Call) -> Reply:
    return call.finding("invoices", "invoice", list(call.books.all_shown()))


def download(call: Call) -> Reply:
    document = call.document()
    if call.parameters().get("page", "all") not in ("all", "invoice", "invoicecopy"):
        raise NotUnderstood("unknown page")
    off = Decimal(1) if call.has(Fault.WRONG_TOTAL) else Decimal(0)
    return Reply(content=pdf(call.books, document, off))


def pdf(books: Books, document: Document, off: Decimal = Decimal(0)) -> bytes:
    parent = books.documents.get(str(document.record["parent"]["id"]))
    return drawing.draw(books.shown(document), parent.record["fullnumber"] if parent else "", off)


def send(call: Call) -> Reply:
    document = call.document()
    if not (call.parameters().get("email") or document.record["contractor_detail"]["email"]):
        raise refusal("INPUT ERROR")
    return Reply(message=f"Dokument {document.record['fullnumber']} został zlecony do wysyłki.")


def add_contractor(call: Call) -> Reply:
    return _contractor(call, None)


def edit_contractor(call: Call) -> Reply:
    before = call.books.contractors.get(call.id)
    if before is None:
        raise refusal("NOT FOUND")
    return _contractor(call, before)


def _contractor(call: Call, before: Tree | None) -> Reply:
    made = parties.fields(call.one("contractors"), before)
    if found := parties.faults(made):
        raise Refusal(Reply("ERROR", "contractors", ({**made, "errors": found},)))
    return _said("contractors", parties.stored(call.books, made, before))


def get_contractor(call: Call) -> Reply:
    if call.id not in call.books.contractors:
        raise refusal("NOT FOUND")
    return _said("contractors", call.books.contractors[call.id])


def find_contractors(call: Call) -> Reply:
    return call.finding("contractors", "contractor", list(call.books.contractors.values()))


def add_series(call: Call) -> Reply:
    given = {name: text(value) for name, value in call.one("series").items()}
    template, reset = given.get("template", ""), given.get("reset", "yearly")
    wrong = [parties.error("template", said) for said in template_faults(template, reset)]
    if not given.get("name"):
        wrong.append(parties.error("name", "Nie podano nazwy."))
    if reset not in RESETS:
        wrong.append(parties.error("reset", "Niedozwolona wartość.", "inList"))
    if wrong:
        raise Refusal(Reply("ERROR", "series", ({**given, "errors": wrong},)))
    first = int(given["initnumber"]) if given.get("initnumber", "").isdigit() else 1
    number = int(call.books.ids.take())
    series = Series(number, given["name"], template, given.get("type", "normal"), reset, first, call.books.stamp())
    call.books.series[series.id] = series
    return _said("series", series_record(series))


def series_record(series: Series) -> Tree:
    return {
        "id": str(series.id),
        "name": series.name,
        "template": series.template,
        "initnumber": str(series.initnumber),
        "visibility": "visible",
        "type": series.type,
        "reset": series.reset,
        "created": series.created,
        "modified": series.created,
    }


def find_series(call: Call) -> Reply:
    return call.finding("series", "series", [series_record(series) for series in call.books.series.values()])


def find_vat_codes(call: Call) -> Reply:
    found = [
        {
            "id": str(code.id),
            "declaration_country_id": "0",
            "label": code.label,
            "rate": f"{code.rate:.2f}",
            "code": code.code,
            "type": code.type,
            "priority": "0",
        }
        for code in VAT_CODES
    ]
    return call.finding("vat_codes", "vat_code", found)


def find_languages(call: Call) -> Reply:
    found = [{"id": key, "name": name, "description": said, "code": code} for key, name, said, code in LANGUAGES]
    return call.finding("translation_languages", "translation_language", found)


def find_companies(call: Call) -> Reply:
    found = [
        {"id": f"9{company.id}", "company": {"id": company.id, "name": company.name, "altname": company.name}}
        for company in call.account.companies
    ]
    return call.finding("user_companies", "user_company", found)


def add_payment(call: Call) -> Reply:
    given = call.one("payments")
    if (written := text(given.get("date"))) and not re.fullmatch(r"\d{4}-\d\d-\d\d", written):
        raise NotUnderstood("a date is not a date")
    return _said("payments", issuing.pay(call.books, {**given, "date": written or date.min.isoformat()}))


Action = Callable[[Call], Reply]

ACTIONS: dict[str, Action] = {
    "contractors/add": add_contractor,
    "contractors/edit": edit_contractor,
    "contractors/get": get_contractor,
    "contractors/find": find_contractors,
    "invoices/add": add_invoice,
    "invoices/edit": edit_invoice,
    "invoices/get": get_invoice,
    "invoices/find": find_invoices,
    "invoices/delete": delete_invoice,
    "invoices/download": download,
    "invoices/send": send,
    "payments/add": add_payment,
    "series/add": add_series,
    "series/find": find_series,
    "translation_languages/find": find_languages,
    "user_companies/find": find_companies,
    "vat_codes/find": find_vat_codes,
}
METHODS = {"delete": ("DELETE",), "find": ("GET", "POST"), "get": ("GET", "POST")}
"""Which methods an action takes; the others take POST."""

WRITES = frozenset({"add", "edit", "delete"})
WITHOUT_COMPANY = frozenset({"user_companies/find"})
