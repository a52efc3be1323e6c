"""Settings from the environment, read once by an entry point.

`environment` puts the process environment over `.env`; `load` turns it into one frozen `Settings` or raises one
`SettingsFault` that names every fault. Only entry points and `bootstrap` see this module; adapters get plain arguments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from dotenv import dotenv_values

from invoicing.domain.money import MINOR_DIGITS
from invoicing.errors import SettingsFault
from invoicing.setting_values import (
    amount,
    database_url,
    duration,
    existing_file,
    folder,
    http_url,
    is_loopback,
    key_ring,
    listening_address,
    one_of,
    origin,
    port,
    validity,
    version_word,
    whole_number,
)

SANDBOX_KEY_PREFIX = "sandbox-"
"""Keys of the local stand-ins; with an address that is not loopback they stop the process."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AutopaySettings:
    """One Autopay service: one currency, one key ring, one address."""

    currency: str
    service_id: str
    shared_keys: tuple[str, ...] = field(repr=False)
    base_url: str
    payment_path: str = "/payment"
    hash: str = "sha256"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where mail is handed over; without a host mailing is a settings fault of the case, not of the process."""

    host: str | None
    port: int
    username: str | None
    password: str | None = field(repr=False)
    security: str
    sender: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything configurable (SPEC section 5). Durations are real time, amounts major units."""

    database_url: str
    documents_url: str
    autopay: tuple[AutopaySettings, ...]
    smtp: SmtpSettings
    public_url: str
    http_host: str
    http_port: int
    auth_secrets: tuple[str, ...] = field(repr=False)
    payment_validity: timedelta
    payment_poll_interval: timedelta
    payment_abandon_after: timedelta
    invoice_retry_interval: timedelta
    mail_retry_interval: timedelta
    mail_give_up_after: timedelta
    brownout_governor: bool
    brownout_cases: int
    brownout_window: timedelta
    brownout_probe_interval: timedelta
    minimum_amount: Decimal
    log_level: str
    log_format: str
    wfirma_base_url: str | None = None
    wfirma_app_key: str | None = field(default=None, repr=False)
    exchange_rates_file: Path | None = None
    nbp_base_url: str | None = None
    vies_base_url: str | None = None
    white_list_base_url: str | None = None
    metrics_address: str | None = None
    secrets_keys: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    payload_keys: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    worker_deployment: str | None = None
    worker_build_id: str | None = None
    codec_origin: str | None = None


DEFAULTS: Mapping[str, str] = {
    "DATABASE_URL": "sqlite+aiosqlite:///var/paidcase.db",
    "DOCUMENTS_URL": "var/documents",
    "AUTOPAY_PAYMENT_PATH": "/payment",
    "SMTP_PORT": "587",
    "SMTP_SECURITY": "starttls",
    "PUBLIC_URL": "http://127.0.0.1:8080",
    "HTTP_HOST": "127.0.0.1",
    "HTTP_PORT": "8080",
    "PAYMENT_VALIDITY": "3d",
    "PAYMENT_POLL_INTERVAL": "5m",
    "PAYMENT_ABANDON_AFTER": "30d",
    "INVOICE_RETRY_INTERVAL": "30s",
    "MAIL_RETRY_INTERVAL": "1m",
    "MAIL_GIVE_UP_AFTER": "24h",
    "BROWNOUT_GOVERNOR": "on",
    "BROWNOUT_CASES": "20",
    "BROWNOUT_WINDOW": "60s",
    "BROWNOUT_PROBE_INTERVAL": "30s",
    "MINIMUM_AMOUNT": "0.10",
    "LOG_LEVEL": "info",
    "LOG_FORMAT": "text",
}
"""Defaults by variable; the README's table is compared with this one."""

