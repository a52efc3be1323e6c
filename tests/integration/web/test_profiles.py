"""Saved billing data of a client, and what cases take from them."""

from typing import Any

from invoicing.domain.profiles import MOST_PROFILES
from invoicing.web.described_profiles import ProfileAnswer, ProfileList
from tests.integration.web.stage import CASE, EXTERNAL, Stage, a_case

PROFILES = "/v1/clients/cli-7/billing-profiles"
CLIENT = "client:cli-7"
OFFICE: dict[str, Any] = a_case()["billing_data"]
HOME = {"kind": "person", "name": "Anna Przykładowa", "street": "Cicha 2", "postal_code": "00-002",
        "city": "Warszawa", "country": "PL"}  # fmt: skip


async def listed(stage: Stage) -> list[dict[str, Any]]:
    answer = await stage.send("GET", PROFILES, CLIENT)
    assert answer.status_code == 200
    ProfileList.model_validate(answer.json())
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_client_saves_changes_and_deletes_profiles_and_one_is_the_default(stage: Stage) -> None:
    made = await stage.send("POST", PROFILES, CLIENT, json=OFFICE)
    assert made.status_code == 201
    ProfileAnswer.model_validate(made.json())
    assert made.json() == {"profile_id": made.json()["profile_id"], "default": True, **OFFICE}
    home = await stage.send("PUT", f"{PROFILES}/home", CLIENT, json={**HOME, "default": True})
    assert (home.status_code, home.json()["default"]) == (200, True)
    assert [one["default"] for one in await listed(stage)] == [False, True]
    moved = await stage.send("PUT", f"{PROFILES}/home", CLIENT, json={**HOME, "street": "Nowa 3"})
    assert (moved.json()["street"], moved.json()["default"]) == ("Nowa 3", True)
    gone = await stage.send("DELETE", f"{PROFILES}/home", CLIENT)
    assert (gone.status_code, gone.content) == (204, b"")
    assert [(one["name"], one["default"]) for one in await listed(stage)] == [(OFFICE["name"], True)]
    assert (await stage.send("DELETE", f"{PROFILES}/home", CLIENT)).status_code == 404


