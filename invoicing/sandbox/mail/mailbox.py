"""Messages as they arrived, duplicates included.

Guarantee: every accepted message is counted and listed for ever; the bytes of only the newest ``keep`` messages
stay in memory, so that a long bench does not eat the machine.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

KEEP = 5_000


@dataclass
class StoredMessage:
    """One accepted message with its envelope; ``raw`` is None once it was dropped to save memory."""

    number: int
    received_at: datetime
    mail_from: str
    recipients: tuple[str, ...]
    message_id: str
    subject: str
    raw: bytes | None


@dataclass(frozen=True)
class Attachment:
    """One attached file."""

    filename: str
    content_type: str
    data: bytes


class Mailbox:
    """All accepted messages, numbered from 1 in order of arrival."""

    def __init__(self, keep: int = KEEP) -> None:
        self._keep = keep
        self._messages: list[StoredMessage] = []
        self._copies: Counter[str] = Counter()

    def store(self, received_at: datetime, mail_from: str, recipients: tuple[str, ...], raw: bytes) -> StoredMessage:
        headers = parse(raw, headers_only=True)
        message_id = str(headers.get("Message-ID", "")).strip()
        subject = str(headers.get("Subject", ""))
        number = len(self._messages) + 1
        message = StoredMessage(number, received_at, mail_from, recipients, message_id, subject, raw)
        self._messages.append(message)
        self._copies[message_id] += 1
        if number > self._keep:
            self._messages[number - self._keep - 1].raw = None
        return message

    def get(self, number: int) -> StoredMessage | None:
        return self._messages[number - 1] if 0 < number <= len(self._messages) else None

    def copies(self, message_id: str) -> int:
        """How many times a message with this Message-ID was accepted."""
        return self._copies[message_id]

    def find(
        self, recipient: str | None = None, message_id: str | None = None, subject: str | None = None
    ) -> list[StoredMessage]:
        """Messages in order of arrival, narrowed by recipient, Message-ID or a part of the subject."""
        return [
            item
            for item in self._messages
            if (recipient is None or recipient in item.recipients)
            and (message_id is None or item.message_id == message_id)
            and (subject is None or subject in item.subject)
        ]

    def __len__(self) -> int:
        return len(self._messages)


def parse(raw: bytes, headers_only: bool = False) -> EmailMessage:
    cut = raw.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0] + b"\n\n" if headers_only else raw
    return message_from_bytes(cut, policy=policy.default)


def text_of(message: EmailMessage) -> str:
    """The plain text, or the source of the HTML when there is no plain text."""
    body = message.get_body(preferencelist=("plain", "html"))
    return str(body.get_content()) if body is not None else ""


def _bytes_of(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def attachments_of(message: EmailMessage) -> list[Attachment]:
    return [
        Attachment(
            part.get_filename() or f"attachment-{number}",
            part.get_content_type(),
            _bytes_of(part),
        )
        for number, part in enumerate(message.iter_attachments(), start=1)
        if isinstance(part, EmailMessage)
    ]


def summary_json(item: StoredMessage, mailbox: Mailbox) -> dict[str, Any]:
    return {
        "number": item.number,
        "received_at": item.received_at.isoformat(),
        "mail_from": item.mail_from,
        "recipients": list(item.recipients),
        "message_id": item.message_id,
        "copies": mailbox.copies(item.message_id),
        "subject": item.subject,
    }


def message_json(item: StoredMessage, raw: bytes, mailbox: Mailbox) -> dict[str, Any]:
    message = parse(raw)
    return {
        **summary_json(item, mailbox),
        "headers": [[name, str(value)] for name, value in message.items()],
        "text": text_of(message),
        "attachments": [
            {"filename": part.filename, "content_type": part.content_type, "size": len(part.data)}
            for part in attachments_of(message)
        ],
    }
