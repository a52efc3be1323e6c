"""The field `explanation` of the state record."""

from invoicing.web.described_totals import ExplainedRecord
from tests.integration.web.stage import CASE, Stage, a_case


async def test_one_case_comes_with_its_totals_explained_in_the_language_asked_for(stage: Stage) -> None:
    await stage.recorded()
    answer = await stage.send("GET", f"/v1/cases/{CASE}", "client:cli-7", headers={"Accept-Language": "en"})
    record = answer.json()
    ExplainedRecord.model_validate(record)
    why = record["explanation"]
    assert why["totals"] == record["totals"]
    assert (why["lines"][0]["before_discount"], why["lines"][0]["discount"]) == ("360", "36")
    assert why["rates"][0]["steps"][1] == {
        "code": "vat_of_net",
        "formula": "324.00 × 23 / 100 = 74.52",
        "text": "VAT on the sum of net values: 324.00 × 23 / 100 = 74.52",
    }


async def test_a_case_whose_rate_is_unknown_has_no_totals_and_no_explanation(stage: Stage) -> None:
    lines = [{"description": "x", "unit_price": "1.00", "vat_rate": "22"}]
    await stage.send("POST", "/v1/cases", json=a_case(lines=lines))
    record = (await stage.send("GET", f"/v1/cases/{CASE}")).json()
    assert record["totals"] is record["explanation"] is None
