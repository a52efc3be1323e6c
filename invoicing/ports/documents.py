"""Mail, documents, and the issuers of invoices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable

from invoicing.domain.cases import ExpertDocument
from invoicing.domain.correcting import CorrectionRequest
from invoicing.domain.invoices import Invoice
from invoicing.domain.records import CaseFacts
from invoicing.errors import Fault


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a mail."""

    name: str
    content: bytes
    media_type: str = "application/pdf"


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to one recipient; `message_id` without angle brackets."""

    message_id: str
    recipient: str
    subject: str
    text: str
    language: str
    attachments: tuple[Attachment, ...] = ()


class Mailer(Protocol):
    """Hands one mail to the SMTP server."""

    async def send(self, mail: Mail) -> None:
        """Return when the server has accepted the mail.

        Raises `ConnectivityFault` (not reached, 4xx, connection lost before the end of data: not accepted), `Refused`
        (5xx), `OutcomeUnknown` (connection lost after the end of data), `SettingsFault("mail_not_configured")`.
        """


class DocumentStore(Protocol):
    """Content-addressed files."""

    async def put(self, content: bytes) -> str:
        """Store durably (write, fsync, rename) and return the SHA-256 in hex; the same content is stored once."""

    async def get(self, sha256: str) -> bytes:
        """The bytes, verified against their address. Raises `NotFound`, `InternalFault` when they were altered."""


class Drawing(Protocol):
    """Draws our own documents."""

    async def __call__(self, invoice: Invoice, duplicate_on: date | None = None) -> bytes:
        """The PDF of a fact, as the duplicate of that day when one is given. The same facts, the same bytes."""


@dataclass(frozen=True, slots=True)
class IssueOrder:
    """What an issuer needs to make the invoice of a paid case."""

    facts: CaseFacts
    sequence: int = 1
    decision: int | None = None


@dataclass(frozen=True, slots=True)
class CorrectionOrder:
    """What an issuer needs to carry a decided correction out; `decision` names its one document."""

    facts: CaseFacts
    decision: int
    wish: CorrectionRequest


@dataclass(frozen=True, slots=True)
class Issued:
    """An invoice that exists: its number, date, stored PDF and that PDF's address.

    `to_note`: the sequence of an invoice of our own, whose row is to learn that address together with the case's
    record; who dies before that has the same document drawn again.
    """

    number: str
    issued_on: date
    sha256: str
    to_note: int | None = None


class Issuer(Protocol):
    """Makes invoices come into being; looks before it creates, so that asking twice gives the same invoice."""

    async def issue(self, order: IssueOrder) -> Issued:
        """The invoice of the case. Raises `DataFault`, `SettingsFault`, `ConnectivityFault`, `OutcomeUnknown`."""

    async def correct_to_zero(self, order: IssueOrder) -> Issued:
        """The correction that takes the whole invoice back; asked again, the same one.

        It is known by the order's sequence, or by its decision where corrections are numbered by the database.
        """

    async def probe(self, order: IssueOrder) -> None:
        """Return when what this way of issuing depends on answers, whatever it thinks of the order. Changes nothing.

        Raises `ConnectivityFault` when it does not, `SettingsFault` when it cannot be asked with this order's keys.
        """


@runtime_checkable
class CheckingIssuer(Issuer, Protocol):
    """An issuer at which an expert has an account of his own."""

    async def check(self, expert: ExpertDocument) -> tuple[Fault, ...]:
        """What is definitely wrong with the account, by fields of the expert document; empty when it is proved.

        Changes nothing. Raises `ConnectivityFault` when it cannot be known now.
        """


@runtime_checkable
class LookingIssuer(Issuer, Protocol):
    """An issuer whose answer can be lost on the way, and which can be asked afterwards what became of an order."""

    async def look(self, order: IssueOrder) -> Issued | None:
        """The invoice when it exists; None when it is proved that it does not. Never makes one.

        Raises as `issue` does; `OutcomeUnknown` while absence is not proved.
        """


@runtime_checkable
class CorrectingIssuer(Issuer, Protocol):
    """An issuer that states anew what an invoice of its own says."""

    async def correct(self, order: CorrectionOrder) -> Issued:
        """The correction of a decision, from the state of the latest document; asked again, the same one.

        Raises `DataFault("nothing_to_correct")` when the latest document says already what is wished for.
        """