WITHOUT_DEFAULT = (
    "AUTOPAY_BASE_URL",
    "AUTOPAY_SERVICE_ID",
    "AUTOPAY_SHARED_KEY",
    "AUTOPAY_SERVICES",
    "WFIRMA_BASE_URL",
    "WFIRMA_APP_KEY",
    "EXCHANGE_RATES_FILE",
    "NBP_BASE_URL",
    "VIES_BASE_URL",
    "WHITE_LIST_BASE_URL",
    "SMTP_HOST",
    "SMTP_USERNAME",
    "SMTP_PASSWORD",
    "MAIL_FROM",
    "AUTH_SECRET",
    "SECRETS_KEYS",
    "PAYLOAD_KEYS",
    "WORKER_DEPLOYMENT",
    "WORKER_BUILD_ID",
    "METRICS_ADDRESS",
    "CODEC_ORIGIN",
)
"""Variables that may be absent."""


def environment(env: Mapping[str, str], dotenv: Path | None = None) -> dict[str, str]:
    """The environment over `.env`; empty values count as absent."""
    from_file = dotenv_values(dotenv) if dotenv is not None and dotenv.is_file() else {}
    return {**{k: v for k, v in from_file.items() if v}, **{k: v for k, v in env.items() if v}}


def load(env: Mapping[str, str], *, for_api: bool = False) -> Settings:
    """Settings from an environment. Raises `SettingsFault("settings")` whose message names every fault, one a line."""
    reader = _Reader(env)
    services = reader.autopay()
    smtp = reader.smtp()
    wfirma_url = reader.wfirma()
    secrets = tuple(part.strip() for part in env.get("AUTH_SECRET", "").split(",") if part.strip())
    if for_api and not secrets:
        reader.faults.append("AUTH_SECRET is missing: set a long random text (it signs tokens and links)")
    if any(secret.startswith(SANDBOX_KEY_PREFIX) for secret in secrets) and not _is_private(env):
        reader.faults.append("AUTH_SECRET: a sandbox secret must not be used with an address that is not loopback")
    if any(len(secret) < 16 for secret in secrets):
        reader.faults.append("AUTH_SECRET is too short: use at least 16 characters")
    settings = Settings(
        database_url=reader.read("DATABASE_URL", database_url),
        documents_url=reader.read("DOCUMENTS_URL", folder),
        autopay=services,
        smtp=smtp,
        public_url=reader.read("PUBLIC_URL", http_url),
        http_host=reader.read("HTTP_HOST", str),
        http_port=reader.read("HTTP_PORT", port),
        auth_secrets=secrets,
        payment_validity=reader.read("PAYMENT_VALIDITY", validity),
        payment_poll_interval=reader.read("PAYMENT_POLL_INTERVAL", duration),
        payment_abandon_after=reader.read("PAYMENT_ABANDON_AFTER", duration),
        invoice_retry_interval=reader.read("INVOICE_RETRY_INTERVAL", duration),
        mail_retry_interval=reader.read("MAIL_RETRY_INTERVAL", duration),
        mail_give_up_after=reader.read("MAIL_GIVE_UP_AFTER", duration),
        brownout_governor=reader.read("BROWNOUT_GOVERNOR", one_of("on", "off")) == "on",
        brownout_cases=reader.read("BROWNOUT_CASES", whole_number(1, 10_000)),
        brownout_window=reader.read("BROWNOUT_WINDOW", duration),
        brownout_probe_interval=reader.read("BROWNOUT_PROBE_INTERVAL", duration),
        minimum_amount=reader.read("MINIMUM_AMOUNT", amount),
        log_level=reader.read("LOG_LEVEL", one_of("debug", "info", "warning", "error")),
        log_format=reader.read("LOG_FORMAT", one_of("text", "json")),
        wfirma_base_url=wfirma_url,
        wfirma_app_key=env.get("WFIRMA_APP_KEY"),
        exchange_rates_file=reader.optional("EXCHANGE_RATES_FILE", existing_file),
        nbp_base_url=reader.optional("NBP_BASE_URL", http_url),
        vies_base_url=reader.optional("VIES_BASE_URL", http_url),
        white_list_base_url=reader.optional("WHITE_LIST_BASE_URL", http_url),
        metrics_address=reader.optional("METRICS_ADDRESS", listening_address),
        secrets_keys=reader.optional("SECRETS_KEYS", key_ring) or (),
        payload_keys=reader.optional("PAYLOAD_KEYS", key_ring) or (),
        worker_deployment=reader.optional("WORKER_DEPLOYMENT", version_word),
        worker_build_id=reader.optional("WORKER_BUILD_ID", version_word),
        codec_origin=reader.optional("CODEC_ORIGIN", origin),
    )
    address = env.get("TEMPORAL_ADDRESS")
    if address is not None and not _is_host_and_port(address):
        reader.faults.append("TEMPORAL_ADDRESS: expected HOST:PORT")
    if reader.faults:
        raise SettingsFault("settings", "Settings are wrong:\n" + "\n".join(f"- {fault}" for fault in reader.faults))
    return settings


