"""Mails as bytes: one recipient, safe headers, whole texts and files."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.errors import InternalFault, Refused, SettingsFault
from invoicing.gateways.smtp.message import compose, read_sender
from invoicing.ports import Attachment, Mail

SENDER = read_sender("Paidcase <faktury@example.com>")
SENT_AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PDF = b"%PDF-1.7\r\n.\r\n..\n" + bytes(range(256)) * 200
MAIL = Mail(
    "case-1.invoice.1@example.com",
    "anna@example.com",
    "Faktura FV/1/11/2026 – Zażółć gęślą jaźń",
    "Dzień dobry,\n\n.w załączeniu faktura.\n",
    "pl",
    (Attachment("Faktura FV/1/11/2026 żółć.pdf", PDF),),
)


def composed(**changes: object) -> EmailMessage:
    mail = dataclasses.replace(MAIL, **changes)  # type: ignore[arg-type]  # fields by name
    message = compose(mail, SENDER, SENT_AT).message
    return email.message_from_bytes(message, policy=email.policy.default)


def body_of(message: EmailMessage) -> str:
    body = message.get_body()
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_headers_text_and_file_come_back_as_they_were() -> None:
    message = composed()
    assert message.defects == []
    assert str(message["From"]) == "Paidcase <faktury@example.com>"
    assert str(message["To"]) == "anna@example.com"
    assert str(message["Subject"]) == MAIL.subject
    assert str(message["Date"]) == "Sun, 22 Nov 2026 10:00:00 +0000"
    assert str(message["Content-Language"]) == "pl"
    assert str(message["Auto-Submitted"]) == "auto-generated"
    assert body_of(message) == MAIL.text
    (attached,) = message.iter_attachments()
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_content() == PDF


def test_the_message_id_stands_in_one_line_whatever_its_length() -> None:
    long = "c" * 150 + "@example.com"
    raw = compose(dataclasses.replace(MAIL, message_id=long), SENDER, SENT_AT).message
    assert f"\r\nMessage-ID: <{long}>\r\n".encode() in raw


def test_the_same_mail_is_the_same_bytes() -> None:
    assert compose(MAIL, SENDER, SENT_AT) == compose(MAIL, SENDER, SENT_AT)


def test_the_message_is_seven_bit_with_short_lines_and_whole_line_ends() -> None:
    raw = compose(MAIL, SENDER, SENT_AT).message
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    assert all(b"\n" not in line and b"\r" not in line and len(line) <= 998 for line in raw.split(b"\r\n"))


def test_a_file_name_is_given_in_ascii_and_whole() -> None:
    raw = compose(MAIL, SENDER, SENT_AT).message.decode()
    assert 'filename="Faktura_FV_1_11_2026_zolc.pdf"' in raw
    assert "filename*=UTF-8''Faktura%20FV_1_11_2026%20%C5%BC%C3%B3%C5%82%C4%87.pdf" in raw


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("faktura.pdf", "faktura.pdf"),
        ("../../etc/passwd", "etc_passwd"),
        ('a"; filename="b.exe', "a_filename_b.exe"),
        ("a\r\nX-Evil: 1.pdf", "a_X-Evil_1.pdf"),
        ("\u202efdp.exe", "fdp.exe"),
        ("", "document"),
        ("счёт.pdf", "pdf"),
        ("x" * 500 + ".pdf", "x" * 60 + ".pdf"),
    ],
)
def test_a_file_name_never_leaves_its_place(name: str, shown: str) -> None:
    message = composed(attachments=(Attachment(name, PDF),))
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == shown
    assert "X-Evil" not in message
    assert attached.keys() == ["Content-Type", "Content-Transfer-Encoding", "Content-Disposition"]


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "anna",
        "anna@example.com, other@example.com",
        "anna@example.com,other@example.com",
        "anna@example.com\r\nBcc: other@example.com",
        "anna@example.com\nRCPT TO:<other@example.com>",
        "Anna <anna@example.com>",
        "<anna@example.com>",
        "anna@example.com SIZE=1",
        "zażółć@example.com",
        "a\x00b@example.com",
    ],
)
def test_what_is_not_exactly_one_address_is_refused_before_anything_is_sent(recipient: str) -> None:
    with pytest.raises(Refused) as fault:
        composed(recipient=recipient)
    assert fault.value.code == "mail_refused"
    assert "example" not in str(fault.value)


def test_an_international_domain_is_written_in_its_ascii_form() -> None:
    envelope = compose(dataclasses.replace(MAIL, recipient="anna@żółć.example.com"), SENDER, SENT_AT)
    assert envelope.recipient == "anna@xn--kda4b0koi.example.com"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "a\r\nBcc: other@example.com"},
        {"subject": "a\nb"},
        {"message_id": "a b@example.com"},
        {"message_id": "a@example.com>\r\nX: 1"},
        {"message_id": "a"},
        {"language": "pl\r\nX: 1"},
        {"text": "\ud800"},
        {"attachments": (Attachment("a", b"", "text/html\r\nX: 1"),)},
    ],
)
def test_what_we_wrote_ourselves_and_cannot_be_sent_is_our_fault(changes: dict[str, object]) -> None:
    with pytest.raises(InternalFault):
        composed(**changes)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])))
def test_any_text_of_one_line_comes_back(text: str) -> None:
    assert body_of(composed(text=text)) == text + "\n"


@given(st.binary(max_size=300))
def test_any_file_comes_back(content: bytes) -> None:
    (attached,) = composed(attachments=(Attachment("a.pdf", content),)).iter_attachments()
    assert attached.get_content() == content


def test_several_files_keep_their_order() -> None:
    message = composed(attachments=(Attachment("a.pdf", b"1"), Attachment("b.xml", b"2", "application/xml")))
    assert [part.get_filename() for part in message.iter_attachments()] == ["a.pdf", "b.xml"]
    assert composed(attachments=()).is_multipart()


@pytest.mark.parametrize(
    ("text", "name"),
    [("a@example.com", ""), ('"Łódź, Sp. z o.o." <a@example.com>', "Łódź, Sp. z o.o."), ("<a@example.com>", "")],
)
def test_a_sender_may_have_a_name(text: str, name: str) -> None:
    sender = read_sender(text)
    assert (sender.header.display_name, sender.envelope) == (name, "a@example.com")
    message = email.message_from_bytes(compose(MAIL, sender, SENT_AT).message, policy=email.policy.default)
    assert message["From"].addresses[0].display_name == name


@pytest.mark.parametrize("text", ["", "nobody", "a@b@c", "A\r\nBcc: x <a@example.com>", "a@example.com, b@example.com"])
def test_a_sender_that_is_no_address_is_a_matter_of_settings(text: str) -> None:
    with pytest.raises(SettingsFault) as fault:
        read_sender(text)
    assert fault.value.code == "mail_not_configured"
