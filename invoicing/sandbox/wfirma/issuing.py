"""Documents come into being, are changed, corrected and deleted.

A correction names its document by ``parent_id`` and each line by that line's id; a line carries the state afterwards,
lines left out stay, lines without a parent are new, and name and unit of a linked line are fixed. A further correction
must name the lines of the latest one. The amounts of a correction are the difference. Source: wFirma API v2,
"invoices", "corrections".
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from invoicing.sandbox.wfirma import answers, drafting, parties
from invoicing.sandbox.wfirma.accounts import Refusal, refusal
from invoicing.sandbox.wfirma.arithmetic import Sums, by_rate, total
from invoicing.sandbox.wfirma.books import Books, Document, unset
from invoicing.sandbox.wfirma.drafting import CORRECTION, Draft
from invoicing.sandbox.wfirma.envelope import Reply, Tree, entries, relation, text


def add(books: Books, given: Mapping[str, Any], off: Decimal = Decimal(0)) -> Document:
    """Issue a document; ``off`` makes wFirma's total differ from what the lines say. Raises `Refusal`."""
    if drafting.kind_of(books, given) == CORRECTION:
        return _correct(books, given)
    draft = Draft(given)
    drafting.check_heading(books, draft)
    drafting.check_lines(books, draft)
    draft.demand_sound()
    document_id, gross = books.ids.take(), drafting.is_gross(given)
    heading = answers.heading(books, given)
    named = relation(given, "series")
    series = books.series[int(named)] if named else books.series_for(drafting.kind_of(books, given))
    rates = by_rate(draft.lines, gross)
    sums = total(rates.values()) + Sums(Decimal(0), off, off)
    paid = Decimal(heading["alreadypaid_initial"].replace(",", ".") or 0)
    record = {
        "id": document_id,
        "type": drafting.kind_of(books, given),
        **answers.frame(books, document_id),
        **heading,
        **answers.amounts(sums),
        **answers.numbered(books, series, date.fromisoformat(heading["date"])),
        "alreadypaid": f"{paid:.2f}",
        "contractor": {"id": draft.party["id"] if draft.party["id"] != "0" else 0},
        "contractor_detail": parties.detail(books, draft.party),
        "translation_language": {"id": relation(given, "translation_language") or 0},
        "parent": {"id": 0},
        "vat_contents": answers.vat_contents(books, document_id, rates),
    }
    return _stored(books, record, draft, gross)


def _stored(books: Books, record: Tree, draft: Draft, gross: bool) -> Document:
    contents = [
        answers.content_record(books, record["id"], content, line, gross)
        for content, line in zip(draft.contents, draft.lines, strict=True)
    ]
    record["invoicecontents"] = contents
    lines = {content["id"]: line for content, line in zip(contents, draft.lines, strict=True)}
    document = Document(record, lines, books.now())
    books.documents[document.id] = document
    return document


def edit(books: Books, document: Document, given: Mapping[str, Any]) -> Document:
    """Change a document: lines without ids replace all lines; number, hash and id stay."""
    if books.in_ksef(document) or document.corrected_by:
        raise refusal("ACCESS DENIED", "Dokumentu nie można zmienić, wystaw korektę.")
    old = document.record
    party = old["contractor"] if relation(old, "contractor") else old["contractor_detail"]
    whole = {"type": old["type"], "price_type": old["price_type"], "contractor": {**party}, **given}
    if party is old["contractor_detail"] and "contractor" not in given:
        whole["contractor"]["id"] = 0  # a party that is in no catalogue: the snapshot's id is its own
    if "invoicecontents" not in given:
        whole["invoicecontents"] = [{"invoicecontent": content} for content in old["invoicecontents"]]
    draft = Draft(whole)
    drafting.check_heading(books, draft)
    drafting.check_lines(books, draft)
    draft.demand_sound()
    gross = drafting.is_gross(whole)
    rates = by_rate(draft.lines, gross)
    record = {
        **old,
        **answers.heading(books, given, old),
        **answers.amounts(total(rates.values())),
        "modified": books.stamp(),
        "vat_contents": answers.vat_contents(books, document.id, rates),
    }
    if "contractor" in given:
        record["contractor"] = {"id": draft.party["id"] if draft.party["id"] != "0" else 0}
        record["contractor_detail"] = {**parties.detail(books, draft.party), "id": old["contractor_detail"]["id"]}
    return _stored(books, record, draft, gross)


def delete(books: Books, document: Document) -> Tree:
    """Take a document away and show it once more."""
    if books.in_ksef(document) or document.corrected_by:
        raise refusal("ACCESS DENIED", "Dokumentu nie można usunąć, wystaw korektę.")
    shown = books.shown(document)
    del books.documents[document.id]
    books.deleted.append(document)
    parent = books.documents.get(str(document.record["parent"]["id"]))
    if parent is not None:
        parent.corrected_by.remove(document.id)
    return shown


