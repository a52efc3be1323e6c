"""Commands that decide: recorded once with who decided, one report a case, and left for Temporal while that is away."""

import json
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter
from temporalio.client import Client

from invoicing.bootstrap import Application, application, utc_now
from invoicing.domain.cases import CaseDocument, ExpertDocument
from invoicing.domain.decisions import Decided, DecisionKind
from invoicing.domain.issuing import plan_invoice
from invoicing.domain.records import Alert, Capture, FailedTask, TaskKind
from invoicing.domain.state import InvoiceState, InvoiceStatus, Parked, PaymentState, PaymentStatus, Step
from invoicing.errors import Cause, NotFound
from invoicing.settings import load
from tests.fixtures_temporal import running_dev_server
from tests.unit.starter.commands import AUTOPAY, EXAMPLES, answer, case, environment, starter
from workflows.identity import case_action_id

PAID = PaymentState(status=PaymentStatus.COMPLETED, attempt=1, remote_id="9ABC000001", paid_at=utc_now())
FAILED: dict[str, Any] = {
    "payment": PAID,
    "invoice": InvoiceState(status=InvoiceStatus.FAILED, attempts=3, reason="invoice_failed"),
    "parked": Parked(step=Step.INVOICE, cause=Cause.CONNECTIVITY, code="issuer_unreachable", attempts=3),
}
OPEN: dict[str, Any] = {"payment": PaymentState(status=PaymentStatus.OPEN, attempt=1)}
INVOICED: dict[str, Any] = {
    "payment": PAID,
    "invoice": InvoiceState(status=InvoiceStatus.AVAILABLE, number="FV/1", sha256="0" * 64, attempts=1),
}
BUYER = {**case("c-1")["billing_data"], "tax_id": "1234563218"}

ACTS: dict[str, tuple[list[str], dict[str, Any], DecisionKind, dict[str, str]]] = {
    "regenerate": (["regenerate", "c-1"], FAILED, DecisionKind.REGENERATE_INVOICE, {}),
    "resend": (["resend", "c-1"], INVOICED, DecisionKind.RESEND_INVOICE, {}),
    "resend to": (["resend", "c-1", "--email", "inny@example.com"], INVOICED, DecisionKind.RESEND_INVOICE,
                  {"email": "inny@example.com"}),
    "refund": (["refund", "c-1", "--reason", "paid twice"], INVOICED, DecisionKind.REFUND, {"reason": "paid twice"}),
    "refund of": (["refund", "c-1", "--amount", "10", "--reason", "less work"], INVOICED, DecisionKind.REFUND,
                  {"amount": "10.00", "reason": "less work"}),
    "give up": (["give-up", "c-1"], FAILED, DecisionKind.GIVE_UP, {}),
    "check": (["check-payment", "c-1"], OPEN, DecisionKind.CHECK_PAYMENT_NOW, {}),
    "attach": (["attach", "c-1", "own.pdf"], FAILED, DecisionKind.ATTACH_INVOICE, {}),
    "correct": (["correct", "c-1", "buyer.json"], FAILED, DecisionKind.CORRECT_BILLING_DATA, {}),
}  # fmt: skip
"""The command line, the state in which it makes sense, and what is recorded."""


def opened(folder: Path) -> Any:
    """The application on the folder's database."""
    return application(load(environment(folder, **AUTOPAY)))


