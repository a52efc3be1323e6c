"""The sample cases of the demonstration: what each tells, how its client behaves, and where it must end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from examples.documents import COMPANY, EXPERT, case_document

PAID_AT = "2026-11-22T10:00:00Z"

EXPERTS: Mapping[str, Mapping[str, Any]] = {
    "exp-1": EXPERT,
    "exp-2": {**EXPERT, "issuer": "none", "invoice_series": None},
    "exp-3": {
        **EXPERT,
        "issuer": "wfirma",
        "invoice_series": None,
        "wfirma": {"access_key": "sandbox-access", "secret_key": "sandbox-secret", "company_id": None},
    },
}

OWN_INVOICE = Path(__file__).with_name("invoices") / "01-ordinary.pdf"
"""A document that an expert made himself."""

WRONG_NIP: Mapping[str, Any] = {**COMPANY, "tax_id": "5260250275"}


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a case must stand: codes of the state record, open alerts, tries, and what its timeline must tell.

    `dead` are orders that must have been proved dead at the gateway: asked about, cancelled, nothing but failures.
    """

    payment: str
    invoice: str
    parked: bool = False
    alerts: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    attempts: int | None = None
    dead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One case.

    `payer` is how the stand-in's client behaves for its orders, `payer_again` how he behaves once he has pressed
    `Ponów płatność` after a failed attempt, `failures` how often wFirma is out of service for the case. When it is
    parked ops send `correction` or, with `regenerated`, have the invoice tried again; `attached` is the expert's own
    file.
    """

    case_id: str
    story: str
    ending: Ending
    expert_id: str = "exp-1"
    billing_data: Mapping[str, Any] = field(default_factory=lambda: dict(COMPANY))
    external: bool = False
    payer: Mapping[str, Any] | None = None
    payer_again: Mapping[str, Any] | None = None
    correction: Mapping[str, Any] | None = None
    failures: int = 0
    regenerated: bool = False
    attached: Path | None = None

    def document(self) -> dict[str, Any]:
        """The case document as the API takes it."""
        external = {"method": "external", "reference": f"TRANSFER-{self.case_id}", "paid_at": PAID_AT}
        return case_document(
            case_id=self.case_id,
            expert_id=self.expert_id,
            billing_data=dict(self.billing_data),
            payment=external if self.external else {"method": "autopay"},
        )


INVOICED = Ending("completed", "available")

SAMPLES = (
    Sample("demo-happy", "pays by Autopay, message comes at once", INVOICED, payer={"action": "pay"}),
    Sample("demo-external", "arrives already paid", INVOICED, external=True),
    Sample("demo-refused", "card refused", Ending("failed", "pay_again"), payer={"action": "refuse"}),
    Sample(
        "demo-cancelled",
        "cancels at the gateway, presses again and pays",
        Ending("completed", "available", events=("payment_failed", "payment_completed"), dead=("demo-cancelled-1",)),
        payer={"action": "cancel"},
        payer_again={"action": "pay"},
    ),
    Sample(
        "demo-late",
        "pays, message comes late",
        INVOICED,
        payer={"action": "pay", "itn": "delay", "delay_seconds": 2},
    ),
    Sample(
        "demo-silent", "pays, message never comes: found by asking", INVOICED, payer={"action": "pay", "itn": "drop"}
    ),
    Sample(
        "demo-twice",
        "pays twice: one payment kept, the other given back",
        Ending("completed", "available", events=("payment_duplicate", "refund_done")),
        payer={"action": "pay_twice"},
    ),
    Sample("demo-by-hand", "expert sends the invoice himself", Ending("completed", "manual"), "exp-2", external=True),
    Sample(
        "demo-wrong-nip",
        "already paid, wrong NIP: waits for a person",
        Ending("completed", "generating", parked=True, alerts=("billing_data_invalid",)),
        billing_data=WRONG_NIP,
        external=True,
    ),
    Sample(
        "demo-corrected",
        "already paid, wrong NIP, then corrected",
        INVOICED,
        billing_data=WRONG_NIP,
        external=True,
        correction=COMPANY,
    ),
    Sample("demo-wfirma", "expert's books at wFirma", INVOICED, "exp-3", external=True),
    Sample(
        "demo-wfirma-2-fails",
        "wFirma fails twice, the third attempt issues",
        Ending("completed", "available", attempts=3),
        "exp-3",
        external=True,
        failures=2,
    ),
    Sample(
        "demo-wfirma-3-fails",
        "wFirma fails three times, then regenerated",
        Ending("completed", "available", events=("parked", "resumed"), attempts=1),
        "exp-3",
        external=True,
        failures=3,
        regenerated=True,
    ),
    Sample(
        "demo-attached",
        "expert sends the invoice himself and attaches it",
        Ending("completed", "manual", events=("invoice_attached", "invoice_mailed")),
        "exp-2",
        external=True,
        attached=OWN_INVOICE,
    ),
)
