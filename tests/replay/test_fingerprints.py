"""A change of what workflows command fails by the name of the function, unless it is behind a patch."""

import json
from pathlib import Path

import pytest

from tests.replay import fingerprints
from tests.replay.fingerprints import Fingerprints, extracted, patches_in, read, sources, today, unguarded

STORY = """
class Tale:
    @workflow.run
    async def run(self, case):
        await self._checked()
        if case.paid:
            await self._mailed()
        elif workflow.patched("early"):
            await shop.closed(case)
        while not self._told:
            await workflow.wait_condition(lambda: self._ready)
            await self._recorded(RecordActivities.record_parked, case)
        workflow.upsert_search_attributes([])

    @workflow.signal
    def ready(self):
        self._ready = True

    async def _checked(self):
        await workflow.execute_activity_method(BillingActivities.check, 1, summary="Check")

    async def _mailed(self):
        await workflow.sleep(1)
        await workflow.execute_activity_method(MailActivities.mail, 1)

    async def _recorded(self, activity, argument):
        await workflow.execute_activity_method(activity, argument)

    def _pure(self):
        return 1
"""
SHOP = """
async def closed(case):
    match case.kind:
        case Kind.SHORT:
            workflow.continue_as_new(case)
        case _:
            pass
"""
CODE = {"tale": STORY, "shop": SHOP, "notes": 'MORE = "more"'}
BASELINE = Fingerprints(extracted(CODE, patches_in(CODE)), patches_in(CODE))
MAILED = "            await self._mailed()\n"


def changed(before: str, after: str, module: str = "tale") -> dict[str, str]:
    assert CODE[module].count(before) == 1, "the test changes what is there"
    return {**CODE, module: CODE[module].replace(before, after)}


def test_the_code_does_what_the_baseline_says() -> None:
    assert unguarded(sources(), read()) is None, unguarded(sources(), read())


def test_every_patch_of_the_code_is_in_the_baseline_and_no_other() -> None:
    assert patches_in(sources()) == read().patches, "run `python -m tests.replay.fingerprints`"
    assert today() == read()


def test_every_workflow_and_each_of_its_steps_has_a_fingerprint() -> None:
    told = read().functions
    assert {"paid_case.PaidCase.run", "case_action.CaseAction.run", "reconcile.Reconcile.run"} <= set(told)
    assert "activity charge" in told["paid_case.PaidCase._charge"]
    assert "continue as new" in " ".join(told["paid_case.PaidCase._until_decided"])
    assert {name.partition(".")[0] for name in told} >= {"acts", "parking", "serving"}


CARELESS = {
    "a step is left out": ("tale.Tale.run", changed(MAILED, "            pass\n")),
    "a step is done twice": ("tale.Tale.run", changed(MAILED, MAILED * 2)),
    "a step has another condition": ("tale.Tale.run", changed("if case.paid:", "if case.sent:")),
    "the story ends early": ("tale.Tale.run", changed(MAILED, MAILED + "            return\n")),
    "another activity is called": ("tale.Tale._checked", changed("BillingActivities.check", "BillingActivities.see")),
    "another record is handed in": ("tale.Tale.run", changed(".record_parked", ".record_resumed")),
    "a pause is gone": ("tale.Tale._mailed", changed("        await workflow.sleep(1)\n", "")),
    "a wait gets a limit": ("tale.Tale.run", changed("lambda: self._ready)", "lambda: self._ready, timeout=5)")),
    "a helper commands something": ("shop.closed", changed("pass", "workflow.upsert_memo({})", "shop")),
    "a pure function commands": ("tale.Tale._pure", changed("return 1", "return workflow.uuid4()")),
    "a patch is asked for beside an `if`": ("tale.Tale._pure", changed("return 1", 'return workflow.patched("p")')),
    "a handler is gone": ("tale.Tale.ready", changed("    @workflow.signal\n", "")),
}


@pytest.mark.parametrize("change", CARELESS)
def test_an_unguarded_change_fails_by_name_and_says_what_to_do(change: str) -> None:
    name, code = CARELESS[change]
    told = unguarded(code, BASELINE)
    assert told is not None
    assert f"workflows: {name}\n" in told
    assert "workflow.patched" in told
    assert "python -m tests.replay.fingerprints" in told


GUARDED = {
    "a new step": changed(MAILED, MAILED + '            if workflow.patched("more"):\n    ' + MAILED),
    "a new way before the old one": changed(
        MAILED, '            if workflow.patched("more"):\n                return\n            else:\n    ' + MAILED
    ),
    "a condition beside the patch": changed("if case.paid:", "if case.paid and not workflow.patched(notes.MORE):"),
    "an exception for new runs": changed("if case.paid:", 'if case.paid or (case.big and workflow.patched("more")):'),
    "the old way before the new one": changed(MAILED, '            if not workflow.patched("more"):\n    ' + MAILED),
}


@pytest.mark.parametrize("change", GUARDED)
def test_a_change_behind_a_new_patch_is_none_for_open_runs_and_is_held_from_then_on(change: str) -> None:
    code = GUARDED[change]
    assert unguarded(code, BASELINE) is None
    assert patches_in(code) == BASELINE.patches | {"more"}
    taken = Fingerprints(extracted(code, patches_in(code)), patches_in(code))
    assert unguarded(code, taken) is None
    assert "workflows: tale.Tale.run\n" in str(unguarded(CODE, taken)), "a patch that is taken away fails too"


def test_words_and_names_that_command_nothing_change_nothing() -> None:
    assert unguarded(changed('summary="Check"', 'summary="Look"'), BASELINE) is None
    assert unguarded(changed("self._ready = True", "self._ready = 1"), BASELINE) is None
    assert unguarded(changed("return 1", "return 2"), BASELINE) is None


def test_writing_the_baseline_anew_refuses_an_unguarded_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fingerprints.json"
    monkeypatch.setattr(fingerprints, "BASELINE", path)
    assert fingerprints.main([]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    document["functions"]["paid_case.PaidCase._story"].pop()
    path.write_text(json.dumps(document), encoding="utf-8")
    assert fingerprints.main([]) == 1
    assert "paid_case.PaidCase._story" in capsys.readouterr().err
    assert fingerprints.main(["--anyway"]) == 0
    assert fingerprints.main([]) == 0