def _correct(books: Books, given: Mapping[str, Any]) -> Document:
    parent = books.documents.get(relation(given, "parent"))
    draft = Draft(given)
    if parent is None or parent.record["type"] == CORRECTION:
        draft.fault("parent_id", "Nie istnieje taki dokument.", "exists")
        draft.demand_sound()
        raise AssertionError("a draft with a fault is refused")
    latest = books.documents[parent.corrected_by[-1]] if parent.corrected_by else parent
    before = {content["id"]: content for content in latest.record["invoicecontents"]}
    _inherit(books, draft, before, latest)
    gross = parent.record["price_type"] == "brutto"
    document_id, heading = books.ids.take(), answers.heading(books, given)
    rates, old = by_rate(draft.lines, gross), by_rate(latest.lines.values(), gross)
    changes = {code: rates.get(code, Sums()) - old.get(code, Sums()) for code in {**old, **rates}}
    named = relation(given, "series")
    if named and (not named.isdigit() or int(named) not in books.series):
        draft.fault("series", "Nie istnieje taka seria numeracji.", "exists")
    draft.demand_sound()
    series = books.series[int(named)] if named else books.series_for(CORRECTION)
    record = {
        "id": document_id,
        "type": CORRECTION,
        **answers.frame(books, document_id),
        **heading,
        "currency": parent.record["currency"],
        "price_type": parent.record["price_type"],
        **answers.amounts(total(changes.values())),
        **answers.numbered(books, series, date.fromisoformat(heading["date"])),
        "alreadypaid": "0.00",
        "contractor": parent.record["contractor"],
        "contractor_detail": parent.record["contractor_detail"],
        "translation_language": parent.record["translation_language"],
        "parent": {"id": parent.id},
        "vat_contents": answers.vat_contents(books, document_id, changes),
    }
    document = _stored(books, record, draft, gross)
    parent.corrected_by.append(document.id)
    return document


def _inherit(books: Books, draft: Draft, before: Mapping[str, Tree], latest: Document) -> None:
    """Turn the request's changes into the whole state afterwards."""
    given = entries(draft.given.get("invoicecontents"), "invoicecontents")
    changed: dict[str, Mapping[str, Any]] = {}
    new: list[Mapping[str, Any]] = []
    for at, content in enumerate(given):
        named = relation(content, "parent")
        if not named:
            new.append(content)
        elif named in before:
            changed[named] = content
        else:
            draft.line_errors[at] = [parties.error("parent_id", "To nie jest pozycja ostatniej korekty.", "exists")]
    draft.contents = given
    draft.demand_sound()
    merged = [_merged(content, changed.get(key)) for key, content in before.items()]
    whole = Draft({"invoicecontents": [{"invoicecontent": content} for content in (*merged, *new)]})
    drafting.check_lines(books, whole)
    if whole.line_errors or whole.errors:
        raise Refusal(Reply("ERROR", "invoices", ({"type": CORRECTION, "errors": _first(whole)},)))
    draft.contents, draft.lines = whole.contents, whole.lines


def _first(whole: Draft) -> list[Tree]:
    return whole.errors or next(iter(whole.line_errors.values()))


def _merged(old: Mapping[str, Any], change: Mapping[str, Any] | None) -> Tree:
    """A linked line afterwards: what may change is taken, name, unit, good and GTU stay."""
    kept = {name: old[name] for name in ("name", "unit", "gtu", "count", "price", "discount", "discount_percent")}
    told = {
        name: text(change[name])
        for name in ("count", "price", "discount", "discount_percent")
        if change is not None and name in change
    }
    rate = {"vat_code": old["vat_code"]}
    if change is not None and (relation(change, "vat_code") or text(change.get("vat"))):
        rate = {name: change[name] for name in ("vat_code", "vat") if name in change}
    return {**kept, **told, **rate, "parent_id": old["id"]}


def pay(books: Books, given: Mapping[str, Any]) -> Tree:
    """Record a payment of an invoice."""
    document = books.documents.get(text(given.get("object_id")))
    if text(given.get("object_name")) != "invoice" or document is None:
        wrong = [parties.error("object_id", "Nie istnieje taki dokument.", "exists")]
        raise Refusal(Reply("ERROR", "payments", ({"object_id": text(given.get("object_id")), "errors": wrong},)))
    value = Decimal(text(given.get("value")).replace(",", ".") or document.record["total"])
    document.record["alreadypaid"] = f"{Decimal(document.record['alreadypaid']) + value:.2f}"
    payment_id, stamp = books.ids.take(), books.stamp()
    payment = {
        "id": payment_id,
        "object_name": "invoice",
        "object_id": document.id,
        "value": f"{value:.2f}",
        "value_pln": f"{value:.2f}",
        "date": text(given.get("date")) or books.today().isoformat(),
        "account": document.record["currency"].lower(),
        "initial": "0",
        "type": "income",
        "payment_type": "cashbox",
        "payment_method": text(given.get("payment_method")) or "transfer",
        "created": stamp,
        "modified": stamp,
        "invoice": {"id": document.id},
        "contractor": document.record["contractor"],
        **unset("expense", "declaration_header", "series", "payment_cashbox"),
    }
    books.payments[payment_id] = payment
    return payment