async def test_faults_of_a_profile_come_all_at_once_with_their_fields(stage: Stage) -> None:
    wrong = {**OFFICE, "tax_id": "5260250275", "postal_code": "x", "country": "XX"}
    for method, path in (("POST", PROFILES), ("PUT", f"{PROFILES}/office")):
        answer = await stage.send(method, path, CLIENT, json=wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert {fault["field"] for fault in answer.json()["errors"]} >= {"country"}
    shape = await stage.send("POST", PROFILES, CLIENT, json={**OFFICE, "default": "yes", "nip": "1"})
    assert {(fault["field"], fault["code"]) for fault in shape.json()["errors"]} == {
        ("default", "bad_format"),
        ("nip", "unknown_field"),
    }
    nip = await stage.send("POST", PROFILES, CLIENT, json={**OFFICE, "tax_id": "5260250275"})
    assert [(fault["field"], fault["code"]) for fault in nip.json()["errors"]] == [("tax_id", "bad_nip")]
    assert (await stage.send("PUT", f"{PROFILES}/no!", CLIENT, json=OFFICE)).status_code == 422
    assert await listed(stage) == []


async def test_the_same_key_saves_one_profile(stage: Stage) -> None:
    key = {"Idempotency-Key": "k-1"}
    first, again = [await stage.send("POST", PROFILES, CLIENT, json=OFFICE, headers=key) for _ in range(2)]
    assert first.json() == again.json()
    assert len(await listed(stage)) == 1


async def test_a_client_has_a_limited_number_of_profiles_and_may_still_change_them(stage: Stage) -> None:
    for number in range(MOST_PROFILES):
        assert (await stage.send("PUT", f"{PROFILES}/p{number}", CLIENT, json=OFFICE)).status_code == 200
    full = await stage.send("POST", PROFILES, CLIENT, json=OFFICE)
    assert (full.status_code, full.json()["code"]) == (409, "action_not_allowed")
    assert (await stage.send("PUT", f"{PROFILES}/p1", CLIENT, json=HOME)).status_code == 200
    await stage.recorded(billing_data=None)
    paying = await stage.send("POST", f"/v1/cases/{CASE}/payment", json={"billing_data": {**OFFICE, "city": "Łódź"}})
    assert paying.status_code == 202
    assert len(await listed(stage)) == MOST_PROFILES


async def test_a_case_takes_a_copy_of_the_profile_that_it_names(stage: Stage) -> None:
    await stage.send("PUT", f"{PROFILES}/office", CLIENT, json=OFFICE)
    await stage.recorded(billing_data={"profile_id": "office"})
    await stage.send("PUT", f"{PROFILES}/office", CLIENT, json=HOME)
    await stage.send("DELETE", f"{PROFILES}/office", CLIENT)
    facts = await stage.facts()
    assert (facts.billing_revision, facts.billing is not None and facts.billing.name) == (1, OFFICE["name"])
    assert (await stage.send("POST", f"/v1/cases/{CASE}/payment", CLIENT)).status_code == 202


async def test_the_same_document_again_is_the_same_case_although_the_profile_has_changed(stage: Stage) -> None:
    await stage.send("PUT", f"{PROFILES}/office", CLIENT, json=OFFICE)
    document = a_case(billing_data={"profile_id": "office"}, payment=EXTERNAL)
    assert (await stage.send("POST", "/v1/cases", json=document)).status_code == 201
    await stage.send("PUT", f"{PROFILES}/office", CLIENT, json=HOME)
    assert (await stage.send("POST", "/v1/cases", json=document)).status_code == 200
    assert (await stage.facts()).billing_revision == 1


async def test_a_profile_may_be_saved_after_the_case_and_is_found_when_payment_is_asked_for(stage: Stage) -> None:
    await stage.recorded(billing_data={"profile_id": "office"})
    unknown = await stage.send("POST", f"/v1/cases/{CASE}/payment", CLIENT)
    assert unknown.status_code == 422
    assert [(f["field"], f["code"]) for f in unknown.json()["errors"]] == [("billing_data.profile_id", "bad_format")]
    await stage.send("PUT", "/v1/clients/cli-8/billing-profiles/office", json=HOME)
    assert (await stage.send("POST", f"/v1/cases/{CASE}/payment", CLIENT)).status_code == 422, "somebody else's"
    await stage.send("PUT", f"{PROFILES}/office", CLIENT, json=OFFICE)
    assert (await stage.send("POST", f"/v1/cases/{CASE}/payment", CLIENT)).status_code == 202
    facts = await stage.facts()
    assert (facts.billing_revision, facts.billing is not None and facts.billing.name) == (1, OFFICE["name"])


async def test_payment_may_name_a_profile_and_saves_no_other(stage: Stage) -> None:
    await stage.send("PUT", f"{PROFILES}/home", CLIENT, json=HOME)
    await stage.recorded()
    body = {"billing_data": {"profile_id": "home"}}
    assert (await stage.send("POST", f"/v1/cases/{CASE}/payment", CLIENT, json=body)).status_code == 202
    facts = await stage.facts()
    assert (facts.billing_revision, facts.billing is not None and facts.billing.name) == (2, HOME["name"])
    assert len(await listed(stage)) == 1


async def test_billing_data_given_with_the_payment_are_saved_once_unless_it_says_no(stage: Stage) -> None:
    await stage.recorded(billing_data=None)
    payment = f"/v1/cases/{CASE}/payment"
    assert (await stage.send("POST", payment, CLIENT, json={"billing_data": HOME, "save": False})).status_code == 202
    assert await listed(stage) == []
    for body in ({"billing_data": OFFICE}, {"billing_data": OFFICE, "save": True}, {"billing_data": HOME}):
        assert (await stage.send("POST", payment, CLIENT, json=body)).status_code == 202
    assert [(one["name"], one["default"]) for one in await listed(stage)] == [
        (OFFICE["name"], True),
        (HOME["name"], False),
    ]


async def test_billing_data_with_faults_are_not_saved(stage: Stage) -> None:
    await stage.recorded(billing_data=None)
    wrong = {"billing_data": {**OFFICE, "tax_id": "1"}}
    assert (await stage.send("POST", f"/v1/cases/{CASE}/payment", CLIENT, json=wrong)).status_code == 422
    assert await listed(stage) == []


async def test_other_clients_profiles_are_not_there(stage: Stage) -> None:
    await stage.send("PUT", f"{PROFILES}/office", json=OFFICE)
    for method, path in (("GET", PROFILES), ("PUT", f"{PROFILES}/office"), ("DELETE", f"{PROFILES}/office")):
        answer = await stage.send(method, path, "client:cli-8", json=OFFICE)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert len(await listed(stage)) == 1
