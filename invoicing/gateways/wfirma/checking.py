"""Whether an expert's account will take his invoices, as far as wFirma tells without issuing one.

Keys and companies by `user_companies/find`, the right to invoices and the company's tax number by `invoices/find`, the
VAT rates, the series and its kind. What only an add would show (the right to write, the VAT status of a company without
series of its own) is not found here. Source: wFirma API v2, "user_companies", "invoices", "series", "vat_codes".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from invoicing.domain.cases import ExpertDocument, WfirmaKeys
from invoicing.domain.faults import FaultCode, fault
from invoicing.domain.tax import VatRate
from invoicing.errors import ConnectivityFault, Fault, PaidcaseError, SettingsFault
from invoicing.gateways.wfirma import wire
from invoicing.gateways.wfirma.buyers import bare_number
from invoicing.gateways.wfirma.catalogue import Catalogue
from invoicing.gateways.wfirma.client import WfirmaAccount, WfirmaClient
from invoicing.gateways.wfirma.wanted import NORMAL, kind_of_seller
from invoicing.gateways.wfirma.wire import related, text


async def account_faults(client: WfirmaClient, catalogue: Catalogue, expert: ExpertDocument) -> tuple[Fault, ...]:
    """What is definitely wrong, by fields of the expert document; empty when the account is proved.

    Raises `ConnectivityFault` when wFirma did not say: it is away, or has locked the keys for a while.
    """
    if expert.wfirma is None:
        return (fault("wfirma", FaultCode.MISSING),)
    try:
        await _prove(client, catalogue, expert, expert.wfirma)
    except SettingsFault as refused:
        if refused.faults:
            return refused.faults
        raise ConnectivityFault("issuer_unreachable", refused.message) from refused
    except ConnectivityFault:
        raise
    except PaidcaseError as odd:
        raise ConnectivityFault("issuer_unreachable", f"wFirma: {odd.code}") from odd
    return ()


async def _prove(client: WfirmaClient, catalogue: Catalogue, expert: ExpertDocument, keys: WfirmaKeys) -> None:
    login = WfirmaAccount(keys.access_key, keys.secret_key)
    answer = await client.read(login, "user_companies/find", wire.search("user_companies", {}, 100))
    ids = [related(record, "company") for record in answer.records("user_companies", "user_company")]
    if keys.company_id and keys.company_id not in ids:
        raise _wrong("the account has no company of this id", "wfirma.company_id")
    if not keys.company_id and len(ids) > 1:
        raise _wrong("the account has several companies: name one", "wfirma.company_id", FaultCode.MISSING)
    account = dataclasses.replace(login, company_id=keys.company_id)
    issued = await client.read(account, "invoices/find", wire.search("invoices", {}, 1))
    for record in issued.records("invoices", "invoice"):
        seller = record.get("company_detail")
        written = bare_number(text(seller, "nip"), "PL") if isinstance(seller, Mapping) else ""
        if written and expert.tax_id and written != bare_number(expert.tax_id, "PL"):
            raise _wrong("the company there has another tax number", "tax_id")
    catalogue.forget(account)
    kind = kind_of_seller(expert)
    if kind == NORMAL:
        await catalogue.rate(account, VatRate.STANDARD)
    if expert.invoice_series:
        await catalogue.series(account, expert.invoice_series.strip(), kind)


def _wrong(message: str, path: str, code: FaultCode = FaultCode.ISSUER_NOT_READY) -> SettingsFault:
    return SettingsFault("issuer_settings", f"wFirma: {message}", faults=[fault(path, code)])
