"""Recording, reading and correcting cases."""

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import create_async_engine

from invoicing.domain.cases import LANGUAGES
from invoicing.locale import text
from invoicing.storage import tables
from invoicing.web.described import ExpertAnswer, StateRecord, Timeline
from tests.integration.web.stage import CASE, DOCUMENT, EXPERT, EXTERNAL, Stage, a_case, settings, staged


async def test_a_new_case_is_201_with_its_address_and_the_state_record_of_the_specification(stage: Stage) -> None:
    answer = await stage.send("POST", "/v1/cases", json=a_case())
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/cases/{CASE}")
    record = answer.json()
    StateRecord.model_validate(record)
    assert list(record) == ["case_id", "workflow_id", "version", "case_status", "payment", "invoice", "totals",
                            "badges", "parked", "actions"]  # fmt: skip
    assert record["workflow_id"] == f"paid-case-{CASE}"
    assert record["case_status"] == {"code": "in_analysis", "label": "ANALIZA SPRAWY"}
    assert record["totals"] == {"net": "324.00", "vat": "74.52", "gross": "398.52"}
    read = (await stage.send("GET", answer.headers["location"])).json()
    assert {**record, "explanation": read["explanation"]} == read


async def test_the_same_case_again_is_200_also_when_spelt_with_its_defaults_and_other_decimals(stage: Stage) -> None:
    await stage.send("POST", "/v1/cases", json=a_case())
    again = a_case()
    again["lines"][0] |= {"quantity": "1.50", "unit_price": "240", "discount_amount": "0.00"}
    del again["payment"], again["prices"], again["currency"]
    answer = await stage.send("POST", "/v1/cases", json=again)
    assert answer.status_code == 200
    assert "location" not in answer.headers


async def test_other_content_under_the_same_id_is_409_and_changes_nothing(stage: Stage) -> None:
    before = await stage.recorded()
    answer = await stage.send("POST", "/v1/cases", json=a_case(currency="EUR"))
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    after = (await stage.send("GET", f"/v1/cases/{CASE}")).json()
    assert {**before, "explanation": after["explanation"]} == after


