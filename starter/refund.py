"""`refund`: give back an amount of a kept payment, or all that is left.

Guarantee: the same command again is the same refund, whatever has happened in between, because without `--key` the key
is made of amount, reason and payment; giving the same amount for the same reason a second time needs a key of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from decimal import Decimal

from invoicing.bootstrap import Application
from invoicing.domain.decisions import DecisionKind
from invoicing.domain.parties import has_bad_characters
from invoicing.domain.records import CaseFacts
from invoicing.errors import NotAllowed
from starter.call import Call
from starter.deciding import case_options
from starter.deciding import run as decide

LONGEST_REASON = 500
_AMOUNT = re.compile(r"[0-9]{1,14}(\.[0-9]{1,2})?")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    case_options(parser, many=True)
    parser.add_argument("--limit", type=int, metavar="CASES", help="demanded for many: never more cases than this")
    parser.add_argument("--amount", type=_amount, metavar="AMOUNT", help="such as 10.00; default: all that is left")
    parser.add_argument("--reason", type=_reason, required=True, help="why, for the record")
    parser.add_argument("--remote-id", metavar="ID", help="the gateway's transaction; default: the kept payment")
    parser.epilog = "Another refund of the same amount for the same reason needs another --key."


def _amount(written: str) -> Decimal:
    if not _AMOUNT.fullmatch(written):
        raise argparse.ArgumentTypeError("expected an amount such as 10.00")
    return Decimal(written)


def _reason(written: str) -> str:
    if not written.strip() or len(written) > LONGEST_REASON or has_bad_characters(written):
        raise argparse.ArgumentTypeError(f"expected 1 to {LONGEST_REASON} printable characters")
    return written


def run(call: Call) -> int:
    """1 when nothing, or less than that, is left to give back."""
    wanted = call.arguments
    key = wanted.key or _key_of(wanted.amount, wanted.reason, wanted.remote_id)

    async def take(app: Application, case_id: str, actor: str) -> CaseFacts:
        return await app.deciding.refund(case_id, actor, wanted.amount, wanted.reason, key, wanted.remote_id)

    async def look(app: Application, case_id: str, _actor: str) -> CaseFacts:
        return await app.deciding.preview(case_id, DecisionKind.REFUND, wanted.amount)

    many = wanted.query is not None or len(set(wanted.case_ids)) > 1
    if many and not wanted.dry_run and (wanted.key is None or wanted.limit is None):
        raise NotAllowed("many_refunds", "for many refunds give --key and --limit, and look with --dry-run first")
    return decide(call, take, look=look)


def _key_of(amount: Decimal | None, reason: str, remote_id: str | None) -> str:
    told = "all" if amount is None else f"{amount:.2f}"
    named = "" if remote_id is None else f"|{remote_id}"
    return f"cli-{hashlib.sha256(f'{told}|{reason}{named}'.encode()).hexdigest()[:32]}"
