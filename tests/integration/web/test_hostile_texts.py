"""Texts that nobody means well with, sent through the API: printed as they are, or refused with field and reason."""

from typing import Any

import pytest

from tests.integration.web.corrected import words
from tests.integration.web.stage import CASE, DOCUMENT, EXPERT, Stage, a_case

PRO_FORMA = f"/v1/cases/{CASE}/pro-forma.pdf"
PRINTED = [
    pytest.param("<b>gruby</b> &amp; <font size=99> {number} %s", id="markup"),
    pytest.param("Zażółć gęślą jaźń – Договор №7", id="letters of Europe"),
]
REFUSED = [
    pytest.param("a\x07b", "bad_characters", id="control character"),
    pytest.param("a\nb", "bad_characters", id="line break"),
    pytest.param("faktura \u202etxet.fdp\u202c", "bad_characters", id="right-to-left override"),
    pytest.param("kawa \N{HOT BEVERAGE}", "bad_characters", id="sign without a glyph"),
    pytest.param("\N{GRINNING FACE}", "bad_characters", id="emoji"),
    pytest.param("x" * 10_000, "too_long", id="ten thousand characters"),
]


def case_with(text: str) -> dict[str, Any]:
    """The text wherever a client or an expert may write."""
    lines = [{**DOCUMENT["lines"][0], "description": text}]
    return {"lines": lines, "billing_data": {**DOCUMENT["billing_data"], "name": text, "street": text}}


@pytest.mark.parametrize("text", PRINTED)
async def test_a_harmless_text_is_printed_as_it_is(stage: Stage, text: str) -> None:
    await stage.recorded(**case_with(text))
    answer = await stage.send("GET", PRO_FORMA)
    assert answer.status_code == 200, answer.text
    assert "".join(words(answer.content).split()).count("".join(text.split())) == 3


@pytest.mark.parametrize(("text", "code"), REFUSED)
async def test_any_other_is_refused_before_money_moves_with_field_and_reason(
    stage: Stage, text: str, code: str
) -> None:
    await stage.recorded(**case_with(text))
    fields = {("billing_data.name", code), ("billing_data.street", code), ("lines[0].description", code)}
    for method, path in (("GET", PRO_FORMA), ("POST", f"/v1/cases/{CASE}/payment")):
        answer = await stage.send(method, path)
        assert answer.status_code == 422
        assert {(fault["field"], fault["code"]) for fault in answer.json()["errors"]} == fields
    data = {**DOCUMENT["billing_data"], "city": text}
    answer = await stage.send("PUT", f"/v1/cases/{CASE}/billing-data", json=data)
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [("city", code)]
    expert = await stage.send("PUT", "/v1/experts/exp-1", json={**EXPERT, "name": text})
    assert [(fault["field"], fault["code"]) for fault in expert.json()["errors"]] == [("name", code)]


async def test_letters_that_only_we_lack_do_not_stop_a_case_of_another_issuer(stage: Stage) -> None:
    await stage.send("PUT", "/v1/experts/exp-2", json={**EXPERT, "issuer": "none"})
    strange = case_with("北京公司")
    await stage.send("POST", "/v1/cases", json=a_case(case_id="far-1", expert_id="exp-2", **strange))
    answer = await stage.send("PUT", "/v1/cases/far-1/billing-data", json=strange["billing_data"])
    assert answer.status_code == 200
    assert (await stage.send("POST", "/v1/cases/far-1/payment")).status_code == 202
