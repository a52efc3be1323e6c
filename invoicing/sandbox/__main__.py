"""``python -m invoicing.sandbox``: run the stand-ins until Ctrl-C or SIGTERM. One line per address."""

import argparse
import asyncio
import json
import signal
import sys
from urllib.parse import urlsplit

from invoicing.sandbox.autopay.desk import DEFAULT_SERVICE, AutopayOptions
from invoicing.sandbox.autopay.protocol import HashKind, Service
from invoicing.sandbox.clock import ONE_SECOND_FOR_THREE_MINUTES, WallClock
from invoicing.sandbox.mail.mailbox import KEEP
from invoicing.sandbox.running import MailOptions, NotLoopback, SandboxOptions, sandbox
from invoicing.sandbox.switches import BadSwitch
from invoicing.sandbox.wfirma.accounts import APP_KEY, Account
from invoicing.sandbox.wfirma.control import read_account
from invoicing.sandbox.wfirma.desk import WfirmaOptions

WRONG_USE = 2
CURRENCIES = ("PLN", "EUR", "GBP", "USD")


def _port(written: str) -> int:
    number = int(written)
    if not 0 <= number <= 65_535:
        raise ValueError(written)
    return number


def _address(written: str) -> str:
    parts = urlsplit(written)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(written)
    return written


def _scale(written: str) -> float:
    number = float(written)
    if not 0 < number <= 1:
        raise ValueError(written)
    return number


def _service(written: str) -> Service:
    """One service as JSON, with the names of the setting AUTOPAY_SERVICES."""
    fields = json.loads(written)
    known = {"service_id", "shared_key", "currency", "hash"}
    if not isinstance(fields, dict) or not known >= set(fields) >= {"service_id", "shared_key"}:
        raise ValueError(written)
    if fields.get("currency", "PLN") not in CURRENCIES:
        raise ValueError(written)
    kind = HashKind(fields.get("hash", HashKind.SHA256))
    return Service(str(fields["service_id"]), fields["shared_key"], fields.get("currency", "PLN"), kind)


def _account(written: str) -> Account:
    """One wFirma account as JSON, as the control call takes it."""
    try:
        return read_account(json.loads(written))
    except BadSwitch as bad:
        raise argparse.ArgumentTypeError(str(bad)) from None


def parser() -> argparse.ArgumentParser:
    """All options; the defaults suit the demo."""
    made = argparse.ArgumentParser(
        prog="python -m invoicing.sandbox",
        description="Local stand-ins for Autopay, wFirma and SMTP. For trials and tests only.",
    )
    add = made.add_argument
    add("--host", default="127.0.0.1", help="loopback address to listen on")
    add("--autopay-port", type=_port, default=9001, metavar="PORT")
    add("--smtp-port", type=_port, default=9025, metavar="PORT")
    add("--mailbox-port", type=_port, default=9026, metavar="PORT")
    add("--itn-url", type=_address, default="http://127.0.0.1:8080/webhooks/autopay/itn", metavar="URL")
    add("--istn-url", type=_address, metavar="URL", help="tell of refunds there (settlement notifications)")
    add("--return-url", type=_address, default="http://127.0.0.1:8080/return/autopay", metavar="URL")
    add("--payment-path", default="/payment", metavar="PATH")
    add("--service-id", default=DEFAULT_SERVICE.service_id, metavar="ID")
    add("--shared-key", default=DEFAULT_SERVICE.shared_key, metavar="KEY")
    add("--currency", default=DEFAULT_SERVICE.currency, choices=CURRENCIES)
    add("--hash", default=HashKind.SHA256.value, choices=[kind.value for kind in HashKind])
    add(
        "--service",
        type=_service,
        action="append",
        default=[],
        metavar="JSON",
        help='a further service, e.g. {"service_id": "100002", "shared_key": "sandbox-eur", "currency": "EUR"}',
    )
    add(
        "--time-scale",
        type=_scale,
        default=ONE_SECOND_FOR_THREE_MINUTES,
        metavar="FACTOR",
        help="shortens the protocol's waits; 1 is real time, the default turns 3 minutes into 1 second",
    )
    add("--no-customer-data", action="store_true", help="leave customerData out of notifications")
    add("--pending-first", action="store_true", help="announce PENDING before every SUCCESS")
    add("--smtp-user", metavar="NAME", help="demand AUTH with this name")
    add("--smtp-password", default="", metavar="PASSWORD")
    add("--wfirma-port", type=_port, default=9002, metavar="PORT")
    add("--wfirma-app-key", default=APP_KEY, metavar="KEY")
    add(
        "--wfirma-account",
        type=_account,
        action="append",
        default=[],
        metavar="JSON",
        help='a further account, e.g. {"access_key": "a", "secret_key": "b", "companies": [{"id": "7"}]}',
    )
    add("--keep-messages", type=int, default=KEEP, metavar="N", help="mails whose bytes stay in memory")
    return made


def options_from(arguments: argparse.Namespace) -> SandboxOptions:
    first = Service(arguments.service_id, arguments.shared_key, arguments.currency, HashKind(arguments.hash))
    return SandboxOptions(
        host=arguments.host,
        autopay=AutopayOptions(
            port=arguments.autopay_port,
            services=(first, *arguments.service),
            itn_url=arguments.itn_url,
            istn_url=arguments.istn_url,
            return_url=arguments.return_url,
            payment_path=arguments.payment_path,
            customer_data=not arguments.no_customer_data,
            pending_first=arguments.pending_first,
        ),
        mail=MailOptions(
            smtp_port=arguments.smtp_port,
            mailbox_port=arguments.mailbox_port,
            user=arguments.smtp_user,
            password=arguments.smtp_password,
            keep=arguments.keep_messages,
        ),
        wfirma=WfirmaOptions(
            port=arguments.wfirma_port,
            app_key=arguments.wfirma_app_key,
            accounts=(Account(), *arguments.wfirma_account),
        ),
    )


async def run(options: SandboxOptions, time_scale: float) -> None:
    """Serve until a signal asks to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with sandbox(options, WallClock(time_scale)) as running:
        for name, address in running.addresses():
            print(f"{name:<8} {address}", flush=True)
        await stop.wait()


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        asyncio.run(run(options_from(arguments), arguments.time_scale))
    except (NotLoopback, OSError) as fault:
        print(f"sandbox: {fault}", file=sys.stderr)
        return WRONG_USE if isinstance(fault, NotLoopback) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
