"""Who may call: keys, companies, the lock after failed logins.

Source: wFirma API v2, "authorisation": three headers on every call; a user of several companies must name one by
``company_id``. After too many failed logins the key is locked for five minutes, with right secrets too.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from invoicing.sandbox.wfirma.envelope import Reply

APP_KEY = "sandbox-app"
LOCK = timedelta(minutes=5)
FAILURES_BEFORE_LOCK = 5


class Refusal(Exception):
    """The call ends with this answer and has done nothing."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.code)
        self.reply = reply


def refusal(code: str, message: str = "") -> Refusal:
    """A plain refusal: a status and no branch."""
    return Refusal(Reply(code=code, message=message))


@dataclass(frozen=True)
class Company:
    """One seller of an account; ``vat_payer`` decides which document types it may issue."""

    id: str = "10001"
    name: str = "Jan Przykładowy Doradztwo"
    nip: str = "1234563218"
    vat_payer: bool = True
    ksef_seconds: float | None = None


@dataclass(frozen=True)
class Account:
    """One user's keys and companies. ``read_only`` lacks the right to write."""

    access_key: str = "sandbox-access"
    secret_key: str = field(default="sandbox-secret", repr=False)
    companies: tuple[Company, ...] = (Company(),)
    read_only: bool = False


class Gate:
    """Lets calls in, or says why not."""

    def __init__(self, accounts: tuple[Account, ...], app_key: str) -> None:
        self._accounts = {account.access_key: account for account in accounts}
        self._app_key = app_key
        self._failures: dict[str, tuple[int, datetime]] = {}

    def add(self, account: Account) -> None:
        """A further account, or an old one with new secrets."""
        self._accounts[account.access_key] = account
        self._failures.pop(account.access_key, None)

    def account(self, headers: Mapping[str, str], now: datetime) -> Account:
        """The account whose keys these are. Raises `Refusal`."""
        access = headers.get("accessKey", "")
        failed, last = self._failures.get(access, (0, now))
        if failed >= FAILURES_BEFORE_LOCK:
            if now < last + LOCK:
                raise refusal("AUTH FAILED LIMIT WAIT 5 MINUTES")
            failed = 0
        account = self._accounts.get(access)
        secret, app = headers.get("secretKey", ""), headers.get("appKey", "")
        if account is None or not (_same(secret, account.secret_key) and _same(app, self._app_key)):
            self._failures[access] = (failed + 1, now)
            raise refusal("AUTH")
        self._failures.pop(access, None)
        return account


def company_of(account: Account, company_id: str) -> Company:
    """The company that a call is about. Raises `Refusal`."""
    if not company_id:
        if len(account.companies) > 1:
            raise refusal("COMPANY ID REQUIRED")
        return account.companies[0]
    for company in account.companies:
        if company.id == company_id:
            return company
    raise refusal("ACCESS DENIED")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
