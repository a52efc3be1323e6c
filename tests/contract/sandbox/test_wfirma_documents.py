"""Documents of the wFirma stand-in: sums, numbers, corrections, payments, files. And what its switches do."""

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from pypdf import PdfReader

from invoicing.sandbox.wfirma.accounts import Account, Company
from invoicing.sandbox.wfirma.faults import CODES
from tests.contract.sandbox.wfirma_caller import Caller, invoice, lines, open_caller

DAY = 86_400


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    exempt = Account("exempt", "hidden", (Company("5", vat_payer=False),))
    modern = Account("modern", "hidden", (Company("6", ksef_seconds=10),))
    async with open_caller(exempt, modern) as opened:
        yield opened


def content(record: dict[str, Any], at: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = record["invoicecontents"][str(at)]["invoicecontent"]
    return found


@pytest.mark.parametrize(
    ("kind", "given", "sums"),
    [
        ("netto", [("A", "1", "0.02", "23"), ("B", "1", "0.02", "23")], ("0.04", "0.01", "0.05")),
        ("brutto", [("A", "1", "0.03", "23"), ("B", "1", "0.03", "23")], ("0.05", "0.01", "0.06")),
        ("netto", [("A", "1.5", "240.00", "23"), ("B", "1", "10.00", "ZW")], ("370.00", "82.80", "452.80")),
        ("brutto", [("A", "2", "123.00", "23"), ("B", "1", "108.00", "8")], ("300.00", "54.00", "354.00")),
        ("netto", [("A", "0.33335", "100.00", "0")], ("33.34", "0.00", "33.34")),
    ],
    ids=str,
)
async def test_tax_is_taken_from_the_sum_of_each_rate(
    caller: Caller, kind: str, given: list[tuple[str, str, str, str]], sums: tuple[str, str, str]
) -> None:
    found = await caller.add(price_type=kind, invoicecontents=lines(*given))
    assert (found["netto"], found["tax"], found["total"]) == sums


@pytest.mark.parametrize(("flag", "total"), [("1", "110.70"), ("0", "123.00"), (None, "110.70")])
async def test_a_discount_counts_when_its_flag_says_so(caller: Caller, flag: str | None, total: str) -> None:
    line = {"name": "A", "price": "100", "vat": "23", "discount_percent": "10"}
    told = {**line, **({"discount": flag} if flag else {})}
    assert (await caller.add(invoicecontents={"0": {"invoicecontent": told}}))["total"] == total


async def test_prices_are_net_unless_told_and_unknown_fields_are_ignored(caller: Caller) -> None:
    found = await caller.add(price_type="", sale_date="2026-01-01", paymenttype="x", number="77", total="1.00")
    assert (found["price_type"], found["total"], found["number"]) == ("netto", "123.00", "1")
    assert "sale_date" not in found


@pytest.mark.parametrize(
    ("paid", "state", "rest"), [("", "unpaid", "123.00"), ("23", "unpaid", "100.00"), ("123.00", "paid", "0.00")]
)
async def test_money_paid_at_once_decides_the_state(caller: Caller, paid: str, state: str, rest: str) -> None:
    found = await caller.add(alreadypaid_initial=paid)
    assert (found["paymentstate"], found["remaining"]) == (state, rest)


async def test_a_payment_pays_an_invoice(caller: Caller) -> None:
    made = await caller.add()
    given = {"object_name": "invoice", "object_id": made["id"], "value": "123.00", "date": "2026-11-23"}
    answer = await caller.json("payments/add", {"payments": {"0": {"payment": given}}})
    payment = answer["payments"]["0"]["payment"]
    assert (payment["type"], payment["value"], payment["date"]) == ("income", "123.00", "2026-11-23")
    assert payment["invoice"] == {"id": made["id"]}
    got = await caller.json(f"invoices/get/{made['id']}")
    assert got["invoices"]["0"]["invoice"]["paymentstate"] == "paid"
    given["object_id"] = "1"
    assert await caller.code("payments/add", {"payments": {"0": {"payment": given}}}) == "ERROR"


async def test_numbers_have_no_gap_and_start_again_with_their_period(caller: Caller) -> None:
    made = [
        (await caller.add(date=day))["fullnumber"] for day in ("2026-11-22", "2026-11-30", "2026-12-01", "2026-11-01")
    ]
    assert made == ["FV 1/11/2026", "FV 2/11/2026", "FV 1/12/2026", "FV 3/11/2026"]


async def test_a_refused_invoice_takes_no_number(caller: Caller) -> None:
    await caller.json("invoices/add", invoice(date="wrong"))
    assert (await caller.add())["fullnumber"] == "FV 1/11/2026"


async def test_the_newest_number_is_given_again_after_its_document_is_deleted(caller: Caller) -> None:
    await caller.add()
    second = await caller.add()
    answer = await caller.json(f"invoices/delete/{second['id']}", method="DELETE")
    assert answer["status"] == {"code": "OK", "message": "Dokument FV 2/11/2026 został usunięty."}
    assert answer["invoices"]["0"]["invoice"]["id"] == second["id"]
    assert await caller.code(f"invoices/get/{second['id']}") == "NOT FOUND"
    assert (await caller.add())["fullnumber"] == "FV 2/11/2026"


@pytest.mark.parametrize(
    ("template", "reset", "number"),
    [
        ("PR/[numer]/[rok]", "yearly", "PR/1/2026"), ("[numer_00]-[miesiąc_0]-[rok_krótki]", "monthly", "001-11-26"),
        ("D[dzień]/[miesiąc]/[numer]", "daily", "D22/11/1"), ("K[kwartał]/[dzień_roku]/[numer]", "yearly", "K4/326/1"),
    ],
)  # fmt: skip
async def test_a_series_of_ones_own_is_used(caller: Caller, template: str, reset: str, number: str) -> None:
    given = {"name": "Moja", "template": template, "reset": reset, "type": "normal"}
    made = (await caller.json("series/add", {"series": {"0": {"series": given}}}))["series"]["0"]["series"]
    assert (await caller.add(series={"id": made["id"]}))["fullnumber"] == number
    found = (await caller.find("series", ("name", "eq", "Moja")))["series"]
    assert found["0"]["series"]["id"] == made["id"]


@pytest.mark.parametrize(
    ("template", "reset"), [("FV/[rok]", "yearly"), ("FV [numer]", "monthly"), ("[numer]/[miesiąc]", "daily")]
)
async def test_a_template_without_its_tokens_is_refused(caller: Caller, template: str, reset: str) -> None:
    given = {"name": "Moja", "template": template, "reset": reset}
    answer = await caller.json("series/add", {"series": {"0": {"series": given}}})
    assert answer["status"]["code"] == "ERROR"
    assert answer["series"]["0"]["series"]["errors"]["0"]["error"]["field"] == "template"


async def test_an_edit_without_line_ids_replaces_the_lines_and_keeps_number_and_hash(caller: Caller) -> None:
    made = await caller.add()
    change = {"invoices": {"0": {"invoice": {"invoicecontents": lines(("Inna", "2", "904.47", "23"))}}}}
    edited = (await caller.json(f"invoices/edit/{made['id']}", change))["invoices"]["0"]["invoice"]
    assert {name: edited[name] for name in ("id", "fullnumber", "hash", "date")} == {
        name: made[name] for name in ("id", "fullnumber", "hash", "date")
    }
    assert (edited["total"], content(edited)["name"]) == ("2225.00", "Inna")
    assert content(edited)["id"] != content(made)["id"]


async def test_a_seller_without_vat_issues_bills(caller: Caller) -> None:
    caller.headers |= {"accessKey": "exempt", "secretKey": "hidden"}
    found = await caller.add(type="bill")
    assert (found["total"], found["tax"], found["fullnumber"]) == ("100.00", "0.00", "R 1/2026")
    assert await caller.code("invoices/add", invoice(type="normal")) == "ERROR"


def correction(parent: dict[str, Any], *changes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    told = {str(at): {"invoicecontent": change} for at, change in enumerate(changes)}
    made = {"type": "correction", "parent_id": parent["id"], "invoicecontents": told, **fields}
    return {"invoices": {"0": {"invoice": made}}}


async def test_a_correction_carries_the_state_afterwards_and_leaves_other_lines(caller: Caller) -> None:
    first = await caller.add(invoicecontents=lines(("A", "1", "100", "23"), ("B", "2", "50", "8")))
    zero = {"parent_id": content(first)["id"], "name": "anders", "count": "0", "price": "0"}
    answer = await caller.json("invoices/add", correction(first, zero, description="zwrot"))
    found = answer["invoices"]["0"]["invoice"]

    assert (found["type"], found["fullnumber"], found["parent"]) == ("correction", "FK 1/2026", {"id": first["id"]})
    assert (found["total"], found["netto"], found["tax"]) == ("-123.00", "-100.00", "-23.00")
    assert [(content(found, at)["name"], content(found, at)["brutto"]) for at in (0, 1)] == [
        ("A", "0.00"),
        ("B", "108.00"),
    ]
    assert content(found)["parent"] == {"id": content(first)["id"]}
    got = (await caller.json(f"invoices/get/{first['id']}"))["invoices"]["0"]["invoice"]
    assert (got["corrections"], got["total"]) == ("1", "231.00")


async def test_a_further_correction_names_the_lines_of_the_latest(caller: Caller) -> None:
    first = await caller.add()
    change = {"parent_id": content(first)["id"], "price": "50"}
    second = (await caller.json("invoices/add", correction(first, change)))["invoices"]["0"]["invoice"]
    assert await caller.code("invoices/add", correction(first, change)) == "ERROR"
    change["parent_id"] = content(second)["id"]
    third = (await caller.json("invoices/add", correction(first, {**change, "price": "0"})))["invoices"]["0"]["invoice"]
    assert (second["total"], third["total"]) == ("-61.50", "-61.50")


async def test_a_correction_may_add_a_line(caller: Caller) -> None:
    first = await caller.add()
    answer = await caller.json("invoices/add", correction(first, {"name": "Nowa", "price": "10", "vat": "23"}))
    assert answer["invoices"]["0"]["invoice"]["total"] == "12.30"


async def test_a_correction_of_nothing_is_refused_and_a_corrected_invoice_stays(caller: Caller) -> None:
    first = await caller.add()
    assert await caller.code("invoices/add", correction({"id": "1"})) == "ERROR"
    await caller.json("invoices/add", correction(first, {"parent_id": content(first)["id"], "count": "0"}))
    assert await caller.code(f"invoices/delete/{first['id']}", method="DELETE") == "ACCESS DENIED"


@pytest.mark.parametrize(
    "spelled",
    [
        {"0": {"parameter": {"name": "page", "value": "invoice"}}},
        {"parameter": [{"name": "page", "value": "invoice"}]},
        [{"parameter": {"name": "page", "value": "invoice"}}],
    ],
    ids=["numbered", "single", "array"],
)
async def test_a_download_is_a_pdf_with_number_and_total(caller: Caller, spelled: Any) -> None:
    made = await caller.add(invoicecontents=lines(("Porada prawna", "1", "1000", "23")))
    body = aiohttp.JsonPayload({"invoices": {"parameters": spelled}})
    path = f"{caller.running.wfirma_url}/invoices/download/{made['id']}?inputFormat=json"
    async with caller.session.post(path, data=body, headers=caller.headers) as answer:
        assert answer.content_type == "application/pdf"
        file = await answer.read()
    written = PdfReader(BytesIO(file)).pages[0].extract_text()
    assert file.startswith(b"%PDF")
    assert "FV 1/11/2026" in written
    assert "1 230,00 PLN" in written


async def test_a_document_is_sent_later(caller: Caller) -> None:
    made = await caller.add()
    asked = {"invoices": {"parameters": {"0": {"parameter": {"name": "email", "value": "anna@example.com"}}}}}
    answer = await caller.json(f"invoices/send/{made['id']}", asked)
    assert answer == {"status": {"code": "OK", "message": "Dokument FV 1/11/2026 został zlecony do wysyłki."}}
    assert await caller.code(f"invoices/send/{made['id']}") == "INPUT ERROR"


async def test_with_ksef_an_invoice_gets_its_number_after_a_while_and_stays(caller: Caller) -> None:
    caller.headers |= {"accessKey": "modern", "secretKey": "hidden"}
    made = await caller.add()
    assert made["ksef_reference_number"] == ""
    caller.clock.advance(10)
    got = (await caller.json(f"invoices/get/{made['id']}"))["invoices"]["0"]["invoice"]
    assert got["ksef_reference_number"].startswith("1234563218-20261122-")
    assert await caller.code(f"invoices/delete/{made['id']}", method="DELETE") == "ACCESS DENIED"


@pytest.mark.parametrize(("fault", "code"), CODES.items())
async def test_a_switched_code_is_all_that_is_said_and_nothing_is_done(caller: Caller, fault: str, code: str) -> None:
    await caller.fault(fault, "invoices/add")
    assert await caller.json("invoices/add", invoice()) == {"status": {"code": code}}
    assert await caller.numbers() == []
    assert (await caller.add())["number"] == "1"


@pytest.mark.parametrize(("fault", "done"), [("drop_before", 0), ("drop_after_commit", 1)])
async def test_a_line_is_dropped_before_or_after_the_work(caller: Caller, fault: str, done: int) -> None:
    await caller.fault(fault, "invoices/add")
    with pytest.raises(aiohttp.ClientError):
        await caller.raw("invoices/add", json.dumps(invoice()))
    assert len(await caller.numbers()) == done


@pytest.mark.parametrize(
    ("fault", "status", "done"),
    [
        ("http_500", 500, 0), ("http_500_after_commit", 500, 1), ("http_429", 429, 0), ("html", 200, 0),
        ("html_after_commit", 200, 1), ("truncated_json", 200, 1), ("fatal_after_commit", 200, 1),
    ],
)  # fmt: skip
async def test_a_spoiled_answer_is_no_sound_one(caller: Caller, fault: str, status: int, done: int) -> None:
    await caller.fault(fault, "invoices/add", times=1)
    told, _, body = await caller.raw("invoices/add", json.dumps(invoice()))
    assert told == status
    assert b'"OK"' not in body
    assert len(await caller.numbers()) == done


async def test_a_late_commit_happens_when_its_time_has_come(caller: Caller) -> None:
    await caller.fault("late_commit", "invoices/add", seconds=20)
    with pytest.raises(aiohttp.ClientError):
        await caller.raw("invoices/add", json.dumps(invoice()))
    assert await caller.numbers() == []
    caller.clock.advance(20)
    assert await caller.numbers() == ["FV 1/11/2026"]


async def test_a_hanging_call_ends_when_the_stand_in_stops() -> None:
    async with open_caller() as caller:
        await caller.fault("hang", "invoices/find")
        waiting = asyncio.create_task(caller.raw("invoices/find", "{}"))
        while not caller.running.wfirma.requests["invoices/find"]:
            assert await caller.control("GET", "ledger")
    with pytest.raises(aiohttp.ClientError):
        await waiting


async def test_a_switch_is_aimed_at_an_id_a_number_or_a_name(caller: Caller) -> None:
    await caller.fault("fatal", "invoices/add", match="case-7")
    assert await caller.code("invoices/add", invoice(id_external="case-8-1")) == "OK"
    assert await caller.code("invoices/add", invoice(id_external="case-7-1")) == "FATAL"
    await caller.fault("fatal", "any", match="case-7")
    assert (await caller.find("invoices", ("id_external", "eq", "case-8-1")))["status"]["code"] == "OK"
    assert (await caller.find("invoices", ("id_external", "eq", "case-7-1")))["status"]["code"] == "FATAL"
    await caller.fault("fatal", "contractors/find", match="5260250274")
    assert (await caller.find("contractors", ("nip", "eq", "5260250274")))["status"]["code"] == "FATAL"
    made = await caller.add(id_external="case-9-1")
    await caller.fault("fatal", "invoices/download", match="case-9")
    assert await caller.code(f"invoices/download/{made['id']}") == "FATAL"


async def test_switches_can_be_seen_and_cleared_and_wrong_ones_are_refused(caller: Caller) -> None:
    await caller.fault("fatal", times=3)
    assert len((await caller.control("GET", "faults"))[1]) == 1
    assert (await caller.control("DELETE", "faults"))[0] == 204
    assert (await caller.control("GET", "faults"))[1] == []
    for bad in ({}, {"fault": "no"}, {"fault": "fatal", "operation": "add"}, {"fault": "fatal", "times": 0}):
        status, told = await caller.control("POST", "faults", bad)
        assert (status, list(told)) == (400, ["error"])
    accounts: tuple[dict[str, object], ...] = (
        {},
        {"access_key": "a", "secret_key": "b", "companies": []},
        {"access_key": 1, "secret_key": "b"},
    )
    for wrong in accounts:
        assert (await caller.control("POST", "accounts", wrong))[0] == 400
    assert (await caller.control("POST", "behaviour", {"auth_status": 500}))[0] == 400


async def test_the_ledger_tells_what_was_issued_and_asked_without_personal_data(caller: Caller) -> None:
    made = await caller.add(id_external="case-1-1")
    told = (await caller.control("GET", "ledger"))[1]
    assert told["requests"] == {"invoices/add": 1}
    assert (told["invoices"][0]["id"], told["invoices"][0]["id_external"]) == (made["id"], "case-1-1")
    assert "Szulc" not in str(told)


async def test_the_page_lists_documents_with_their_files_and_escapes_names(caller: Caller) -> None:
    party = {"name": "<b>Kot & Pies</b>", "tax_id_type": "none", "street": "Długa 1", "zip": "00-001", "city": "Łódź"}
    async with caller.session.get(caller.running.wfirma_url) as empty:
        assert "Nothing was issued yet" in await empty.text()
    made = await caller.add(contractor=party)
    async with caller.session.get(caller.running.wfirma_url) as page:
        told = await page.text()
    assert "FV 1/11/2026" in told
    assert "&lt;b&gt;Kot &amp; Pies&lt;/b&gt;" in told
    async with caller.session.get(f"{caller.running.wfirma_url}/_sandbox/invoices/{made['id']}.pdf") as file:
        assert (await file.read()).startswith(b"%PDF")
    async with caller.session.get(f"{caller.running.wfirma_url}/_sandbox/invoices/1.pdf") as missing:
        assert missing.status == 404
