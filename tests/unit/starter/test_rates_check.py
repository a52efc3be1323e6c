"""What `doctor` says about exchange rates."""

import json
from datetime import UTC, datetime
from pathlib import Path

from invoicing.gateways.nbp.table import TableRates
from invoicing.settings import load
from starter.checks import _rates, configured
from starter.health import Health

EURO = json.dumps([{"currency": "EUR", "service_id": "1", "shared_key": "key", "base_url": "http://127.0.0.1:9"}])


def warned(env: dict[str, str]) -> set[str]:
    return {check.name for check in configured(load(env)) if check.health is Health.WARNING}


def test_a_service_in_a_foreign_currency_without_rates_is_a_warning() -> None:
    assert "EXCHANGE_RATES_FILE" in warned({"AUTOPAY_SERVICES": EURO})
    assert "EXCHANGE_RATES_FILE" not in warned({"AUTOPAY_SERVICES": EURO, "NBP_BASE_URL": "http://127.0.0.1:9"})
    assert "EXCHANGE_RATES_FILE" not in warned({"AUTOPAY_SERVICES": EURO.replace("EUR", "PLN")})
    assert "EXCHANGE_RATES_FILE" not in warned({})


async def test_the_rate_of_the_day_before_is_told(tmp_path: Path) -> None:
    (tmp_path / "rates.csv").write_text("date,currency,rate,table\n2026-11-20,EUR,4.2518,225/A/NBP/2026\n")
    told = await _rates(TableRates(tmp_path / "rates.csv"), datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    assert (told.health, told.told) == (Health.OK, "EUR 4.2518 of 2026-11-20, table 225/A/NBP/2026")
