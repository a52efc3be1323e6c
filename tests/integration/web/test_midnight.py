"""Attempts that cross midnight, the end of a month or of a year keep the number and the date of the first one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from invoicing.documents.builtin import BuiltinIssuer
from invoicing.documents.pdf.assets import Assets
from invoicing.documents.pdf.invoice import render
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.invoices import Invoice
from invoicing.ports import CorrectionOrder, IssueOrder
from tests.integration.web.corrected import CHEAPER, PAID
from tests.integration.web.stage import Stage

BEFORE = [
    pytest.param(datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), date(2026, 12, 31), "12/2026", id="end of the year"),
    pytest.param(datetime(2027, 2, 28, 22, 59, 59, tzinfo=UTC), date(2027, 2, 28), "02/2027", id="end of a month"),
    pytest.param(datetime(2027, 3, 27, 22, 59, 59, tzinfo=UTC), date(2027, 3, 27), "03/2027", id="clocks go forward"),
    pytest.param(datetime(2026, 10, 24, 21, 59, 59, tzinfo=UTC), date(2026, 10, 24), "10/2026", id="clocks go back"),
]
"""The last second of a day in Warsaw, that day, and the period in the number."""


class DiedError(Exception):
    """The process is gone behind the number and before the document."""


def die(invoice: Invoice, assets: Assets, duplicate_on: Any = None) -> bytes:
    raise DiedError


@pytest.mark.parametrize(("now", "day", "period"), BEFORE)
async def test_an_attempt_that_crosses_midnight_keeps_number_and_date(
    stage: Stage, now: datetime, day: date, period: str
) -> None:
    await stage.recorded()
    await stage.state(payment=PAID)
    order = IssueOrder(await stage.facts())

    def issuer(drawn: Any, at: datetime) -> BuiltinIssuer:
        return BuiltinIssuer(stage.app.store, stage.app.documents, drawn, lambda: at)

    with pytest.raises(DiedError):
        await issuer(die, now).issue(order)
    issued = await issuer(render, now + timedelta(seconds=2)).issue(order)
    assert (issued.number, issued.issued_on) == (f"FV/1/{period}", day)
    wish = CorrectionOrder(await stage.facts(), 1, CorrectionRequest.model_validate(CHEAPER))
    with pytest.raises(DiedError):
        await issuer(die, now).correct(wish)
    corrected = await issuer(render, now + timedelta(seconds=2)).correct(wish)
    assert (corrected.number, corrected.issued_on) == (f"KFV/1/{period}", day)
    later = await issuer(render, now + timedelta(seconds=2)).correct_to_zero(IssueOrder(wish.facts, 2, 2))
    assert later.issued_on == day + timedelta(days=1), "the next document has the next day"
