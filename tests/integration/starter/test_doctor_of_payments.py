"""What `doctor` tells of a payment service, against the stand-in."""

from pathlib import Path

import pytest

from invoicing.bootstrap import application
from invoicing.errors import SettingsFault
from invoicing.sandbox.autopay.desk import DEFAULT_SERVICE, AutopayOptions
from invoicing.sandbox.running import MailOptions, SandboxOptions, sandbox
from invoicing.sandbox.wfirma.desk import WfirmaOptions
from invoicing.settings import load
from starter.autopay_check import payment_service
from starter.health import Check, Health


async def checked(folder: Path, key: str) -> Check:
    options = SandboxOptions(
        autopay=AutopayOptions(port=0), mail=MailOptions(smtp_port=0, mailbox_port=0), wfirma=WfirmaOptions(port=0)
    )
    async with sandbox(options) as running:
        settings = load(
            {
                "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'paidcase.db'}",
                "DOCUMENTS_URL": str(folder / "documents"),
                "AUTOPAY_BASE_URL": running.autopay_url,
                "AUTOPAY_SERVICE_ID": DEFAULT_SERVICE.service_id,
                "AUTOPAY_SHARED_KEY": key,
            }
        )
        async with application(settings) as app:
            return await payment_service(app, settings.autopay[0])


async def test_a_service_that_answers_is_told_with_its_ways_to_pay(folder: Path) -> None:
    check = await checked(folder, DEFAULT_SERVICE.shared_key)
    assert check.health is Health.OK
    assert "service 100001 answers at http://127.0.0.1" in check.told
    assert check.told.endswith("3 of 3 ways to pay are available")


async def test_a_wrong_key_is_a_fault_of_the_settings(folder: Path) -> None:
    with pytest.raises(SettingsFault) as caught:
        await checked(folder, "another-key")
    assert caught.value.code == "gateway_settings"
