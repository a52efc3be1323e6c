"""Composition root: settings in, ready objects out. The only place that names adapters."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import GrpcCompression
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig, WorkerDeploymentVersion

from activities.attachments import AttachmentActivities
from activities.billing_data import BillingDataActivities
from activities.brownouts import BrownoutActivities
from activities.corrections import CorrectionActivities
from activities.decisions import DecisionActivities
from activities.delivery import Postman, message_ids
from activities.experts import ExpertActivities
from activities.gates import Gates
from activities.interruptions import InterruptionActivities
from activities.invoices import NO_ISSUER, InvoiceActivities
from activities.mail import MailActivities
from activities.payments import PaymentActivities
from activities.reconciliation import ReconciliationActivities
from activities.recording import FailureRecorder
from activities.records import RecordActivities
from activities.refunds import RefundActivities
from activities.registers import RegisterDesk
from activities.sweeping import SweepActivities, Sweeper
from activities.watching import WatchActivities
from invoicing.build import build_id
from invoicing.deciding import Deciding
from invoicing.documents.builtin import BuiltinIssuer
from invoicing.documents.drawing import Draughtsman
from invoicing.documents.inspect import PdfInspector
from invoicing.documents.pdf.invoice import render
from invoicing.documents.pdf.logo import logo_fault
from invoicing.domain.brownouts import BrownoutLimits
from invoicing.domain.validation import ContentRules
from invoicing.experts import Experts
from invoicing.gateways.autopay.client import AutopayGateway
from invoicing.gateways.autopay.notifications import AutopayNotifications
from invoicing.gateways.autopay.registry import AutopayService, AutopayServices, HashKind
from invoicing.gateways.nbp.client import NbpRates
from invoicing.gateways.nbp.sources import RatesInOrder
from invoicing.gateways.nbp.table import TableRates, read_rates
from invoicing.gateways.registers.client import HttpTaxRegisters
from invoicing.gateways.smtp.mailer import SmtpMailer
from invoicing.gateways.wfirma.client import WfirmaClient
from invoicing.gateways.wfirma.issuer import WfirmaIssuer
from invoicing.gateways.wfirma.notes import StoredNotes
from invoicing.intake import Intake
from invoicing.keyring import EncryptedPayloads, KeyRing
from invoicing.papers import Papers
from invoicing.ports import (
    CaseStore,
    Clock,
    DocumentStore,
    ExchangeRates,
    Issuer,
    Mailer,
    PaymentGateway,
    PaymentNotifications,
    SealedSecrets,
    TaxRegisters,
)
from invoicing.ports import utc_now as utc_now
from invoicing.relay import Relay
from invoicing.runs import TemporalRuns
from invoicing.setting_values import is_loopback
from invoicing.settings import Settings, payload_keys
from invoicing.storage.files import FileDocumentStore
from invoicing.storage.idempotency import SqlAnswers
from invoicing.storage.restoring import Backups
from invoicing.storage.schema import upgrade
from invoicing.storage.store import SqlCaseStore
from invoicing.tokens import Tokens
from workflows.case_action import CaseAction
from workflows.identity import TASK_QUEUE
from workflows.paid_case import PaidCase
from workflows.policies import Timing
from workflows.reconcile import Reconcile
from workflows.sweep import Sweep

GRACE = timedelta(seconds=25)
"""How long a stopping worker lets running activities finish; shorter than the usual 30 s before a kill."""

DEFAULT_TEMPORAL = "127.0.0.1:7233"
WORKFLOWS = (PaidCase, CaseAction, Reconcile, Sweep)


@dataclass(frozen=True, slots=True)
class Wakeup:
    """Rings whoever delivers what was just accepted in this process."""

    listeners: list[Callable[[], None]] = field(default_factory=list)

    def ring(self) -> None:
        """Tell every listener."""
        for listener in self.listeners:
            listener()


@dataclass(frozen=True, slots=True)
class Application:
    """Everything an entry point needs, wired."""

    settings: Settings
    clock: Clock
    store: CaseStore
    documents: DocumentStore
    gateway: PaymentGateway
    notifications: PaymentNotifications
    mailer: Mailer
    rules: ContentRules
    timing: Timing
    intake: Intake
    experts: Experts
    deciding: Deciding
    papers: Papers
    inspect_pdf: Callable[[bytes], Awaitable[str | None]]
    logo_fault: Callable[[bytes], str | None]
    rates: ExchangeRates | None
    registers: TaxRegisters | None
    answers: SqlAnswers
    sealed: SealedSecrets
    tokens: Tokens
    wakeup: Wakeup
    activities: tuple[Callable[..., Any], ...]

    def relay(self, temporal: Client) -> Relay:
        """A relay of this process, woken by its intake."""
        relay = Relay(self.store, temporal, self.timing, self.clock, process_name())
        self.wakeup.listeners.append(relay.wake)
        return relay

    def sweeper(self, temporal: Client) -> Sweeper:
        """Compares open cases with the runs that Temporal knows."""
        return Sweeper(self.store, TemporalRuns(temporal), self.clock)

    def worker(self, temporal: Client) -> Worker:
        """A worker for every workflow and activity.

        Workflows run outside the SDK's sandbox, which costs half as much CPU again; their purity is checked by tests.
        """
        sweep = SweepActivities(self.sweeper(temporal))
        return Worker(
            temporal,
            task_queue=TASK_QUEUE,
            workflows=WORKFLOWS,
            activities=(*self.activities, sweep.sweep_cases, sweep.sweep_acts),
            workflow_runner=UnsandboxedWorkflowRunner(),
            interceptors=[FailureRecorder(self.store, self.clock)],
            graceful_shutdown_timeout=GRACE,
            max_cached_workflows=1000,
            max_concurrent_activities=100,
            max_concurrent_workflow_tasks=100,
            deployment_config=_deployment(self.settings),
        )


def process_name() -> str:
    """Name of this process in claims and signs of life."""
    return f"{socket.gethostname()}:{os.getpid()}"


@asynccontextmanager
async def application(settings: Settings, clock: Clock = utc_now) -> AsyncIterator[Application]:
    """Wire everything and close it afterwards. Nothing is connected before it is first used."""
    sealer = KeyRing(settings.secrets_keys) if settings.secrets_keys else None
    store = SqlCaseStore(settings.database_url, clock, sealer=sealer)
    documents = FileDocumentStore(settings.documents_url)
    registry = AutopayServices(
        AutopayService(s.service_id, s.currency, s.shared_keys, HashKind(s.hash), s.base_url, s.payment_path)
        for s in settings.autopay
    )
    gateway = AutopayGateway(registry, clock)
    mailer = _mailer(settings, clock)
    nbp = None if settings.nbp_base_url is None else NbpRates(settings.nbp_base_url, clock)
    rates = _rates(settings, nbp)
    registers = _registers(settings, clock)
    desk = RegisterDesk(registers, clock)
    issuers: dict[str, Issuer] = {"builtin": BuiltinIssuer(store, documents, render, clock, rates)}
    wfirma = _wfirma(settings, clock)
    if wfirma is not None:
        issuers["wfirma"] = WfirmaIssuer(wfirma, StoredNotes(store), documents, clock)
    rules = ContentRules(
        minimum_amount=settings.minimum_amount,
        autopay_currencies=frozenset(s.currency for s in settings.autopay),
        ready_issuers=frozenset({NO_ISSUER, *issuers}),
        knows_rates=rates is not None,
    )
    wakeup = Wakeup()
    postman = Postman(store, mailer, clock)
    ids = message_ids(settings.smtp.sender.rpartition("@")[2] or "paidcase.invalid")
    payments = PaymentActivities(store, gateway, clock, settings.public_url)
    watching = WatchActivities(store, gateway, clock)
    gates = Gates(store, clock, _brownout_limits(settings))
    invoices = InvoiceActivities(store, issuers, clock, gates)
    records = RecordActivities(store, clock)
    refunds = RefundActivities(store, gateway, clock)
    mails = MailActivities(store, documents, postman, ids, clock)
    decisions = DecisionActivities(store, clock)
    corrections = CorrectionActivities(store, documents, issuers, clock)
    try:
        yield Application(
            settings=settings,
            clock=clock,
            store=store,
            documents=documents,
            gateway=gateway,
            notifications=AutopayNotifications(registry),
            mailer=mailer,
            rules=rules,
            timing=_timing(settings),
            intake=Intake(store, rules, desk, clock, wakeup.ring, takes_payments=bool(settings.autopay)),
            experts=Experts(store, issuers, desk, clock),
            deciding=Deciding(store, documents, rules, clock, wakeup.ring),
            papers=Papers(store, Draughtsman(documents, render), rules, clock),
            inspect_pdf=PdfInspector(),
            logo_fault=logo_fault,
            rates=rates,
            registers=registers,
            answers=store.answers,
            sealed=store,
            tokens=Tokens(settings.auth_secrets),
            wakeup=wakeup,
            activities=(
                BillingDataActivities(store, rules, desk, clock).validate_billing_data,
                payments.charge,
                payments.settle_attempts,
                watching.watch_payment,
                watching.check_payment,
                watching.record_notification,
                refunds.refund_payment,
                refunds.watch_refund,
                ReconciliationActivities(store, gateway, clock).reconcile_page,
                invoices.generate_invoice,
                invoices.look_for_invoice,
                BrownoutActivities(store, issuers, gates, clock).wait_for_provider,
                AttachmentActivities(store, clock).attach_invoice,
                corrections.correct_after_refund,
                corrections.correct_invoice,
                mails.email_invoice,
                mails.email_refund,
                mails.email_correction,
                ExpertActivities(store, postman, ids, clock).notify_expert,
                records.record_parked,
                records.record_resumed,
                records.record_unpaid,
                decisions.record_given_up,
                decisions.record_reopened,
                decisions.record_external_payment,
                decisions.record_act_failed,
                InterruptionActivities(store, clock).record_interrupted,
            ),
        )
    finally:
        await gateway.close()
        if nbp is not None:
            await nbp.close()
        if registers is not None:
            await registers.close()
        if wfirma is not None:
            await wfirma.close()
        await mailer.close()
        await store.close()


def data_converter(keys: Sequence[tuple[str, bytes]] = ()) -> DataConverter:
    """Pydantic payloads; encrypted, failures too, when there are keys."""
    if not keys:
        return pydantic_data_converter
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=EncryptedPayloads(KeyRing(keys)),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect_temporal(env: Mapping[str, str], *, lazy: bool = True, runtime: Runtime | None = None) -> Client:
    """A client by the standard Temporal variables and configuration file, so that Temporal Cloud needs no more."""
    config = ClientConfig.load_client_connect_config(override_env_vars=env)
    address = config.setdefault("target_host", DEFAULT_TEMPORAL)
    local = is_loopback(f"grpc://{address}")
    return await Client.connect(
        **config,
        data_converter=data_converter(payload_keys(env)),
        lazy=lazy,
        runtime=runtime,
        # compressing costs CPU on both sides and saves nothing on loopback
        grpc_compression=GrpcCompression.NONE if local else GrpcCompression.GZIP,
    )


def dotenv_path() -> Path:
    """Where `.env` is read: the directory the command runs in, which is the repository root."""
    return Path(".env")


def _deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    """The version of a worker, where versions are on; open runs move to the current one, for they live for months."""
    if settings.worker_deployment is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.worker_deployment, settings.worker_build_id or build_id()),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def _timing(settings: Settings) -> Timing:
    return Timing(
        payment_validity=settings.payment_validity,
        payment_poll_interval=settings.payment_poll_interval,
        payment_abandon_after=settings.payment_abandon_after,
        invoice_retry_interval=settings.invoice_retry_interval,
        mail_retry_interval=settings.mail_retry_interval,
        mail_give_up_after=settings.mail_give_up_after,
    )


def _brownout_limits(settings: Settings) -> BrownoutLimits:
    return BrownoutLimits(
        on=settings.brownout_governor,
        cases=settings.brownout_cases,
        window=settings.brownout_window,
        probe_interval=settings.brownout_probe_interval,
    )


def _rates(settings: Settings, nbp: NbpRates | None) -> ExchangeRates | None:
    file = settings.exchange_rates_file
    sources: list[ExchangeRates] = []
    if file is not None:
        read_rates(file)  # a wrong line stops the process now, not an invoice later
        sources.append(TableRates(file))
    if nbp is not None:
        sources.append(nbp)
    return RatesInOrder(sources) if sources else None


def _registers(settings: Settings, clock: Clock) -> HttpTaxRegisters | None:
    vies, white_list = settings.vies_base_url, settings.white_list_base_url
    if vies is None and white_list is None:
        return None
    return HttpTaxRegisters(clock, vies_url=vies, white_list_url=white_list)


def _wfirma(settings: Settings, clock: Clock) -> WfirmaClient | None:
    if settings.wfirma_base_url is None or settings.wfirma_app_key is None:
        return None
    return WfirmaClient(settings.wfirma_base_url, settings.wfirma_app_key, clock)


def _mailer(settings: Settings, clock: Clock) -> SmtpMailer:
    smtp = settings.smtp
    return SmtpMailer(
        host=smtp.host,
        port=smtp.port,
        security=smtp.security,
        username=smtp.username,
        password=smtp.password,
        sender=smtp.sender,
        clock=clock,
    )


def backups(settings: Settings) -> Backups:
    """Backups of this database and these documents."""
    return Backups(settings.database_url, FileDocumentStore(settings.documents_url), utc_now)


async def prepare_database(settings: Settings) -> str:
    """Bring the database to today's schema, and give back its revision."""
    return await upgrade(settings.database_url)
