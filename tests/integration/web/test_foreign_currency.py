"""A case in euro: refused before money moves without a source of rates, invoiced with VAT in PLN with one."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoicing.documents.builtin import BuiltinIssuer
from invoicing.documents.pdf.invoice import render
from invoicing.domain.state import PaymentState, PaymentStatus
from invoicing.domain.validation import content_faults
from invoicing.errors import SettingsFault
from invoicing.gateways.nbp.table import TableRates
from invoicing.ports import ExchangeRates, IssueOrder
from invoicing.settings import load
from tests.integration.web.stage import CASE, KEY, Stage, settings, staged

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
RATES = "date,currency,rate,table\n2026-11-19,EUR,4.9,x\n2026-11-20,EUR,4.2518,225/A/NBP/2026\n"
EURO = [{"currency": "EUR", "service_id": "100002", "shared_key": KEY, "base_url": "http://127.0.0.1:9"}]


def with_euro(folder: Path, **more: str) -> dict[str, str]:
    """Settings with an Autopay service in euro."""
    plain = {"AUTOPAY_BASE_URL": None, "AUTOPAY_SERVICE_ID": None, "AUTOPAY_SHARED_KEY": None}
    return settings(folder, **plain, AUTOPAY_SERVICES=json.dumps(EURO), **more)


def rates_file(folder: Path, content: str = RATES) -> str:
    path = folder / "rates.csv"
    path.write_text(content)
    return str(path)


async def paid(stage: Stage, rates: ExchangeRates | None) -> tuple[BuiltinIssuer, IssueOrder]:
    await stage.recorded(currency="EUR")
    paid_at = PaymentState(status=PaymentStatus.COMPLETED, attempt=1, paid_at=MONDAY, reference="9A")
    await stage.state(payment=paid_at)
    issuer = BuiltinIssuer(stage.app.store, stage.app.documents, render, lambda: MONDAY, rates)
    return issuer, IssueOrder(await stage.facts())


async def test_without_rates_a_taxed_case_of_our_own_issuer_is_refused_before_money_moves(folder: Path) -> None:
    async with staged(with_euro(folder)) as stage:
        await stage.recorded(currency="EUR")
        answer = await stage.send("POST", f"/v1/cases/{CASE}/payment")
        assert answer.status_code == 422
        assert [(f["field"], f["code"]) for f in answer.json()["errors"]] == [("currency", "currency_not_supported")]
        assert (await stage.app.store.waiting())["outbox"] == 0


@pytest.mark.parametrize("source", ["EXCHANGE_RATES_FILE", "NBP_BASE_URL"])
async def test_with_a_source_of_rates_it_can_be_paid_and_nobody_is_asked_yet(folder: Path, source: str) -> None:
    given = {"EXCHANGE_RATES_FILE": rates_file(folder), "NBP_BASE_URL": "http://127.0.0.1:1/api"}
    async with staged(with_euro(folder, **{source: given[source]})) as stage:
        await stage.recorded(currency="EUR")
        assert (await stage.send("POST", f"/v1/cases/{CASE}/payment")).status_code == 202
        facts = await stage.facts()
        assert content_faults(facts.document, facts.billing, facts.expert, stage.app.rules) == ()


async def test_the_rate_is_kept_on_the_stored_invoice_and_not_asked_for_again(folder: Path) -> None:
    path = rates_file(folder)
    async with staged(with_euro(folder, EXCHANGE_RATES_FILE=path)) as stage:
        issuer, order = await paid(stage, TableRates(Path(path)))
        issued = await issuer.issue(order)
        assert await issuer_with(stage, None).issue(order) == issued
        async with stage.app.store.reading() as db:
            stored = await db.invoice(CASE)
        assert stored is not None
        exchange = stored.invoice.exchange
        assert exchange is not None
        assert (exchange.rate, exchange.table, exchange.on.isoformat()) == (
            Decimal("4.2518"),
            "225/A/NBP/2026",
            "2026-11-20",
        )
        assert (stored.invoice.vat, exchange.vat_pln) == (Decimal("74.52"), Decimal("316.84"))


async def test_a_missing_rate_takes_no_number(folder: Path) -> None:
    async with staged(with_euro(folder)) as stage:
        without, order = await paid(stage, None)
        empty = issuer_with(stage, TableRates(Path(rates_file(folder, RATES.splitlines()[0] + "\n"))))
        for issuer in (without, empty):
            with pytest.raises(SettingsFault) as caught:
                await issuer.issue(order)
            assert caught.value.code == "exchange_rate_missing"
        issued = await issuer_with(stage, TableRates(Path(rates_file(folder)))).issue(order)
        assert issued.number == "FV/1/11/2026"


def issuer_with(stage: Stage, rates: ExchangeRates | None) -> BuiltinIssuer:
    return BuiltinIssuer(stage.app.store, stage.app.documents, render, lambda: MONDAY, rates)


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"EXCHANGE_RATES_FILE": "absent.csv"}, "EXCHANGE_RATES_FILE"), ({"NBP_BASE_URL": "api.nbp.pl"}, "NBP_BASE_URL")],
)
def test_a_wrong_setting_is_named(folder: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsFault, match=told):
        load(settings(folder, **changes))


async def test_a_wrong_line_of_the_file_stops_the_process_at_start(folder: Path) -> None:
    path = rates_file(folder, RATES + "2026-11-23,EUR,zero,x\n")
    with pytest.raises(SettingsFault, match="line 4"):
        async with staged(with_euro(folder, EXCHANGE_RATES_FILE=path)):
            pass
