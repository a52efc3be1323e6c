"""At most one invoice of a case at wFirma, whatever goes wrong, is killed, or is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from invoicing.errors import ConnectivityFault, OutcomeUnknown, PaidcaseError
from invoicing.gateways.wfirma.client import WfirmaAccount, WfirmaClient
from invoicing.gateways.wfirma.issuer import LEAVE, SETTLE, WfirmaIssuer
from invoicing.gateways.wfirma.wire import Answer
from invoicing.ports import IssueOrder, utc_now
from invoicing.sandbox.wfirma.faults import CODES
from tests.contract.gateways.wfirma_stage import KeptNotes, Stage, facts, open_stage

ORDER = IssueOrder(facts())
CALLS = ("invoices/find", "vat_codes/find", "contractors/find", "contractors/add", "invoices/add", "invoices/download")
CURED_BY_TIME = ("out_of_service", "snapshot_lock", "requests_limit", "execution_time_limit", "fatal")
ODD = (
    "hang", "drop_before", "http_500", "http_429", "html", "drop_after_commit", "http_500_after_commit",
    "fatal_after_commit", "html_after_commit", "truncated_json",
)  # fmt: skip
SHORT = timedelta(seconds=0.3)
NOT_CURED = sorted(set(CODES) - {*CURED_BY_TIME, "not_found"})


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("fault", [*CURED_BY_TIME, *ODD])
async def test_one_invoice_comes_of_every_fault_that_time_cures(
    stage: Stage, fault: str, operation: str, times: int
) -> None:
    await stage.fault(fault, operation, times=times)
    issued = await stage.attempts(ORDER, timeout=SHORT)

    found = await stage.invoices()
    assert [(item["id_external"], item["fullnumber"]) for item in found] == [("2026-000123-1", issued.number)]
    assert issued.number == "FV 1/11/2026"
    assert (await stage.ledger())["contractors"] <= times + 1


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("fault", NOT_CURED)
async def test_a_fault_that_time_does_not_cure_ends_the_round_and_leaves_one_invoice_after_the_cure(
    stage: Stage, fault: str, operation: str
) -> None:
    await stage.fault(fault, operation)
    with pytest.raises(PaidcaseError) as ended:
        await stage.issuer().issue(ORDER)
    assert (ended.value.retryable, ended.value.outcome_known) == (False, True)
    await stage.issuer().issue(ORDER)
    assert len(await stage.invoices()) == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("drop_before", "issuer_outcome_unknown"), ("drop_after_commit", "issuer_outcome_unknown"),
        ("http_500", "issuer_outcome_unknown"), ("html_after_commit", "issuer_outcome_unknown"),
        ("truncated_json", "issuer_outcome_unknown"), ("fatal", "issuer_outcome_unknown"),
        ("fatal_after_commit", "issuer_outcome_unknown"), ("execution_time_limit", "issuer_outcome_unknown"),
        ("hang", "issuer_outcome_unknown"),
    ],
)  # fmt: skip
async def test_a_lost_answer_of_an_add_is_unknown_and_names_a_pause_longer_than_an_add_may_take(
    stage: Stage, fault: str, code: str
) -> None:
    await stage.fault(fault, "invoices/add")
    with pytest.raises(OutcomeUnknown) as lost:
        await stage.issuer(timeout=SHORT).issue(ORDER)
    assert lost.value.code == code
    assert lost.value.retry_after is not None
    assert lost.value.retry_after >= SETTLE > WfirmaClient("http://127.0.0.1", "x", utc_now).timeout + LEAVE


@pytest.mark.parametrize("operation", [call for call in CALLS if call != "invoices/add"])
async def test_a_lost_answer_of_any_other_call_leaves_no_doubt_about_the_invoice(stage: Stage, operation: str) -> None:
    await stage.fault("drop_after_commit", operation)
    with pytest.raises(ConnectivityFault) as lost:
        await stage.issuer().issue(ORDER)
    assert (lost.value.code, lost.value.outcome_known) == ("issuer_unreachable", True)


@pytest.mark.parametrize("seconds", [1, 10, 29])
async def test_an_add_that_is_carried_out_late_is_waited_for_and_adopted(stage: Stage, seconds: int) -> None:
    await stage.fault("late_commit", "invoices/add", seconds=seconds)
    with pytest.raises(OutcomeUnknown) as lost:
        await stage.issuer().issue(ORDER)
    with pytest.raises(OutcomeUnknown):
        await stage.issuer().issue(ORDER)  # at once again: nothing is proved yet, nothing is added
    assert (await stage.requests())["invoices/add"] == 1

    stage.clock.advance(lost.value.retry_after or SETTLE)
    await stage.issuer().issue(ORDER)  # the look is a call, so what was waiting for this moment happens before it
    assert ((await stage.requests())["invoices/add"], len(await stage.invoices())) == (1, 1)


class Dying(WfirmaClient):
    """A client whose process dies before or after its n-th call."""

    def __init__(self, address: str, clock: Callable[[], datetime], call: int, after: bool) -> None:
        super().__init__(address, "sandbox-app", clock=clock)
        self.left, self.after = call, after

    async def _post(self, *args: Any, **kwargs: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise asyncio.CancelledError
        reply = await super()._post(*args, **kwargs)
        if self.left == 0:
            raise asyncio.CancelledError
        return reply


@pytest.mark.parametrize("pause", [0, 1, 60], ids=lambda seconds: f"back after {seconds}s")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, len(CALLS) + 1))
async def test_a_process_killed_around_any_call_leaves_one_invoice(
    stage: Stage, call: int, after: bool, pause: int
) -> None:
    client = Dying(stage.running.wfirma_url, stage.clock, call, after)
    stage.stack.push_async_callback(client.close)
    with pytest.raises(asyncio.CancelledError):
        await WfirmaIssuer(client, stage.notes, stage.documents, stage.clock).issue(ORDER)
    stage.clock.advance(timedelta(seconds=pause))

    issued = await stage.attempts(ORDER)
    assert [item["fullnumber"] for item in await stage.invoices()] == [issued.number]
    assert (await stage.ledger())["contractors"] == 1


@pytest.mark.parametrize("workers", [2, 5])
async def test_workers_that_issue_at_the_same_time_make_one_invoice(stage: Stage, workers: int) -> None:
    told = await asyncio.gather(*(stage.issuer().issue(ORDER) for _ in range(workers)), return_exceptions=True)

    assert len(await stage.invoices()) == 1
    assert all(isinstance(item, OutcomeUnknown) for item in told if isinstance(item, BaseException))
    assert (await stage.requests())["invoices/add"] == 1
    await stage.attempts(ORDER)
    assert len(await stage.invoices()) == 1


class Frozen(KeptNotes):
    """Notes in whose owner the process freezes right after the claim."""

    def __init__(self, rows: KeptNotes, clock: Any, pause: timedelta) -> None:
        super().__init__()
        self.rows, self._clock, self._pause = rows.rows, clock, pause

    async def claim(self, case_id: str, sequence: int, now: datetime, unless_after: datetime) -> bool:
        claimed = await super().claim(case_id, sequence, now, unless_after)
        self._clock.advance(self._pause)
        return claimed


@pytest.mark.parametrize("warm", [False, True], ids=["new connection", "kept connection"])
async def test_an_add_of_a_process_that_froze_does_not_leave_when_it_wakes(stage: Stage, warm: bool) -> None:
    client = stage.client()
    if warm:
        await WfirmaIssuer(client, stage.notes, stage.documents, stage.clock).issue(IssueOrder(facts("before")))
    asleep = WfirmaIssuer(client, Frozen(stage.notes, stage.clock, LEAVE * 2), stage.documents, stage.clock)
    with pytest.raises(ConnectivityFault) as stayed:
        await asleep.issue(ORDER)
    assert stayed.value.outcome_known
    assert [item["id_external"] for item in await stage.invoices()] == ["before-1"] * warm
    await stage.attempts(ORDER)
    assert len(await stage.invoices()) == 1 + warm


class Slow(WfirmaClient):
    """Each look-up takes so long that an add could not be answered before the activity's end."""

    moved: Callable[[timedelta], None]

    async def read(self, account: WfirmaAccount, path: str, body: Any) -> Answer:
        answer = await super().read(account, path, body)
        self.moved(timedelta(seconds=14))
        return answer