async def staged(folder: Path, *case_ids: str, **changes: Any) -> None:
    """Cases in a state, with the money that the state speaks of, and the files that commands are given."""
    writer, content = PdfWriter(), BytesIO()
    writer.add_blank_page(200, 200)
    writer.write(content)
    (folder / "own.pdf").write_bytes(content.getvalue())
    (folder / "correction.json").write_text(json.dumps({"reason": "nobody came", "to_zero": True}), encoding="utf-8")
    (folder / "buyer.json").write_text(json.dumps(BUYER), encoding="utf-8")
    async with opened(folder) as app:
        for number, case_id in enumerate(case_ids):
            await app.intake.record_case(CaseDocument.model_validate(case(case_id)), "service:test")
            async with app.store.transaction() as db:
                state = (await db.facts(case_id)).state
                payment = changes.get("payment")
                if payment is not None and payment.status is PaymentStatus.COMPLETED:
                    money = case_gross(state.gross)
                    await db.add_capture(
                        Capture(
                            service_id="100001",
                            remote_id=f"9ABC{number:06}",
                            case_id=case_id,
                            currency="PLN",
                            order_id=f"{case_id}-1",
                            amount=money,
                            kept=True,
                            captured_at=utc_now(),
                            via="autopay",
                        )
                    )
                await db.save(state.model_copy(update=changes))


async def with_expert(app: Application) -> None:
    """The sample expert, who issues the invoices of these cases."""
    expert = ExpertDocument.model_validate_json((EXAMPLES / "expert.json").read_bytes())
    async with app.store.transaction() as db:
        await db.save_expert("exp-1", expert, utc_now())


def case_gross(gross: Any) -> Any:
    """The total, which every case of these tests has."""
    assert gross is not None
    return gross


async def decisions(folder: Path, case_id: str = "c-1") -> list[Decided]:
    """What was decided, in order."""
    found: list[Decided] = []
    async with opened(folder) as app, app.store.reading() as db:
        while True:
            try:
                found.append(await db.decision(case_id, len(found) + 1))
            except NotFound:
                return found


@pytest.mark.parametrize("act", ACTS)
async def test_a_decision_is_recorded_once_with_who_decided_and_waits_while_temporal_is_away(
    folder: Path, act: str
) -> None:
    line, before, kind, body = ACTS[act]
    await staged(folder, "c-1", **before)
    for who in ("cli", "ewa"):
        named = [] if who == "cli" else ["--name", who]
        done = starter(folder, *line, *named, "--json", **AUTOPAY)
        told = answer(done)
        assert done.returncode == 3, done.stderr
        assert (told["case_id"], told["accepted"], told["handed_over"]) == ("c-1", True, False)
        assert told["code"] == "temporal_unreachable"
        if kind in {DecisionKind.RESEND_INVOICE, DecisionKind.CHECK_PAYMENT_NOW}:
            break  # may be wished again in another minute
    (decided,) = await decisions(folder)
    assert (decided.kind, decided.actor) == (kind, "ops:cli")
    assert body.items() <= decided.body.items()


@pytest.mark.parametrize("act", ["regenerate", "resend", "refund of", "attach"])
async def test_a_key_decides_once_and_another_key_is_another_decision(folder: Path, act: str) -> None:
    line, before, kind, _ = ACTS[act]
    await staged(folder, "c-1", **before)
    for key in ("a", "a", "b"):
        assert starter(folder, *line, "--key", key, **AUTOPAY).returncode == 3
    assert [d.key for d in await decisions(folder)] == [f"{kind.value}:c-1:{key}" for key in ("a", "b")]


