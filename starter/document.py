"""`document`: the invoice of a case, one of its other documents, a duplicate or a pro forma, as a file."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from invoicing.bootstrap import Application, application
from invoicing.domain.labels import Role
from invoicing.domain.papers import FIRST
from invoicing.errors import NotFound
from invoicing.papers import Drawn
from invoicing.serving import run as run_loop
from starter.call import Call
from starter.outcomes import ExitCode

DUPLICATE, PRO_FORMA = "duplicate", "pro-forma"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("case_id", metavar="CASE")
    parser.add_argument(
        "which",
        nargs="?",
        type=_which,
        default=str(FIRST),
        metavar="WHICH",
        help="number of the document as the API lists it, `duplicate`, or `pro-forma`; default: the invoice",
    )
    parser.add_argument(
        "--of", type=_number, default=FIRST, metavar="N", help="whose duplicate; default: the invoice's"
    )
    parser.add_argument("--output", type=Path, metavar="FILE.pdf", help="where to; default: named after the document")


def _which(written: str) -> str:
    if written not in {DUPLICATE, PRO_FORMA} and not re.fullmatch(r"[1-9][0-9]{0,8}", written):
        raise argparse.ArgumentTypeError(f"expected a number, {DUPLICATE} or {PRO_FORMA}")
    return written


def _number(written: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", written):
        raise argparse.ArgumentTypeError("expected the number of a document")
    return int(written)


def run(call: Call) -> int:
    """1 when the case has no such document."""
    return run_loop(lambda: _run(call))


async def _run(call: Call) -> int:
    wanted = call.arguments
    async with application(call.settings()) as app:
        try:
            drawn = await _found(app, wanted.case_id, wanted.which, wanted.of)
        except NotFound as fault:
            unknown = NotFound("not_found", "no case is recorded under this id")
            raise (unknown if fault.code == "case_unknown" else fault) from None
    named = re.sub(r"[^A-Za-z0-9_]+", "-", drawn.name).strip("-")
    target = wanted.output or Path(f"{named}.pdf")
    try:
        target.write_bytes(drawn.content)
    except OSError as error:
        raise NotFound("unwritable", f"{target} cannot be written: {error.strerror}") from None
    call.out.line(f"{target}: {drawn.name}")
    call.out.result({"case_id": wanted.case_id, "document": wanted.which, "file": str(target)})
    return ExitCode.OK


async def _found(app: Application, case_id: str, which: str, of: int) -> Drawn:
    if which == DUPLICATE:
        return await app.papers.duplicate(case_id, of)
    if which == PRO_FORMA:
        return await app.papers.pro_forma(case_id)
    papers = await app.papers.listed(case_id, Role.OPS)
    paper = next((paper for paper in papers if str(paper.number) == which), None)
    if paper is None:
        raise NotFound("no_invoice", "the case has no document of this number")
    return Drawn(paper.full_number or f"{case_id}-{paper.number}", await app.documents.get(paper.sha256))
