"""What `doctor` tells of the experts' accounts at wFirma, against the stand-in, and that it shows no key."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from invoicing.bootstrap import Application, application
from invoicing.domain.cases import ExpertDocument, WfirmaKeys
from invoicing.sandbox.autopay.desk import AutopayOptions
from invoicing.sandbox.running import MailOptions, RunningSandbox, SandboxOptions, sandbox
from invoicing.sandbox.wfirma.desk import WfirmaOptions
from invoicing.settings import load
from starter import issuer_check
from starter.health import Health
from starter.issuer_check import checked_accounts

GOOD = WfirmaKeys(access_key="sandbox-access", secret_key="sandbox-secret")


@pytest.fixture
async def running() -> AsyncIterator[RunningSandbox]:
    """The stand-in on free ports."""
    options = SandboxOptions(
        autopay=AutopayOptions(port=0), mail=MailOptions(smtp_port=0, mailbox_port=0), wfirma=WfirmaOptions(port=0)
    )
    async with sandbox(options) as opened:
        yield opened


@pytest.fixture
async def app(folder: Path, running: RunningSandbox) -> AsyncIterator[Application]:
    """The application with wFirma and a ring."""
    async with application(load(env(folder, running))) as made:
        yield made


def env(folder: Path, running: RunningSandbox, **changes: str) -> dict[str, str]:
    """Its settings."""
    return {
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'paidcase.db'}",
        "DOCUMENTS_URL": str(folder / "documents"),
        "WFIRMA_BASE_URL": running.wfirma_url,
        "WFIRMA_APP_KEY": "sandbox-app",
        "SECRETS_KEYS": "k1:" + base64.b64encode(b"k" * 32).decode(),
        **changes,
    }


async def stored(app: Application, expert_id: str, keys: WfirmaKeys | None = GOOD, series: str | None = None) -> None:
    """An expert as he may have been stored while wFirma was away."""
    expert = ExpertDocument(name="Jan Przykładowy Doradztwo", issuer="wfirma", wfirma=keys, invoice_series=series)
    async with app.store.transaction() as db:
        await db.save_expert(expert_id, expert, app.clock())


async def test_nobody_with_keys_is_well(app: Application) -> None:
    await stored(app, "exp-0", keys=None)
    assert (await checked_accounts(app)).health is Health.OK


async def test_every_account_is_asked_and_the_wrong_ones_are_named_by_field(app: Application) -> None:
    await stored(app, "exp-1")
    await stored(app, "exp-2", GOOD.model_copy(update={"secret_key": "wrong-secret"}))
    await stored(app, "exp-3", series="Nie ma")
    check = await checked_accounts(app)
    assert check.health is Health.FAILED
    assert "1 of 3 accounts proved" in check.told
    assert "exp-2 (wfirma.access_key issuer_not_ready, wfirma.secret_key issuer_not_ready; never taken)" in check.told
    assert "exp-3 (invoice_series issuer_not_ready; never taken)" in check.told
    assert "exp-1" not in check.told
    assert not {"sandbox-access", "sandbox-secret", "wrong-secret"} & set(check.told.split())
    assert "\n" not in check.told


async def test_of_an_account_that_is_refused_doctor_says_when_its_keys_were_taken_last(app: Application) -> None:
    await stored(app, "exp-1", GOOD.model_copy(update={"secret_key": "wrong-secret"}))
    taken = datetime(2026, 11, 22, 10, tzinfo=UTC)
    async with app.store.transaction() as db:
        await db.login_accepted("exp-1", taken, taken)
    assert "last taken 2026-11-22T10:00:00Z" in (await checked_accounts(app)).told


async def test_a_wrong_key_of_the_platform_is_told_as_such_and_nobody_else_is_blamed(
    folder: Path, running: RunningSandbox
) -> None:
    async with application(load(env(folder, running, WFIRMA_APP_KEY="another-app"))) as app:
        await stored(app, "exp-1")
        assert "refused: exp-1" in (await checked_accounts(app)).told, "one account alone tells nothing"
        await stored(app, "exp-2")
        check = await checked_accounts(app)
    assert check.health is Health.FAILED
    assert "WFIRMA_APP_KEY" in check.told
    assert "exp-" not in check.told


async def test_while_wfirma_is_away_doctor_warns_and_says_of_whom(app: Application, running: RunningSandbox) -> None:
    await stored(app, "exp-1")
    async with aiohttp.ClientSession() as session:
        await session.post(f"{running.wfirma_url}/_sandbox/faults", json={"fault": "out_of_service"})
    check = await checked_accounts(app)
    assert (check.health, "not known now: exp-1" in check.told) == (Health.WARNING, True)


async def test_a_number_of_experts_is_asked_and_the_rest_is_counted(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_check, "MOST", 2)
    for number in range(5):
        await stored(app, f"exp-{number}")
    assert "2 of 2 accounts proved; 3 more were not asked" in (await checked_accounts(app)).told
