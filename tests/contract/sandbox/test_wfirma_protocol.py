"""The wFirma stand-in speaks as wFirma does: envelopes, keys, searches, refusals. By protocol and recorded calls."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from invoicing.sandbox.wfirma.accounts import Account, Company
from tests.contract.sandbox.wfirma_caller import HEADERS, PARTY, Caller, invoice, lines, open_caller

XML_INVOICE = """<?xml version="1.0" encoding="UTF-8"?>
<api><invoices><invoice>
  <contractor><name>Spółdzielnia Szulc</name><tax_id_type>nip</tax_id_type><nip>1234563218</nip>
    <street><![CDATA[Rodzinna 15/85]]></street><zip>87-807</zip><city>Świdwin</city></contractor>
  <type>normal</type><schema_canceled>0</schema_canceled>
  <invoicecontents>
    <invoicecontent><name>Pierwsza</name><unit>szt.</unit><count>4</count><price>657.95</price><vat>23</vat></invoicecontent>
    <invoicecontent><name>Druga</name><unit>szt.</unit><count>1</count><price>892.05</price><vat>23</vat></invoicecontent>
  </invoicecontents>
</invoice></invoices></api>"""

FIRST_LINE = ("invoicecontents", "0", "invoicecontent", "errors")


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    two = Account("two", "hidden", (Company("1", "Pierwsza"), Company("2", "Druga")))
    async with open_caller(two, Account("reader", "hidden", read_only=True)) as opened:
        yield opened


async def test_a_recorded_request_in_xml_gets_the_recorded_sums(caller: Caller) -> None:
    answer = await caller.xml("invoices/add", XML_INVOICE)

    found = answer.find("invoices/invoice")
    assert found is not None
    assert answer.findtext("status/code") == "OK"
    assert [found.findtext(name) for name in ("netto", "tax", "total")] == ["3523.85", "810.49", "4334.34"]
    contents = found.findall("invoicecontents/invoicecontent")
    assert [content.findtext("brutto") for content in contents] == ["3237.11", "1097.22"]
    assert [content.findtext("count") for content in contents] == ["4.0000", "1.0000"]
    assert found.findtext("vat_contents/vat_content/vat_code/id") == "222"
    assert contents[0].find("vat") is None
    assert answer.findtext("invoices/parameters/total") == "1"
    assert [found.findtext(name) for name in ("price_type", "currency", "template", "contractor/id")] == [
        "netto", "PLN", "3", "0",
    ]  # fmt: skip


async def test_json_answers_have_number_keys_and_strings(caller: Caller) -> None:
    answer = await caller.json("invoices/add", invoice())

    assert set(answer) == {"invoices", "status"}
    assert set(answer["invoices"]) == {"0", "parameters"}
    found = answer["invoices"]["0"]["invoice"]
    assert (found["total"], found["number"], found["alreadypaid"]) == ("123.00", "1", "0.00")
    assert found["series"] == {"id": 101}
    assert found["parent"] == {"id": 0}
    assert set(found["invoicecontents"]) == {"0"}
    assert found["invoicecontents"]["0"]["invoicecontent"]["name"] == "Porada"
    assert answer["invoices"]["parameters"] == {"limit": "20", "page": "1", "total": "1"}


CONTENT = {"name": "Porada", "count": "1", "price": "100.00", "vat": "23"}


@pytest.mark.parametrize(
    "spelled",
    [
        {"0": {"invoicecontent": CONTENT}},
        {"invoicecontent": CONTENT},
        {"invoicecontent": [CONTENT]},
        [{"invoicecontent": CONTENT}],
        {"0": {"invoicecontent": CONTENT}, "note": "passed over"},
        {"0": {"invoicecontent": {**CONTENT, "count": 1, "price": 100.0, "vat": 23}}},
    ],
    ids=str,
)
async def test_a_list_is_taken_in_every_spelling_that_clients_use(caller: Caller, spelled: Any) -> None:
    found = await caller.add(invoicecontents=spelled)
    assert (found["total"], len(found["invoicecontents"])) == ("123.00", 1)


@pytest.mark.parametrize("body", [{"invoices": {"invoice": {**invoice()["invoices"]["0"]["invoice"]}}}, [1], "text"])
async def test_a_single_object_without_number_is_taken_and_what_is_no_object_is_not(caller: Caller, body: Any) -> None:
    assert await caller.code("invoices/add", body) == ("OK" if isinstance(body, dict) else "INPUT ERROR")


@pytest.mark.parametrize(
    "body",
    [
        '{"invoices": {"0": {"type": "normal"}}}', '{"invoices": [{"type": "normal"}]}', '{"invoices": {}}', "{}", "{",
        '{"invoices": {"0": {"invoice": "text"}}}',
    ],
)  # fmt: skip
async def test_a_body_without_its_names_is_an_input_error(caller: Caller, body: str) -> None:
    _, _, answer = await caller.raw("invoices/add", body)
    assert json.loads(answer)["status"]["code"] == "INPUT ERROR"


@pytest.mark.parametrize(
    "body", ["<api", "<other/>", '<!DOCTYPE api [<!ENTITY x "y">]><api><invoices>&x;</invoices></api>']
)
async def test_xml_that_is_broken_or_carries_entities_is_an_input_error(caller: Caller, body: str) -> None:
    assert (await caller.xml("invoices/add", body)).findtext("status/code") == "INPUT ERROR"


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("", "application/xml"), ("inputFormat=xml", "application/xml"), ("inputFormat=json", "application/json"),
        ("inputFormat=json&outputFormat=xml", "application/xml"),
        ("inputFormat=xml&outputFormat=json", "application/json"),
    ],
)  # fmt: skip
async def test_the_output_is_spelled_like_the_input_unless_asked_otherwise(
    caller: Caller, query: str, kind: str
) -> None:
    assert (await caller.raw("contractors/find", b"", query))[1] == kind


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_search_is_taken_by_get_and_by_post(caller: Caller, method: str) -> None:
    assert await caller.code("vat_codes/find", {}, method=method) == "OK"


@pytest.mark.parametrize(
    ("path", "method"),
    [("invoices/burn", "POST"), ("nothing/find", "POST"), ("invoices/delete/1", "POST"), ("invoices/add", "GET")],
)
async def test_an_address_that_does_nothing_is_not_found(caller: Caller, path: str, method: str) -> None:
    assert await caller.code(path, {}, method=method) == "ACTION NOT FOUND"


@pytest.mark.parametrize("name", list(HEADERS))
async def test_each_of_the_three_keys_is_demanded(caller: Caller, name: str) -> None:
    for wrong in ({name: "wrong"}, {}):
        caller.headers = {key: value for key, value in HEADERS.items() if key != name} | wrong
        status, _, answer = await caller.raw("invoices/find", "{}")
        assert (status, json.loads(answer)) == (200, {"status": {"code": "AUTH"}})


async def test_after_five_failed_logins_the_key_is_locked_for_five_minutes(caller: Caller) -> None:
    caller.headers["secretKey"] = "wrong"
    told = [await caller.code("invoices/find", {}) for _ in range(6)]
    assert told == ["AUTH"] * 5 + ["AUTH FAILED LIMIT WAIT 5 MINUTES"]
    caller.headers = dict(HEADERS)
    assert await caller.code("invoices/find", {}) == "AUTH FAILED LIMIT WAIT 5 MINUTES"
    caller.clock.advance(299)
    assert await caller.code("invoices/find", {}) == "AUTH FAILED LIMIT WAIT 5 MINUTES"
    caller.clock.advance(1)
    assert await caller.code("invoices/find", {}) == "OK"


async def test_a_good_login_forgets_the_failed_ones(caller: Caller) -> None:
    for _ in range(4):
        for secret in ("wrong", "sandbox-secret"):
            caller.headers["secretKey"] = secret
            last = await caller.code("invoices/find", {})
    assert last == "OK"


async def test_auth_may_come_with_http_401(caller: Caller) -> None:
    assert (await caller.control("POST", "behaviour", {"auth_status": 401}))[0] == 200
    caller.headers["secretKey"] = "wrong"
    status, _, answer = await caller.raw("invoices/find", "{}")
    assert (status, json.loads(answer)["status"]["code"]) == (401, "AUTH")


async def test_a_user_of_several_companies_names_one(caller: Caller) -> None:
    caller.headers |= {"accessKey": "two", "secretKey": "hidden"}
    assert await caller.code("invoices/find", {}) == "COMPANY ID REQUIRED"
    assert await caller.code("invoices/find", {}, "company_id=2") == "OK"
    assert await caller.code("invoices/find", {}, "company_id=10001") == "ACCESS DENIED"
    found = (await caller.json("user_companies/find", {}))["user_companies"]
    assert [found[key]["user_company"]["company"]["id"] for key in found if key.isdigit()] == ["1", "2"]


async def test_companies_have_books_of_their_own(caller: Caller) -> None:
    caller.headers |= {"accessKey": "two", "secretKey": "hidden"}
    for company in ("1", "2", "2"):
        await caller.json("invoices/add", invoice(), f"company_id={company}")
    found = (await caller.json("invoices/find", {}, "company_id=2"))["invoices"]
    assert found["parameters"]["total"] == "2"
    ledger = (await caller.control("GET", "ledger"))[1]
    assert [(item["company_id"], item["fullnumber"]) for item in ledger["invoices"]] == [
        ("1", "FV 1/11/2026"), ("2", "FV 1/11/2026"), ("2", "FV 2/11/2026"),
    ]  # fmt: skip


async def test_a_user_who_may_only_read_adds_nothing(caller: Caller) -> None:
    caller.headers |= {"accessKey": "reader", "secretKey": "hidden"}
    assert await caller.code("invoices/add", invoice()) == "ACCESS DENIED"
    assert await caller.code("invoices/find", {}) == "OK"


@pytest.mark.parametrize(
    ("fields", "path", "wrong"),
    [
        ({"date": "22.11.2026"}, ("errors",), "date"),
        ({"type": "bill"}, ("errors",), "type"),
        ({"series": {"id": 999}}, ("errors",), "series"),
        ({"contractor": {"id": 999}}, ("errors",), "contractor"),
        ({"invoicecontents": {}}, ("errors",), "invoicecontents"),
        ({"contractor": {**PARTY, "nip": "1234567890"}}, ("contractor", "errors"), "nip"),
        ({"contractor": {**PARTY, "city": ""}}, ("contractor", "errors"), "city"),
        ({"invoicecontents": lines(("A", "1", "1", "23"), ("", "1", "1", "23"))},
         ("invoicecontents", "1", "invoicecontent", "errors"), "name"),
        ({"invoicecontents": lines(("A", "1", "x", "23"))}, FIRST_LINE, "price"),
        ({"invoicecontents": lines(("A", "1", "1", "24"))}, FIRST_LINE, "vat"),
    ],
    ids=str,
)  # fmt: skip
async def test_a_refused_field_is_told_in_the_branch_where_it_stands(
    caller: Caller, fields: dict[str, Any], path: tuple[str, ...], wrong: str
) -> None:
    answer = await caller.json("invoices/add", invoice(**fields))

    assert answer["status"] == {"code": "ERROR"}
    branch = answer["invoices"]["0"]["invoice"]
    for key in path:
        branch = branch[key]
    assert branch["0"]["error"]["field"] == wrong
    assert set(branch["0"]["error"]) == {"field", "message", "method"}
    assert await caller.numbers() == []


@pytest.mark.parametrize("path", ["invoices/get/1", "invoices/edit/1", "contractors/get/1", "invoices/download/1"])
async def test_an_object_that_is_not_there_is_not_found(caller: Caller, path: str) -> None:
    assert await caller.code(path, invoice()) == "NOT FOUND"


async def test_contractors_are_added_found_and_edited(caller: Caller) -> None:
    added = (await caller.json("contractors/add", {"contractors": {"0": {"contractor": PARTY}}}))["contractors"]
    first = added["0"]["contractor"]
    assert (first["altname"], first["payment_days"], first["remind"], first["country"]) == (
        PARTY["name"],
        "7",
        "1",
        "PL",
    )
    found = (await caller.find("contractors", ("nip", "eq", PARTY["nip"])))["contractors"]
    assert found["0"]["contractor"] == first
    change = {"contractors": {"0": {"contractor": {"city": "Łowicz"}}}}
    edited = (await caller.json(f"contractors/edit/{first['id']}", change))["contractors"]["0"]["contractor"]
    assert (edited["city"], edited["street"], edited["id"]) == ("Łowicz", PARTY["street"], first["id"])
    got = await caller.json(f"contractors/get/{first['id']}")
    assert got["contractors"]["0"]["contractor"] == edited


async def test_a_person_without_tax_number_says_so(caller: Caller) -> None:
    person = {name: value for name, value in PARTY.items() if name not in {"nip", "tax_id_type"}}
    asked = {"contractors": {"0": {"contractor": person}}}
    assert await caller.code("contractors/add", asked) == "ERROR"
    person["tax_id_type"] = "none"
    assert await caller.code("contractors/add", asked) == "OK"


@pytest.fixture
async def three(caller: Caller) -> Caller:
    """Three invoices: of 123, 246 and 369, with ids A-1, b-2 and none."""
    for price, own in (("100", "A-1"), ("200", "b-2"), ("300", "")):
        await caller.add(id_external=own, invoicecontents=lines(("Porada", "1", price, "23")))
    return caller


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ([("id_external", "eq", "A-1")], [1]),
        ([("id_external", "eq", "a-1")], [1]),
        ([("Invoice.id_external", "eq", "b-2")], [2]),
        ([("id_external", "ne", "A-1")], [2, 3]),
        ([("id_external", "like", "%-%")], [1, 2]),
        ([("id_external", "not like", "a%")], [2, 3]),
        ([("id_external", "is null", "")], [3]),
        ([("id_external", "is not null", "")], [1, 2]),
        ([("id_external", "in", "A-1, b-2")], [1, 2]),
        ([("total", "gt", "123.00")], [2, 3]),
        ([("total", "ge", "246")], [2, 3]),
        ([("total", "lt", "246")], [1]),
        ([("total", "le", "246"), ("total", "gt", "123")], [2]),
        ([("ContractorDetail.nip", "eq", "1234563218")], [1, 2, 3]),
        ([("Contractor.id", "eq", "0")], [1, 2, 3]),
        ([("id_external", "eq", "nobody")], []),
    ],
    ids=str,
)
async def test_a_search_obeys_every_operator(
    three: Caller, conditions: list[tuple[str, str, str]], found: list[int]
) -> None:
    assert await three.numbers(*conditions) == [f"FV {number}/11/2026" for number in found]


async def test_nothing_found_is_ok_and_holds_only_parameters(caller: Caller) -> None:
    answer = await caller.find("invoices", ("id_external", "eq", "nobody"))
    assert answer == {
        "invoices": {"parameters": {"limit": "20", "page": "1", "total": "0"}},
        "status": {"code": "OK"},
    }


async def test_groups_join_conditions(three: Caller) -> None:
    def condition(value: str) -> dict[str, Any]:
        return {"condition": {"field": "total", "operator": "eq", "value": value}}

    either = {"or": {"0": condition("123.00"), "1": condition("369.00")}}
    for conditions, expected in ((either, ["1", "3"]), ({"not": {"0": condition("123.00")}}, ["2", "3"])):
        answer = await three.json("invoices/find", {"invoices": {"parameters": {"conditions": conditions}}})
        numbers = [item["invoice"]["number"] for key, item in answer["invoices"].items() if key.isdigit()]
        assert numbers == expected


async def test_pages_order_and_fields(three: Caller) -> None:
    assert await three.numbers(limit=2, page=2) == ["FV 3/11/2026"]
    assert await three.numbers(order={"desc": "Invoice.total"}, limit=1) == ["FV 3/11/2026"]
    answer = await three.find(
        "invoices", limit=1, fields={"0": {"field": "Invoice.id"}, "1": {"field": "Invoice.total"}}
    )
    assert set(answer["invoices"]["0"]["invoice"]) == {"id", "total"}
    assert answer["invoices"]["parameters"] == {"limit": "1", "page": "1", "total": "3"}


@pytest.mark.parametrize("condition", [("no_such_field", "eq", "1"), ("total", "sounds like", "1")])
async def test_a_search_that_makes_no_sense_is_an_input_error(three: Caller, condition: tuple[str, str, str]) -> None:
    assert (await three.find("invoices", condition))["status"]["code"] == "INPUT ERROR"


async def test_an_xml_search_joins_its_conditions(three: Caller) -> None:
    asked = (
        "<api><invoices><parameters><conditions>"
        "<condition><field>total</field><operator>gt</operator><value>123.00</value></condition>"
        "<condition><field>id_external</field><operator>is null</operator><value></value></condition>"
        "</conditions><fields><field>Invoice.fullnumber</field></fields></parameters></invoices></api>"
    )
    answer = await three.xml("invoices/find", asked)
    assert [item.text for item in answer.findall("invoices/invoice/fullnumber")] == ["FV 3/11/2026"]


async def test_rates_are_listed_with_their_ids(caller: Caller) -> None:
    found = (await caller.find("vat_codes", ("declaration_country_id", "eq", "0"), limit=100))["vat_codes"]
    ids = {item["vat_code"]["code"]: item["vat_code"]["id"] for key, item in found.items() if key.isdigit()}
    assert {name: ids[name] for name in ("23", "8", "5", "0", "ZW", "NP")} == {
        "23": "222", "8": "223", "5": "224", "0": "225", "ZW": "226", "NP": "227",
    }  # fmt: skip
