"""Who must issue invoices through KSeF, by date (VAT Act art. 106ga and following; penalties art. 106ni).

Duties are those of sellers established in Poland; invoices to natural persons not in business stay outside throughout.
Re-check the dates against the act before relying on a later one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Duty:
    """From which day on, and what."""

    since: date
    duty: str


DUTIES = (
    Duty(date(2026, 2, 1), "sellers whose gross sales of 2024 exceeded 200 million PLN"),
    Duty(
        date(2026, 4, 1),
        "every seller but those whose gross invoiced sales stay at or under 10,000 PLN a month; "
        "the invoice that crosses that line goes through KSeF already",
    ),
    Duty(date(2027, 1, 1), "every seller, with penalties for invoices outside (art. 106ni)"),
)
"""In order of time."""


def duty_on(day: date) -> str:
    """What the law asks on a day, and what comes next."""
    present = [step for step in DUTIES if step.since <= day]
    coming = [step for step in DUTIES if step.since > day]
    now = f"since {present[-1].since}: {present[-1].duty}" if present else "no duty yet"
    following = f"; from {coming[0].since}: {coming[0].duty}" if coming else ""
    return (
        f"KSeF for invoices to businesses, {now}{following}. "
        "The built-in issuer does not send to KSeF: experts with this duty need `ksef` = `required`"
    )
