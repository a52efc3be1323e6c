"""Registers in the way of a case: a definite no stops it before money moves, silence does not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.billing_data import BillingDataActivities, ValidateInput
from activities.registers import RegisterDesk
from invoicing.bootstrap import utc_now
from invoicing.domain.records import Event, LogQuery
from invoicing.domain.registers import Answer, Asked, Question, Verdict
from tests.integration.web.stage import CASE, DOCUMENT, EXPERT, Stage, settings, staged

GERMAN = {
    **DOCUMENT["billing_data"],
    "country": "DE",
    "tax_id": "DE136695976",
    "postal_code": "10115",
    "city": "Berlin",
}
LINE = {**DOCUMENT["lines"][0], "vat_rate": "np_eu"}
NUMBER = Question(Asked.EU_VAT_NUMBER, "DE136695976")
YES, NO, SILENCE = (Answer(verdict, "ref-1") for verdict in Verdict)


@dataclass
class Told:
    """Registers that say what the test says."""

    answers: Mapping[Asked, Answer]
    asked: list[Question] = field(default_factory=list)

    async def ask(self, question: Question, on: date) -> Answer:
        self.asked.append(question)
        return self.answers.get(question.asked, YES)


def with_registers(stage: Stage, answers: Mapping[Asked, Answer]) -> Told:
    """Put registers behind the stage's intake."""
    told = Told(answers)
    stage.app.intake._desk = stage.app.experts._desk = RegisterDesk(told, utc_now)
    return told


async def pressed(stage: Stage) -> Any:
    return await stage.send("POST", f"/v1/cases/{CASE}/payment", json={"billing_data": GERMAN})


def named(answer: Any) -> list[tuple[str, str]]:
    return [(item["field"], item["code"]) for item in answer.json()["errors"]]


async def test_a_number_that_vies_denies_is_refused_before_money_moves(folder: Path) -> None:
    async with staged(settings(folder)) as stage:
        await stage.recorded(lines=[LINE])
        told = with_registers(stage, {Asked.EU_VAT_NUMBER: NO})
        answer = await pressed(stage)
        assert answer.status_code == 422
        assert named(answer) == [("billing_data.tax_id", "bad_vat_number")]
        assert NUMBER in told.asked
        assert (await stage.app.store.waiting())["outbox"] == 0


@pytest.mark.parametrize("answer", [YES, SILENCE], ids=["confirmed", "away"])
async def test_a_register_that_confirms_or_is_away_holds_nobody_up(folder: Path, answer: Answer) -> None:
    async with staged(settings(folder)) as stage:
        await stage.recorded(lines=[LINE])
        with_registers(stage, {Asked.EU_VAT_NUMBER: answer})
        assert (await pressed(stage)).status_code == 202
        assert (await stage.app.store.waiting())["outbox"] == 1


async def test_unsound_data_are_told_without_asking_anybody_about_them(folder: Path) -> None:
    async with staged(settings(folder)) as stage:
        await stage.recorded(lines=[LINE])
        told = with_registers(stage, {})
        body = {"billing_data": {**GERMAN, "tax_id": "DE1"}}
        answer = await stage.send("POST", f"/v1/cases/{CASE}/payment", json=body)
        assert answer.status_code == 422
        assert all(question.asked is Asked.ACTIVE_PAYER for question in told.asked)


async def test_an_expert_whom_the_white_list_denies_is_not_saved(folder: Path) -> None:
    async with staged(settings(folder)) as stage:
        with_registers(stage, {Asked.ACTIVE_PAYER: NO, Asked.PAYERS_ACCOUNT: NO})
        answer = await stage.send("PUT", "/v1/experts/exp-9", json=EXPERT)
        assert answer.status_code == 422
        assert named(answer) == [("tax_id", "bad_nip"), ("bank_account", "bad_iban")]
        with_registers(stage, {Asked.ACTIVE_PAYER: SILENCE, Asked.PAYERS_ACCOUNT: SILENCE})
        assert (await stage.send("PUT", "/v1/experts/exp-9", json=EXPERT)).status_code == 200


async def test_the_step_of_validation_keeps_the_inquiry_without_the_number(folder: Path) -> None:
    async with staged(settings(folder)) as stage:
        await stage.recorded(lines=[LINE], billing_data=GERMAN)
        for verdict in (NO, YES):
            desk = RegisterDesk(Told({Asked.EU_VAT_NUMBER: verdict}), utc_now)
            step = BillingDataActivities(stage.app.store, stage.app.rules, desk, utc_now)
            if verdict is NO:
                with pytest.raises(ApplicationError) as caught:
                    await step.validate_billing_data(ValidateInput(case_id=CASE))
                assert caught.value.details[0].faults == (("billing_data.tax_id", "bad_vat_number"),)
            else:
                await step.validate_billing_data(ValidateInput(case_id=CASE))
        kept = await stage.app.store.activity(LogQuery(event=Event.REGISTER_ASKED))
        about_buyer = [entry.details for entry in kept if entry.details["asked"] == "eu_vat_number"]
        assert [(d["verdict"], d["reference"]) for d in about_buyer] == [("confirmed", "ref-1"), ("denied", "ref-1")]
        assert "136695976" not in str(kept)
