"""What `doctor` checks: each check asks one dependency and never changes anything."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import aiosmtplib

from invoicing.bootstrap import Application
from invoicing.documents.pdf import fonts
from invoicing.domain.exchange import NATIONAL
from invoicing.domain.numbering import issue_date
from invoicing.domain.registers import Asked, Question, Verdict
from invoicing.errors import PaidcaseError
from invoicing.ports import ExchangeRates, TaxRegisters
from invoicing.setting_values import is_loopback
from invoicing.settings import Settings, SmtpSettings
from starter.autopay_check import payment_service
from starter.brownout_check import shut_issuers
from starter.call import Call
from starter.health import Check, Health
from starter.issuer_check import checked_accounts
from starter.ksef_duty import duty_on
from starter.outcomes import explanation
from starter.temporal_checks import namespace, schedules, versions

SEEN_WITHIN = timedelta(seconds=35)
"""Processes give a sign of life every ten seconds; after three missed ones they count as gone."""

SMTP_WITHIN = timedelta(seconds=10)
MINISTRY = "5260250274"
"""NIP of the Ministry of Finance, which keeps the white list."""


async def checks(app: Application, call: Call) -> AsyncIterator[Check]:
    """Every check in its order; a fault of one does not keep the others from being made."""
    for check in configured(app.settings):
        yield check
    yield await _guarded("database", _database(app))
    yield await _guarded("documents", _documents(app.settings.documents_url))
    temporal = await _guarded("temporal", namespace(call))
    yield temporal
    if temporal.health is not Health.FAILED:  # each would say the same once more
        yield await _guarded("schedules", schedules(call))
        yield await _guarded("versions", versions(call, app.settings))
    yield await _guarded("workers", _workers(app))
    for check in await shut_issuers(app):
        yield check
    yield await _guarded("relay", _relay(app))
    yield await _guarded("secrets", _secrets(app))
    for service in app.settings.autopay:
        yield await _guarded(f"autopay {service.currency}", payment_service(app, service))
    if app.rates is not None:
        yield await _guarded("exchange rates", _rates(app.rates, app.clock()))
    if app.registers is not None:
        for name, base, question in _inquiries(app.settings):
            yield await _register(name, base, app.registers, question, app.clock())
    if app.settings.wfirma_app_key is not None:
        yield await _guarded("wfirma", checked_accounts(app))
    yield await _guarded("mail", _mail(app.settings.smtp))
    yield await _guarded("fonts", _fonts())
    yield Check("ksef", Health.WARNING, duty_on(app.clock().astimezone(ZoneInfo("Europe/Warsaw")).date()))


def configured(settings: Settings) -> tuple[Check, ...]:
    """Settings that are sound one by one and still leave something off, or do not fit together."""
    found = [Check("settings", Health.OK, "every value can be read")]

    def note(name: str, told: str) -> None:
        found.append(Check(name, Health.WARNING, told))

    if not settings.auth_secrets:
        note("AUTH_SECRET", "not set: the API does not start; set a long random text")
    if not settings.autopay:
        note("AUTOPAY_SERVICE_ID", "not set: pricing and paying answer autopay_disabled; external payments work")
    elif is_loopback(settings.public_url) and not all(is_loopback(service.base_url) for service in settings.autopay):
        note("PUBLIC_URL", "is on this machine: Autopay cannot deliver its messages; set the public address")
    foreign = sorted({service.currency for service in settings.autopay} - {NATIONAL})
    if foreign and settings.exchange_rates_file is None and settings.nbp_base_url is None:
        told = f"not set: our own issuer cannot state VAT in PLN, so it takes no taxed case in {', '.join(foreign)}"
        note("EXCHANGE_RATES_FILE", told)
    if not settings.smtp.host:
        note("SMTP_HOST", "not set: no mail is sent, cases wait for it; set SMTP_HOST and MAIL_FROM")
    if not settings.brownout_governor:
        note("BROWNOUT_GOVERNOR", "off: while an issuer's provider is away every case burns its three attempts")
    if settings.wfirma_app_key and not settings.secrets_keys:
        note("SECRETS_KEYS", "not set: keys of experts cannot be saved; set a key ring")
    return tuple(found)


async def _guarded(name: str, check: Awaitable[Check]) -> Check:
    try:
        return await check
    except PaidcaseError as fault:
        return Check(name, Health.FAILED, explanation(fault))


async def _database(app: Application) -> Check:
    return Check("database", Health.OK, f"schema {await app.store.ping()}")


async def _relay(app: Application) -> Check:
    waiting = await app.store.waiting()
    rows = ", ".join(f"{count} rows wait in the {queue}" for queue, count in waiting.items() if count)
    if rows:
        return Check("relay", Health.WARNING, f"{rows}; they are delivered when Temporal and a worker or the API run")
    return Check("relay", Health.OK, "nothing waits for Temporal")


async def _documents(url: str) -> Check:
    return await asyncio.to_thread(_writable, url)


def _writable(url: str) -> Check:
    parts = urlsplit(url)
    folder = there = Path(unquote(parts.path) if parts.scheme == "file" else url).expanduser().absolute()
    while not there.exists():  # it is made with the first document
        there = there.parent
    try:
        if there == folder:
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
                probe.write(b"probe")
                probe.flush()
                os.fsync(probe.fileno())
            return Check("documents", Health.OK, f"{folder} takes documents")
    except OSError as error:
        return _unwritable(folder, error.strerror or type(error).__name__)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Check("documents", Health.OK, f"{folder} will be made with the first document")
    return _unwritable(folder, f"{there} is not a folder that we may write")


def _unwritable(folder: Path, why: str) -> Check:
    return Check("documents", Health.FAILED, f"{folder} cannot be written ({why}); correct DOCUMENTS_URL or its rights")


async def _workers(app: Application) -> Check:
    now = app.clock()
    alive = [seen.name for seen in await app.store.workers() if seen.role == "worker" and _lately(now - seen.seen_at)]
    if not alive:
        return Check("workers", Health.WARNING, "none seen lately: cases are recorded and wait; run `python worker.py`")
    return Check("workers", Health.OK, f"{len(alive)} seen lately: {', '.join(alive)}")


def _lately(ago: timedelta) -> bool:
    return ago <= SEEN_WITHIN


async def _secrets(app: Application) -> Check:
    ring = [name for name, _ in app.settings.secrets_keys]
    sealed = await app.sealed.sealed_by()
    lost = [f"{count} with {key}" for key, count in sorted(sealed.items()) if key not in ring]
    if lost:
        told = f"wFirma keys sealed with a key that SECRETS_KEYS lacks ({', '.join(lost)}); put it back"
        return Check("secrets", Health.FAILED, told)
    older = [f"{count} with {key}" for key, count in sorted(sealed.items()) if key != ring[0]]
    if older:
        told = f"older keys are in use ({', '.join(older)}): run `python -m starter reseal` before taking them away"
        return Check("secrets", Health.WARNING, told)
    return Check("secrets", Health.OK, f"{sum(sealed.values())} at rest, sealed with the first key")


async def _rates(rates: ExchangeRates, now: datetime) -> Check:
    found = await rates.before("EUR", issue_date(now))
    return Check("exchange rates", Health.OK, f"EUR {found.rate} of {found.on}, table {found.table}")


def _inquiries(settings: Settings) -> tuple[tuple[str, str, Question], ...]:
    known = (
        ("VIES", settings.vies_base_url, Question(Asked.EU_VAT_NUMBER, f"PL{MINISTRY}")),
        ("white list", settings.white_list_base_url, Question(Asked.ACTIVE_PAYER, MINISTRY)),
    )
    return tuple((name, base, question) for name, base, question in known if base is not None)


async def _register(name: str, base: str, registers: TaxRegisters, question: Question, now: datetime) -> Check:
    answer = await registers.ask(question, issue_date(now))
    if answer.verdict is Verdict.UNANSWERED:
        return Check(name, Health.WARNING, f"{base} does not answer: cases go on without it")
    return Check(name, Health.OK, f"{base} answers")


async def _mail(smtp: SmtpSettings) -> Check:
    if not smtp.host:
        return Check("mail", Health.WARNING, "not configured")
    where = f"{smtp.host}:{smtp.port}"
    server = aiosmtplib.SMTP(
        hostname=smtp.host,
        port=smtp.port,
        use_tls=smtp.security == "tls",
        start_tls=smtp.security == "starttls",
        username=smtp.username,
        password=smtp.password,
        timeout=SMTP_WITHIN.total_seconds(),
    )
    ask: Callable[[], Awaitable[object]]
    try:
        for ask in (server.connect, server.ehlo, server.noop, server.quit):
            await ask()
    except aiosmtplib.SMTPAuthenticationError:
        return Check("mail", Health.FAILED, f"{where} refuses our account; correct SMTP_USERNAME and SMTP_PASSWORD")
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        told = f"{where} cannot be used ({type(error).__name__}); correct SMTP_HOST, SMTP_PORT or SMTP_SECURITY"
        return Check("mail", Health.FAILED, told)
    finally:
        server.close()
    return Check("mail", Health.OK, f"{where} answers, security {smtp.security}")


async def _fonts() -> Check:
    try:
        for name in fonts.FILES:
            await asyncio.to_thread(fonts.font, name)
    except Exception as error:  # ReportLab raises classes of its own for a damaged font
        return Check("fonts", Health.FAILED, f"{fonts.FOLDER} is damaged ({type(error).__name__}); restore it from git")
    return Check("fonts", Health.OK, f"{', '.join(fonts.FILES.values())} embedded")
