"""Refused logins on a real database: whose key is told to be wrong, and what clears the platform's."""

from datetime import timedelta

from temporalio.exceptions import ApplicationError

from activities.invoices import Generated
from activities.logins import Logins
from invoicing.errors import SettingsFault
from invoicing.gateways.wfirma.judgement import KEYS
from tests.integration.brownout_stage import SECOND, Bench

REFUSED = SettingsFault("issuer_settings", faults=KEYS)
DENIED = SettingsFault("issuer_settings", faults=KEYS[:1])


async def told(bench: Bench, case_id: str, expert_id: str) -> str:
    """The code with which an attempt of the expert's case ends."""
    ended = await bench.generate(case_id, expert_id=expert_id)
    assert isinstance(ended, ApplicationError)
    assert ended.non_retryable
    code: str = ended.details[0].code
    return code


async def alerts(bench: Bench) -> list[str]:
    return [alert.key for alert in await bench.store.alerts(open_only=True, after_id=0, limit=10)]


async def test_the_third_expert_whose_login_is_refused_tells_of_the_platforms_key_once(bench: Bench) -> None:
    bench.wfirma.fault = REFUSED
    codes = [await told(bench, f"c-{nth}", f"exp-{nth}") for nth in range(5)]
    assert codes == ["issuer_settings"] * 2 + ["platform_key_refused"] * 3
    assert await alerts(bench) == ["platform-key:wfirma"]


async def test_one_expert_with_many_cases_or_no_right_tells_nothing_of_it(bench: Bench) -> None:
    bench.wfirma.fault = REFUSED
    assert {await told(bench, f"c-{nth}", "exp-1") for nth in range(5)} == {"issuer_settings"}
    bench.wfirma.fault = DENIED
    assert {await told(bench, f"d-{nth}", f"exp-{nth}") for nth in range(5)} == {"issuer_settings"}
    assert await alerts(bench) == []


async def test_any_login_that_is_taken_clears_the_platform_and_closes_the_alert(bench: Bench) -> None:
    logins = Logins(bench.store, bench.clock)
    bench.wfirma.fault = REFUSED
    for nth in range(3):
        await told(bench, f"c-{nth}", f"exp-{nth}")
    assert await logins.is_suspected()
    bench.clock.advance(SECOND)
    bench.wfirma.fault = None
    assert isinstance(await bench.generate("c-1"), Generated)
    assert await alerts(bench) == []
    assert not await logins.is_suspected()
    bench.clock.advance(SECOND)
    bench.wfirma.fault = REFUSED
    assert await told(bench, "c-9", "exp-9") == "issuer_settings"


async def test_what_was_refused_long_ago_is_forgotten(bench: Bench) -> None:
    bench.wfirma.fault = REFUSED
    for nth in range(2):
        await told(bench, f"c-{nth}", f"exp-{nth}")
    bench.clock.advance(timedelta(hours=1))
    assert await told(bench, "c-9", "exp-9") == "issuer_settings"