@pytest.mark.parametrize(
    ("line", "before", "told"),
    [
        (["regenerate", "c-1"], OPEN, "action_not_allowed: No invoice waits"),
        (["resend", "c-1"], OPEN, "action_not_allowed: There is no document"),
        (["resend", "c-1", "--email", "nobody"], INVOICED, "invalid: email bad_email"),
        (["refund", "c-1", "--reason", "x"], OPEN, "action_not_allowed: Nothing is left"),
        (["refund", "c-1", "--reason", "x", "--amount", "999999"], INVOICED, "invalid: amount amount_too_large"),
        (["refund", "c-1", "--reason", "x", "--amount", "0"], INVOICED, "invalid: amount amount_too_small"),
        (["refund", "c-1", "--reason", "x", "--remote-id", "9NOBODY"], INVOICED, "invalid: remote_id bad_format"),
        (["give-up", "c-1"], OPEN, "action_not_allowed: Nothing waits"),
        (["check-payment", "c-1"], INVOICED, "action_not_allowed: No payment"),
        (["attach", "c-1", "own.pdf"], OPEN, "action_not_allowed: The case waits for no document"),
        (["attach", "c-1", "buyer.json"], FAILED, "document_refused: the file may not be kept: not_pdf"),
        (["attach", "c-1", "absent.pdf"], FAILED, "absent.pdf cannot be read"),
        (["correct", "c-1", "buyer.json"], INVOICED, "action_not_allowed: The invoice is issued already"),
        (
            ["correct-invoice", "c-1", "correction.json"],
            INVOICED,
            "corrected_elsewhere: the invoice was issued",
        ),
        (["correct-invoice", "c-1", "correction.json"], FAILED, "action_not_allowed: No invoice has been issued"),
        (["correct-invoice", "c-1", "empty.json"], INVOICED, "invalid: reason missing"),
        (["correct", "c-1", "own.pdf"], FAILED, "invalid: "),
        (["correct", "c-1", "empty.json"], FAILED, "name missing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
async def test_what_makes_no_sense_is_refused_with_the_reason_and_nothing_is_recorded(
    folder: Path, line: list[str], before: dict[str, Any], told: str
) -> None:
    await staged(folder, "c-1", **before)
    (folder / "empty.json").write_text("{}")
    done = starter(folder, *line, "--json", **AUTOPAY)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("c-1: ") and told in done.stderr
    assert answer(done)["accepted"] is False
    assert await decisions(folder) == []


async def test_of_many_cases_each_is_reported_and_one_that_is_refused_stops_no_other(folder: Path) -> None:
    await staged(folder, "c-1", "c-2", **FAILED)
    done = starter(folder, "regenerate", "c-1", "nobody", "c-2", "c-1", "--yes", "--json", **AUTOPAY)
    items = answer(done)["items"]
    assert done.returncode == 3
    assert [(item["case_id"], item["accepted"], item["code"]) for item in items] == [
        ("c-1", True, "temporal_unreachable"),
        ("nobody", False, "not_found"),
        ("c-2", True, "temporal_unreachable"),
    ]
    assert len(await decisions(folder, "c-2")) == 1


async def test_new_data_of_a_case_that_waits_for_nothing_need_no_temporal(folder: Path) -> None:
    await staged(folder, "c-1", **OPEN)
    done = starter(folder, "correct", "c-1", "-", given=json.dumps(BUYER), **AUTOPAY)
    assert (done.returncode, done.stdout) == (0, "c-1: recorded\n"), done.stderr
    async with opened(folder) as app:
        billing = (await app.intake.facts("c-1")).billing
    assert billing is not None
    assert billing.tax_id == BUYER["tax_id"]


async def test_an_issued_invoice_is_corrected_by_a_file_and_what_changes_nothing_is_told(folder: Path) -> None:
    await staged(folder, "c-1", **INVOICED)
    expert = ExpertDocument.model_validate_json((EXAMPLES / "expert.json").read_bytes())
    async with opened(folder) as app:
        await with_expert(app)
        facts = await app.intake.facts("c-1")
        assert facts.billing is not None
        invoice = plan_invoice(
            facts.document, facts.billing, expert, number="FV/1", issued_on=date(2026, 11, 22), paid_at=utc_now(),
            payment_reference="9ABC", language="pl",
        )  # fmt: skip
        async with app.store.transaction() as db:
            await db.add_invoice(invoice, "1234563218|FV/{number}", "", 1)
    done = starter(folder, "correct-invoice", "c-1", "correction.json", "--json", **AUTOPAY)
    assert (done.returncode, answer(done)["accepted"]) == (3, True), done.stderr
    (decided,) = await decisions(folder)
    assert (decided.kind, decided.actor) == (DecisionKind.CORRECT_INVOICE, "ops:cli")
    assert decided.body == {"reason": "nobody came", "to_zero": "true"}
    same = json.dumps({"reason": "the same", "billing_data": case("c-1")["billing_data"]})
    again = starter(folder, "correct-invoice", "c-1", "-", given=same, **AUTOPAY)
    assert (again.returncode, "nothing_to_correct" in again.stderr) == (1, True), again.stderr


async def test_documents_are_written_to_files_and_what_is_not_there_is_told(folder: Path) -> None:
    await staged(folder, "c-1")
    async with opened(folder) as app:
        await with_expert(app)
    done = starter(folder, "document", "c-1", "pro-forma", "--json", **AUTOPAY)
    assert (done.returncode, answer(done)["file"]) == (0, "PF-c-1.pdf"), done.stderr
    named = starter(folder, "document", "c-1", "pro-forma", "--output", "own.pdf", **AUTOPAY)
    assert named.returncode == 0, named.stderr
    assert (folder / "PF-c-1.pdf").read_bytes() == (folder / "own.pdf").read_bytes()
    assert (folder / "own.pdf").read_bytes().startswith(b"%PDF-")
    for line, told in (
        (["c-1"], "no_invoice"),
        (["c-1", "duplicate"], "no_invoice"),
        (["nobody", "pro-forma"], "not_found"),
        (["c-1", "pro-forma", "--output", "."], "cannot be written"),
    ):
        refused = starter(folder, "document", *line, **AUTOPAY)
        assert (refused.returncode, told in refused.stderr) == (1, True), refused.stderr
    assert starter(folder, "document", "c-1", "everything", **AUTOPAY).returncode == 2


async def failed(app: Application, case_id: str, kind: TaskKind, code: str) -> None:
    """What parking and deliveries leave for people."""
    now = utc_now()
    async with app.store.transaction() as db:
        await db.open_task(FailedTask(key=f"{kind}:{case_id}", kind=kind, case_id=case_id, code=code, opened_at=now))


async def test_failures_are_told_by_cause_and_a_parked_case_once(folder: Path) -> None:
    await staged(folder, "c-1", "c-2", **FAILED)
    await staged(folder, "c-3", **INVOICED)
    async with opened(folder) as app:
        for case_id in ("c-1", "c-2", "c-3"):
            alert = Alert(
                key=f"parked:{case_id}", case_id=case_id, step=Step.INVOICE, cause=Cause.CONNECTIVITY,
                code="issuer_unreachable", opened_at=utc_now(),
            )  # fmt: skip
            async with app.store.transaction() as db:
                await db.open_alert(alert)
        await failed(app, "c-1", TaskKind.INVOICE, "issuer_unreachable")
        await failed(app, "c-3", TaskKind.EMAIL, "mail_refused")
    told = answer(starter(folder, "failures", "--json"))
    assert [(item["cause"], item["kind"], item["case_id"]) for item in told["items"]] == [
        ("billing_data", "email", "c-3"),
        ("connectivity", "parked", "c-1"),
        ("connectivity", "parked", "c-2"),
    ]
    assert told["causes"] == {"billing_data": 1, "connectivity": 2}
    assert all(item["message"] for item in told["items"])
    text = starter(folder, "failures", "--cause", "connectivity").stdout
    assert "parked: generate_invoice" in text and "c-3" not in text
    assert text.splitlines()[-1] == "connectivity: 2"


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dev server."""
    with running_dev_server(tmp_path_factory.mktemp("temporal") / "log") as address:
        yield address


async def test_with_temporal_the_decision_about_a_closed_case_is_handed_over_before_the_command_ends(
    folder: Path, temporal: str
) -> None:
    await staged(folder, "c-1", "c-2", **INVOICED, closed=True)
    assert starter(folder, "resend", "c-1", **AUTOPAY).returncode == 3
    done = starter(folder, "resend", "c-2", "--json", TEMPORAL_ADDRESS=temporal, **AUTOPAY)
    assert done.returncode == 0, done.stderr
    assert (answer(done)["handed_over"], answer(done)["code"]) == (True, None)
    client = await Client.connect(temporal)
    for case_id in ("c-1", "c-2"):  # what waited since Temporal was away goes too
        await client.get_workflow_handle(case_action_id(case_id, 1)).describe()
