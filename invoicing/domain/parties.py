"""Buyer and seller: what a name, an address, a tax number and an e-mail address must look like.

Buyer and seller are checked by the same functions. Sources: NIP checksum, weights 6 5 7 2 3 4 5 6 7 modulo 11
(python-stdnum `pl.nip`); EU VAT numbers (python-stdnum `eu.vat`); IBAN (ISO 13616); e-mail (RFC 5321, RFC 6531 without
internationalised local parts, because not every mail server takes them).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from email_validator import EmailNotValidError, validate_email
from stdnum import iban
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError as NumberError
from stdnum.pl import nip

from invoicing.domain.cases import BillingData, ExpertDocument
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.postal_codes import is_postal_code
from invoicing.domain.printable import can_be_drawn
from invoicing.errors import Fault

EU = frozenset("AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split())
"""Member states by ISO 3166 code; Greece prefixes its VAT numbers with EL."""

COUNTRIES = frozenset(
    """AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB
    GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG
    KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB
    SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US
    UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XK""".split()
)
"""ISO 3166-1 alpha-2, and XK."""

LIMITS = {"name": 256, "street": 200, "postal_code": 16, "city": 100, "email": 254, "tax_id": 24}
"""Longest accepted texts; FA(3) takes 256 characters in a name and 512 in an address line."""

_BIDI_CONTROLS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")


def has_bad_characters(text: str) -> bool:
    """Control, direction-override, private-use and unassigned characters and lone surrogates never reach a document."""
    return any(
        unicodedata.category(ch) in {"Cc", "Cs", "Co", "Cn"} or ch in _BIDI_CONTROLS or ch in "\u2028\u2029"
        for ch in text
    )


def text_faults(path: str, value: str | None, limit: int, *, required: bool = True) -> Iterator[Fault]:
    """Missing, too long, or with characters that cannot be printed."""
    if value is None or not value.strip():
        if required:
            yield fault(path, FaultCode.MISSING)
    elif len(value) > limit:
        yield fault(path, FaultCode.TOO_LONG)
    elif has_bad_characters(value):
        yield fault(path, FaultCode.BAD_CHARACTERS)


def email_faults(path: str, value: str | None, *, required: bool) -> Iterator[Fault]:
    """One address that an SMTP server takes: an addr-spec, ASCII local part, no display name, no list."""
    before = tuple(text_faults(path, value, LIMITS["email"], required=required))
    if before or not value:
        yield from before
        return
    try:
        # the domain `test` is allowed below a name, so that trial addresses need no real domain
        validate_email(value, check_deliverability=False, allow_smtputf8=False, test_environment=True, strict=True)
        readable = value.isascii() and "." in value.rpartition("@")[2]
    except EmailNotValidError:
        readable = False
    if not readable:
        yield fault(path, FaultCode.BAD_EMAIL)


def is_polish_nip(value: str) -> bool:
    """A NIP with a right checksum, with or without the prefix PL."""
    return value.isascii() and bool(nip.is_valid(value)) and nip.compact(value) != "0000000000"


def compact_tax_id(value: str) -> str:
    """One spelling of a tax id: no separators, capital letters, and a Polish NIP without its prefix."""
    bare = re.sub(r"[\s./-]", "", value).upper()
    return bare.removeprefix("PL") if is_polish_nip(bare) else bare


def is_eu_vat_number(value: str, country: str) -> bool:
    """A VAT number of that member state, with or without its prefix."""
    prefix = "EL" if country == "GR" else country
    number = value.replace(" ", "").replace("-", "").upper()
    if not number.startswith(prefix):
        number = prefix + number
    return bool(eu_vat.is_valid(number))


def tax_id_faults(path: str, value: str | None, country: str, *, required: bool) -> Iterator[Fault]:
    """NIP in Poland, VAT number in the EU, free text elsewhere."""
    before = tuple(text_faults(path, value, LIMITS["tax_id"], required=required))
    if before or not value:
        yield from before
    elif country == "PL":
        if not is_polish_nip(value):
            yield fault(path, FaultCode.BAD_NIP)
    elif country in EU and not is_eu_vat_number(value, country):
        yield fault(path, FaultCode.BAD_VAT_NUMBER)


def checked_country(country: str | None) -> str:
    """The country by whose rules a party is checked: Poland where none that exists is named, so that nothing waits."""
    return country if country in COUNTRIES else "PL"


def address_faults(prefix: str, party: BillingData | ExpertDocument) -> Iterator[Fault]:
    """Name, street, postal code, city and country."""
    for name in ("name", "street", "city"):
        yield from text_faults(f"{prefix}{name}", getattr(party, name), LIMITS[name])
    country = party.country
    if country is None or not country.strip():
        yield fault(f"{prefix}country", FaultCode.MISSING)
    elif country not in COUNTRIES:
        yield fault(f"{prefix}country", FaultCode.BAD_COUNTRY)
    code, country = party.postal_code, checked_country(country)
    before = tuple(text_faults(f"{prefix}postal_code", code, LIMITS["postal_code"], required=country in EU))
    yield from before
    if not before and code and not is_postal_code(code, country):
        yield fault(f"{prefix}postal_code", FaultCode.BAD_POSTAL_CODE)


def buyer_faults(buyer: BillingData, prefix: str = "billing_data.") -> Iterator[Fault]:
    """Everything wrong with the buyer. A company abroad outside the EU may have no tax number; a person has none."""
    if buyer.kind is None:
        yield fault(f"{prefix}kind", FaultCode.MISSING)
    yield from address_faults(prefix, buyer)
    yield from email_faults(f"{prefix}email", buyer.email, required=False)
    if buyer.kind == "person":
        if buyer.tax_id:
            yield fault(f"{prefix}tax_id", FaultCode.UNKNOWN_FIELD)
    elif buyer.kind == "company":
        country = checked_country(buyer.country)
        yield from tax_id_faults(f"{prefix}tax_id", buyer.tax_id, country, required=country in EU)


def undrawable_faults(party: BillingData | ExpertDocument, prefix: str = "billing_data.") -> Iterator[Fault]:
    """What of a party our own documents have no letters for."""
    for name in ("name", "street", "city", "exemption_basis"):
        value = getattr(party, name, None)
        if value and not has_bad_characters(value) and not can_be_drawn(value):
            yield fault(f"{prefix}{name}", FaultCode.BAD_CHARACTERS)


def iban_faults(path: str, value: str | None) -> Iterator[Fault]:
    """An IBAN with a right checksum; none is allowed, because the money is already paid."""
    if value is None:
        return
    try:
        iban.validate(value)
    except NumberError:
        yield fault(path, FaultCode.BAD_IBAN)


def seller_faults(seller: ExpertDocument, prefix: str = "") -> Iterator[Fault]:
    """Values that are wrong by themselves; what is merely missing is found when a case needs it."""
    for found in address_faults(prefix, seller):
        if found.code != FaultCode.MISSING or found.field.endswith("name"):
            yield found
    yield from email_faults(f"{prefix}email", seller.email, required=False)
    yield from tax_id_faults(f"{prefix}tax_id", seller.tax_id, checked_country(seller.country), required=False)
    yield from iban_faults(f"{prefix}bank_account", seller.bank_account)
    if seller.vat_status == "exempt":
        yield from text_faults(f"{prefix}exemption_basis", seller.exemption_basis, 256)
    elif seller.exemption_basis is not None:
        yield from text_faults(f"{prefix}exemption_basis", seller.exemption_basis, 256, required=False)
    if seller.issuer == "builtin":
        yield from undrawable_faults(seller, prefix)
