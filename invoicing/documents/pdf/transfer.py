"""The code that a banking app scans: a transfer as the Polish Bank Association's recommendation on 2D codes has it.

Fields, parted by `|`: tax id of the payee (left empty), country, account of 26 digits, amount in grosze as six digits,
payee (20 characters), title (32 characters) and three reserved ones. Six digits end at 9999.99 PLN; a larger amount
cannot be said in the code, and a split payment has no field in it, so neither gets one.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from invoicing.domain.invoices import Invoice

HIGHEST: Final = Decimal("9999.99")
_ACCOUNT: Final = re.compile(r"PL([0-9]{26})")

Modules = tuple[tuple[bool, ...], ...]


def transfer_text(invoice: Invoice) -> str | None:
    """What the code of this document says; `None` when nothing is due or the code cannot say it."""
    account = _ACCOUNT.fullmatch((invoice.seller.bank_account or "").replace(" ", ""))
    payable = invoice.currency == "PLN" and 0 < invoice.amount_due <= HIGHEST and not invoice.split_payment
    if account is None or not payable:
        return None
    grosze = int(invoice.amount_due.scaleb(2))
    fields = ("", "PL", account[1], f"{grosze:06d}", _field(invoice.seller.name, 20), _field(invoice.number, 32))
    return "|".join((*fields, "", "", ""))


def _field(text: str, longest: int) -> str:
    """A text without the mark that parts the fields, cut to its length."""
    return " ".join(text.replace("|", " ").split())[:longest].strip()


@lru_cache(maxsize=16)
def modules(text: str) -> Modules:
    """The dark modules of the code, row by row, with medium error correction and without the quiet zone."""
    from reportlab.graphics.barcode.qrencoder import QR8bitByte, QRCode, QRErrorCorrectLevel

    code: Any = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(QR8bitByte(text.encode()))
    code.make()
    side = range(code.getModuleCount())
    return tuple(tuple(bool(code.isDark(row, column)) for column in side) for row in side)