async def test_an_add_that_could_not_be_answered_in_time_is_not_begun(stage: Stage) -> None:
    client = Slow(stage.running.wfirma_url, "sandbox-app", clock=stage.clock)
    client.moved = stage.clock.advance
    stage.stack.push_async_callback(client.close)
    issuer = WfirmaIssuer(client, stage.notes, stage.documents, stage.clock)
    with pytest.raises(ConnectivityFault):
        await issuer.issue(ORDER)
    assert await stage.invoices() == []
    issued = await issuer.issue(ORDER)  # what was looked up is remembered, so the second round is quicker
    assert [item["fullnumber"] for item in await stage.invoices()] == [issued.number]


@pytest.mark.parametrize("fault", ["validation", "auth", "out_of_service", "http_429"])
async def test_after_a_known_refusal_of_an_add_nobody_waits(stage: Stage, fault: str) -> None:
    await stage.fault(fault, "invoices/add", **({"reason": "date"} if fault == "validation" else {}))
    with pytest.raises(PaidcaseError):
        await stage.issuer().issue(ORDER)
    assert stage.notes.rows == {}
    assert (await stage.issuer().issue(ORDER)).number == "FV 1/11/2026"


@pytest.mark.parametrize("fault", ["drop_before", "drop_after_commit", "fatal_after_commit", "http_500", "hang"])
async def test_one_correction_comes_of_every_lost_answer(stage: Stage, fault: str) -> None:
    await stage.issuer().issue(ORDER)
    await stage.fault(fault, "invoices/add", times=2)
    correction = IssueOrder(facts(), 2)
    for _ in range(4):
        try:
            issued = await stage.issuer(timeout=SHORT).correct_to_zero(correction)
            break
        except OutcomeUnknown as lost:
            stage.clock.advance(lost.retry_after or SETTLE)
    assert [item["fullnumber"] for item in await stage.invoices()] == ["FV 1/11/2026", issued.number]


async def test_two_hundred_cases_of_one_expert_get_one_invoice_each_through_a_bad_day(stage: Stage) -> None:
    for fault in ("drop_after_commit", "drop_before", "http_500", "truncated_json", "out_of_service", "http_429"):
        await stage.fault(fault, "any", times=15)
    orders = [IssueOrder(facts(f"case-{number}")) for number in range(200)]
    client = stage.client()
    issuer = WfirmaIssuer(client, stage.notes, stage.documents, stage.clock)

    async def until_issued(order: IssueOrder) -> None:
        for _ in range(30):
            try:
                await issuer.issue(order)
            except PaidcaseError as fault:
                assert fault.retryable, fault.code
                stage.clock.advance(fault.retry_after or timedelta(seconds=1))
            else:
                return
        raise AssertionError("not issued")

    for start in range(0, 200, 20):
        await asyncio.gather(*(until_issued(order) for order in orders[start : start + 20]))
    told = sorted(item["id_external"] for item in await stage.invoices())
    assert told == sorted(f"case-{number}-1" for number in range(200))
    numbers = sorted(int(item["fullnumber"].split("/")[0].split()[1]) for item in await stage.invoices())
    assert numbers == list(range(1, 201))
