"""`token`: print a bearer token, or the address that signs a browser in with it. Needs only AUTH_SECRET."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from invoicing.tokens import Tokens
from starter.call import Call
from starter.outcomes import ExitCode

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("role", metavar="ROLE", help="service, ops, expert:ID or client:ID")
    parser.add_argument("--name", help="who acts, as the activity log will show it")
    parser.add_argument("--expires", type=duration, metavar="TIME", help="how long it is good, such as 1h or 30d")
    parser.add_argument("--link", action="store_true", help="print the sign-in address instead of the token")


def duration(written: str) -> timedelta:
    """A duration such as `15m`, `1h`, `30d`."""
    match = _DURATION.fullmatch(written)
    if match is None:
        raise argparse.ArgumentTypeError("expected a duration such as 15m, 1h or 30d")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def run(call: Call) -> int:
    """The token or link is the last line of standard output."""
    settings = call.settings(for_api=True)
    wanted, now = call.arguments, datetime.now(UTC)
    try:
        token = Tokens(settings.auth_secrets).issue(wanted.role, now, name=wanted.name, expires=wanted.expires)
    except ValueError as fault:
        call.out.complain(f"wrong argument: {fault}")
        call.out.result({"code": "invalid", "message": str(fault), "errors": []})
        return ExitCode.USAGE
    link = f"{settings.public_url}/sign-in?{urlencode({'token': token})}"
    expires_at = None if wanted.expires is None else (now + wanted.expires).isoformat(timespec="seconds")
    call.out.result({"role": wanted.role, "name": wanted.name, "expires_at": expires_at, "token": token, "link": link})
    call.out.line(link if wanted.link else token)
    return ExitCode.OK