def payload_keys(env: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    """The key ring of the payload codec, for clients that need no other setting. Raises `SettingsFault("settings")`."""
    try:
        return key_ring(env["PAYLOAD_KEYS"]) if "PAYLOAD_KEYS" in env else ()
    except ValueError as error:
        raise SettingsFault("settings", f"PAYLOAD_KEYS: {error}") from error


class _Reader:
    """Reads values one by one and collects what is wrong instead of stopping at the first fault."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.faults: list[str] = []

    def read(self, name: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(self.env.get(name, DEFAULTS[name]))
        except ValueError as error:
            self.faults.append(f"{name}: {error}")
            return parse(DEFAULTS[name])

    def optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        if name not in self.env:
            return None
        try:
            return parse(self.env[name])
        except ValueError as error:
            self.faults.append(f"{name}: {error}")
            return None

    def autopay(self) -> tuple[AutopaySettings, ...]:
        """Services from `AUTOPAY_SERVICES`, or the single one of the plain variables."""
        if "AUTOPAY_SERVICES" in self.env:
            return self._services(self.env["AUTOPAY_SERVICES"])
        names = ("AUTOPAY_BASE_URL", "AUTOPAY_SERVICE_ID", "AUTOPAY_SHARED_KEY")
        present = [name for name in names if name in self.env]
        if not present:
            return ()
        missing = [name for name in names if name not in self.env]
        if missing:
            self.faults.append(
                f"{', '.join(missing)}: missing, while {', '.join(present)} is set; set all three or none"
            )
            return ()
        path = self.env.get("AUTOPAY_PAYMENT_PATH", DEFAULTS["AUTOPAY_PAYMENT_PATH"])
        raw = {
            "currency": "PLN",
            "service_id": self.env["AUTOPAY_SERVICE_ID"],
            "shared_key": self.env["AUTOPAY_SHARED_KEY"],
            "base_url": self.env["AUTOPAY_BASE_URL"],
            "payment_path": path,
        }
        service = self._service("AUTOPAY_", raw, str.upper)
        return (service,) if service else ()

    def _services(self, text: str) -> tuple[AutopaySettings, ...]:
        try:
            raw = json.loads(text)
        except json.JSONDecodeError:
            self.faults.append("AUTOPAY_SERVICES: not JSON; expected a list of objects")
            return ()
        if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
            self.faults.append("AUTOPAY_SERVICES: expected a list of objects")
            return ()
        services = [self._service(f"AUTOPAY_SERVICES[{n}].", item) for n, item in enumerate(raw)]
        found = tuple(service for service in services if service)
        if len({service.currency for service in found}) != len(found):
            self.faults.append("AUTOPAY_SERVICES: one service a currency")
        return found

    def _service(
        self, where: str, raw: Mapping[str, object], spelled: Callable[[str], str] = str
    ) -> AutopaySettings | None:
        before = len(self.faults)
        known = {"currency", "service_id", "shared_key", "hash", "base_url", "payment_path"}
        for name in sorted(set(raw) - known):
            self.faults.append(f"{where}{name}: unknown")
        value = {name: str(raw.get(name) or "") for name in known}
        listed = raw.get("shared_key")
        parts = [str(key) for key in listed] if isinstance(listed, list) else value["shared_key"].split(",")
        keys = tuple(part.strip() for part in parts if part.strip())
        if not keys:
            self.faults.append(f"{where}{spelled('shared_key')}: missing")
        if not re.fullmatch(r"[0-9]{1,10}", value["service_id"]):
            self.faults.append(f"{where}{spelled('service_id')}: expected 1 to 10 digits")
        currency = value["currency"] or "PLN"
        if currency not in MINOR_DIGITS:
            self.faults.append(f"{where}{spelled('currency')}: expected one of {', '.join(MINOR_DIGITS)}")
        if (value["hash"] or "sha256") not in {"sha256", "sha512"}:
            self.faults.append(f"{where}{spelled('hash')}: expected sha256 or sha512")
        path = value["payment_path"] or DEFAULTS["AUTOPAY_PAYMENT_PATH"]
        if not path.startswith("/"):
            self.faults.append(f"{where}{spelled('payment_path')}: expected a path that begins with /")
        try:
            base_url = http_url(value["base_url"])
        except ValueError as error:
            self.faults.append(f"{where}{spelled('base_url')}: {error}")
            return None
        if any(key.startswith(SANDBOX_KEY_PREFIX) for key in keys) and not is_loopback(base_url):
            self.faults.append(
                f"{where}{spelled('shared_key')}: a sandbox key must not be used with an address that is not loopback"
            )
        if len(self.faults) > before:
            return None
        return AutopaySettings(currency, value["service_id"], keys, base_url, path, value["hash"] or "sha256")

    def wfirma(self) -> str | None:
        """Address of wFirma; keys of experts are never sent in clear except to this machine."""
        url, key = self.optional("WFIRMA_BASE_URL", http_url), self.env.get("WFIRMA_APP_KEY")
        if ("WFIRMA_BASE_URL" in self.env) != (key is not None):
            self.faults.append("WFIRMA_BASE_URL, WFIRMA_APP_KEY: set both or none")
        if url is not None and not is_loopback(url):
            if url.startswith("http://"):
                self.faults.append("WFIRMA_BASE_URL: keys are not sent in clear; use https")
            if key is not None and key.startswith(SANDBOX_KEY_PREFIX):
                self.faults.append(
                    "WFIRMA_APP_KEY: a sandbox key must not be used with an address that is not loopback"
                )
        return url

    def smtp(self) -> SmtpSettings:
        """Mail settings; credentials are never sent without TLS except to this machine."""
        host = self.env.get("SMTP_HOST")
        sender = self.env.get("MAIL_FROM", "")
        if host and not all(sender.rpartition("@")):
            self.faults.append("MAIL_FROM: missing or not an address, while SMTP_HOST is set")
        username, password = self.env.get("SMTP_USERNAME"), self.env.get("SMTP_PASSWORD")
        if (username is None) != (password is None):
            self.faults.append("SMTP_USERNAME, SMTP_PASSWORD: set both or none")
        security = self.read("SMTP_SECURITY", one_of("none", "starttls", "tls"))
        if host and username and security == "none" and not is_loopback(f"smtp://{host}"):
            self.faults.append("SMTP_SECURITY: credentials are not sent in clear; use starttls or tls")
        return SmtpSettings(host, self.read("SMTP_PORT", port), username, password, security, sender)


def _is_host_and_port(address: str) -> bool:
    host, _, number = address.rpartition(":")
    return bool(host) and number.isascii() and number.isdigit() and 0 < int(number) < 65536


def _is_private(env: Mapping[str, str]) -> bool:
    """Whether the API is reached from this machine alone."""
    host = env.get("HTTP_HOST", DEFAULTS["HTTP_HOST"])
    return is_loopback(env.get("PUBLIC_URL", DEFAULTS["PUBLIC_URL"])) and is_loopback(f"http://{host}")