async def test_every_fault_of_the_shape_comes_at_once_and_nothing_is_stored(stage: Stage) -> None:
    wrong = a_case(surprise=1, currency="zl", expert_id="no such id!")
    wrong["client"] = {"email": 7}
    wrong["lines"] = [{"description": "x", "unit_price": 240, "vat_rate": "23"}, {"unit_price": "1.999"}]
    wrong["payment"] = {"method": "cash"}
    answer = await stage.send("POST", "/v1/cases", json=wrong, headers={"Accept-Language": "en"})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["status"]) == (422, "invalid", 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert {(fault["field"], fault["code"]) for fault in problem["errors"]} == {
        ("surprise", "unknown_field"),
        ("currency", "bad_format"),
        ("expert_id", "bad_format"),
        ("client.id", "missing"),
        ("client.email", "bad_format"),
        ("lines[0].unit_price", "bad_format"),
        ("lines[1].description", "missing"),
        ("lines[1].vat_rate", "missing"),
        ("lines[1].unit_price", "bad_format"),
        ("payment", "bad_format"),
    }
    assert all(fault["message"] == text("en", f"fault.{fault['code']}") for fault in problem["errors"])
    assert "no such id" not in answer.text
    assert (await stage.send("GET", f"/v1/cases/{CASE}")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        json.dumps(a_case()).replace("{", '{"case_id": "other",', 1).encode(),
        json.dumps(a_case()).encode("utf-16"),
        b"\xff\xfe",
        b'{"case_id": NaN}',
        b'{"case_id": -Infinity}',
        b'{"lines":' + b"[" * 200_000,
        b'{"case_id": ' + b"9" * 10_000 + b"}",
    ],
    ids=[
        "empty",
        "cut",
        "null",
        "list",
        "text",
        "name twice",
        "utf-16",
        "not utf-8",
        "nan",
        "infinity",
        "deep",
        "long",
    ],
)
async def test_what_is_not_an_object_of_strict_json_is_422(stage: Stage, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await stage.send("POST", "/v1/cases", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["errors"]


@pytest.mark.parametrize("text_", ["\ud800", "\x00", "‮"])
async def test_strange_characters_in_a_text_never_end_in_a_server_error(stage: Stage, text_: str) -> None:
    document = a_case()
    document["billing_data"]["name"] = text_
    body = json.dumps(document).encode()
    answer = await stage.send("POST", "/v1/cases", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {201, 422}
    named = json.dumps({**a_case(), text_: 1}).encode()
    answer = await stage.send("POST", "/v1/cases", content=named, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] in {"unknown_field", "bad_format"}


async def test_a_body_beyond_the_limit_is_413_whether_it_says_so_or_not(stage: Stage) -> None:
    async def in_pieces() -> Any:
        for _ in range(17):
            yield b" " * 65_536

    headers = {"Content-Type": "application/json"}
    for content in (b" " * (1024 * 1024 + 1), in_pieces()):
        answer = await stage.send("POST", "/v1/cases", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "application/json; charset=iso-8859-2"])
async def test_another_media_type_is_415(stage: Stage, media_type: str) -> None:
    body = json.dumps(a_case()).encode()
    answer = await stage.send("POST", "/v1/cases", content=body, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_content_is_not_judged_when_a_case_is_recorded(stage: Stage) -> None:
    document = a_case(currency="XXX", payment=EXTERNAL)
    document["billing_data"]["tax_id"] = "5260250275"
    document["lines"][0] |= {"vat_rate": "99", "unit_price": "99999999999999.99", "quantity": "999999999"}
    answer = await stage.send("POST", "/v1/cases", json=document)
    assert answer.status_code == 201
    assert answer.json()["totals"] is None


async def test_a_case_with_the_largest_figures_is_recorded_with_its_totals(stage: Stage) -> None:
    line = {**a_case()["lines"][0], "unit_price": "99999999999999.99", "quantity": "999999999", "discount_percent": "0"}
    answer = await stage.send("POST", "/v1/cases", json=a_case(lines=[line] * 500))
    assert answer.status_code == 201, answer.text


async def test_without_an_autopay_service_only_paid_cases_are_recorded(folder: Any) -> None:
    off = {name: None for name in ("AUTOPAY_BASE_URL", "AUTOPAY_SERVICE_ID", "AUTOPAY_SHARED_KEY")}
    async with staged(settings(folder, **off)) as stage:
        priced = await stage.send("POST", "/v1/cases", json=a_case())
        assert (priced.status_code, priced.json()["code"]) == (409, "autopay_disabled")
        paid = await stage.send("POST", "/v1/cases", json=a_case(payment=EXTERNAL))
        assert paid.status_code == 201
        assert (await stage.app.store.waiting())["outbox"] == 1


async def test_a_priced_case_waits_and_an_already_paid_one_is_handed_over(stage: Stage) -> None:
    await stage.recorded()
    assert (await stage.app.store.waiting())["outbox"] == 0
    await stage.send("POST", "/v1/cases", json=a_case(case_id="paid-1", payment=EXTERNAL))
    assert (await stage.app.store.waiting())["outbox"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_labels_and_problems_are_in_the_language_asked_for(stage: Stage, language: str) -> None:
    await stage.recorded()
    headers = {"Accept-Language": f"de, {language}-XX;q=0.8, *;q=0.1"}
    record = await stage.send("GET", f"/v1/cases/{CASE}", headers=headers)
    assert record.headers["content-language"] == language
    assert record.json()["case_status"]["label"] == text(language, "case.in_analysis")
    problem = await stage.send("GET", "/v1/cases/unknown", headers=headers)
    assert problem.headers["content-language"] == language
    assert problem.json()["detail"] == text(language, "problem.not_found")


async def test_a_language_that_is_not_offered_falls_back_to_polish(stage: Stage) -> None:
    answer = await stage.send("GET", "/v1/cases/unknown", headers={"Accept-Language": "de"})
    assert (answer.headers["content-language"], answer.json()["detail"]) == ("pl", text("pl", "problem.not_found"))


async def test_when_the_database_is_away_the_answer_is_503_with_a_time_to_try_again(folder: Any) -> None:
    async with staged(settings(folder, DATABASE_URL=f"sqlite+aiosqlite:///{folder / 'documents'}")) as stage:
        (folder / "documents").mkdir()
        for method, path, body in (
            ("POST", "/v1/cases", a_case()),
            ("GET", f"/v1/cases/{CASE}", None),
            ("PUT", "/v1/experts/exp-1", EXPERT),
            ("GET", "/v1/experts/exp-1", None),
        ):
            answer = await stage.send(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), path
            assert int(answer.headers["retry-after"]) >= 1


async def test_a_database_without_schema_is_503_and_not_a_server_error(tmp_path: Any) -> None:
    async with staged(settings(tmp_path)) as stage:
        assert (await stage.send("GET", f"/v1/cases/{CASE}")).status_code == 503


async def test_corrected_billing_data_become_the_newest_revision(stage: Stage) -> None:
    await stage.recorded()
    data = {**a_case()["billing_data"], "city": "Łódź"}
    answer = await stage.send("PUT", f"/v1/cases/{CASE}/billing-data", "client:cli-7", json=data)
    assert answer.status_code == 200
    facts = await stage.facts()
    assert (facts.billing_revision, facts.billing.city if facts.billing else None) == (2, "Łódź")


async def test_faults_of_corrected_billing_data_are_named_without_a_prefix(stage: Stage) -> None:
    await stage.recorded()
    data = {"kind": "company", "name": "A", "tax_id": "5260250275", "country": "PL"}
    answer = await stage.send("PUT", f"/v1/cases/{CASE}/billing-data", json=data)
    assert answer.status_code == 422
    found = {(fault["field"], fault["code"]) for fault in answer.json()["errors"]}
    assert {("tax_id", "bad_nip"), ("street", "missing")} <= found
    assert (await stage.facts()).billing_revision == 1


async def test_billing_data_are_closed_once_the_invoice_is_issued(stage: Stage) -> None:
    await stage.recorded()
    invoice = (await stage.facts()).state.invoice.model_copy(update={"number": "FV/1/11/2026"})
    await stage.state(invoice=invoice)
    answer = await stage.send("PUT", f"/v1/cases/{CASE}/billing-data", json=a_case()["billing_data"])
    assert (answer.status_code, answer.json()["code"]) == (409, "action_not_allowed")


async def test_a_timeline_tells_staff_more_than_the_client(stage: Stage) -> None:
    await stage.recorded()
    staff = (await stage.send("GET", f"/v1/cases/{CASE}/timeline", "ops")).json()
    client = (await stage.send("GET", f"/v1/cases/{CASE}/timeline", "client:cli-7")).json()
    for page in (staff, client):
        Timeline.model_validate(page)
        assert page["next_cursor"] is None
    assert [item["event"] for item in staff["items"]] == ["case_recorded"]
    assert staff["items"][0]["actor"] == "service"
    assert "actor" not in client["items"][0]


async def test_a_timeline_comes_in_pages(stage: Stage) -> None:
    await stage.recorded()
    await stage.send("PUT", f"/v1/cases/{CASE}/billing-data", json=a_case()["billing_data"] | {"city": "Gdynia"})
    path = f"/v1/cases/{CASE}/timeline"
    whole = (await stage.send("GET", path, "ops")).json()["items"]
    first = (await stage.send("GET", f"{path}?limit=1", "ops")).json()
    second = (await stage.send("GET", f"{path}?limit=1&cursor={first['next_cursor']}", "ops")).json()
    assert len(whole) == 2
    assert (first["items"], second["items"], second["next_cursor"]) == (whole[:1], whole[1:], None)
    for wrong in ("limit=0", "limit=abc", "cursor=zz"):
        assert (await stage.send("GET", f"{path}?{wrong}", "ops")).status_code == 422


async def test_a_case_that_arrived_paid_is_never_offered_to_be_paid(stage: Stage) -> None:
    record = (await stage.send("POST", "/v1/cases", json=a_case(payment=EXTERNAL))).json()
    assert record["payment"]["status"] == "none"
    assert "pay" not in record["actions"]


@pytest.mark.parametrize("series", ["FV/{month}", "FV/{number}/{foo}", "FV/{number}/{month}"])
async def test_a_series_whose_numbers_could_repeat_is_a_fault_of_that_field(stage: Stage, series: str) -> None:
    answer = await stage.send("PUT", "/v1/experts/exp-9", json={**EXPERT, "invoice_series": series})
    assert answer.status_code == 422
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [("invoice_series", "bad_format")]


async def test_an_expert_is_stored_and_read_back(stage: Stage) -> None:
    stored = await stage.send("PUT", "/v1/experts/exp-1", "expert:exp-1", json=EXPERT)
    assert stored.status_code == 200
    ExpertAnswer.model_validate(stored.json())
    assert (await stage.send("GET", "/v1/experts/exp-1", "expert:exp-1")).json() == stored.json()
    assert {name: stored.json()[name] for name in EXPERT} == EXPERT


async def test_all_faults_of_an_expert_come_at_once(stage: Stage) -> None:
    wrong = {**EXPERT, "tax_id": "1234563219", "bank_account": "PL61", "postal_code": "00001"}
    answer = await stage.send("PUT", "/v1/experts/exp-1", json=wrong)
    assert answer.status_code == 422
    assert {(fault["field"], fault["code"]) for fault in answer.json()["errors"]} == {
        ("tax_id", "bad_nip"), ("bank_account", "bad_iban"), ("postal_code", "bad_postal_code"),
    }  # fmt: skip


async def test_wfirma_keys_are_refused_without_a_key_ring_and_never_repeated(stage: Stage) -> None:
    keys = {"access_key": "top-secret-1", "secret_key": "top-secret-2", "company_id": "7"}
    answer = await stage.send("PUT", "/v1/experts/exp-1", json={**EXPERT, "issuer": "wfirma", "wfirma": keys})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == ["wfirma"]
    assert "top-secret" not in answer.text


async def test_an_impossible_expert_id_is_a_fault_of_that_field(stage: Stage) -> None:
    answer = await stage.send("PUT", "/v1/experts/a.b", json=EXPERT)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expert_id")


async def test_a_case_recorded_before_a_field_existed_is_the_same_with_its_default_and_another_without(
    stage: Stage,
) -> None:
    await stage.recorded()
    async with create_async_engine(stage.app.settings.database_url).begin() as connection:
        (stored,) = (await connection.execute(select(tables.cases.c.document))).one()
        older = stored.replace(',"annex_15":false', "")
        assert older != stored
        digest = hashlib.sha256(older.encode()).hexdigest()
        await connection.execute(update(tables.cases).values(document=older, digest=digest))
    lines = [{**line, "annex_15": False} for line in DOCUMENT["lines"]]
    for same in (a_case(), a_case(lines=lines)):
        assert (await stage.send("POST", "/v1/cases", json=same)).status_code == 200
    other = [{**line, "annex_15": True} for line in lines]
    assert (await stage.send("POST", "/v1/cases", json=a_case(lines=other))).json()["code"] == "conflict"
    odd = [{**line, "annex_15": "true"} for line in lines]
    answer = await stage.send("POST", "/v1/cases", json=a_case(lines=odd))
    assert [(f["field"], f["code"]) for f in answer.json()["errors"]] == [("lines[0].annex_15", "bad_format")]
