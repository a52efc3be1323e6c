"""``python -m invoicing.sandbox`` as a process, and what it refuses."""

import asyncio
import signal
import socket
import sys

import pytest

from invoicing.sandbox.__main__ import main, options_from, parser
from invoicing.sandbox.autopay.notifier import repeat_pauses
from invoicing.sandbox.autopay.protocol import SANDBOX_KEY, HashKind, Service
from invoicing.sandbox.running import NotLoopback, SandboxOptions, sandbox


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_prints_one_line_per_address_and_stops_cleanly(number: signal.Signals) -> None:
    ports = ("--autopay-port", "0", "--smtp-port", "0", "--mailbox-port", "0", "--wfirma-port", "0")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "invoicing.sandbox",
        *ports,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [await asyncio.wait_for(process.stdout.readline(), 60) for _ in range(4)]
    process.send_signal(number)
    rest, errors = await asyncio.wait_for(process.communicate(), 60)

    names = [line.decode().split()[0] for line in lines]
    assert names == ["Autopay", "SMTP", "Mailbox", "wFirma"]
    assert all(b"127.0.0.1:" in line for line in lines)
    assert (rest, errors, process.returncode) == (b"", b"", 0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])  # noqa: S104 - refused
async def test_only_loopback_is_bound(host: str) -> None:
    with pytest.raises(NotLoopback):
        async with sandbox(SandboxOptions(host=host)):
            pytest.fail("the stand-ins listen where other machines could reach them")


def test_the_command_refuses_another_host_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "192.0.2.1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_taken_port_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code = main(["--autopay-port", port, "--smtp-port", "0", "--mailbox-port", "0", "--wfirma-port", "0"])

    errors = capsys.readouterr().err
    assert (code, errors.count("\n")) == (1, 1)
    assert port in errors


def test_the_defaults_are_the_ones_that_the_demo_expects() -> None:
    options = options_from(parser().parse_args([]))

    assert (options.host, options.autopay.port) == ("127.0.0.1", 9001)
    assert (options.mail.smtp_port, options.mail.mailbox_port, options.wfirma.port) == (9025, 9026, 9002)
    assert options.autopay.itn_url == "http://127.0.0.1:8080/webhooks/autopay/itn"
    assert options.autopay.services[0].shared_key == SANDBOX_KEY
    assert SANDBOX_KEY.startswith("sandbox-")


def test_further_services_are_given_as_json() -> None:
    given = '{"service_id": "7", "shared_key": "sandbox-eur", "currency": "EUR", "hash": "sha512"}'
    options = options_from(parser().parse_args(["--service", given]))

    assert options.autopay.services[1] == Service("7", "sandbox-eur", "EUR", HashKind.SHA512)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--service", "{}"],
        ["--service", '{"service_id": "7", "shared_key": "k", "currency": "XXX"}'],
        ["--time-scale", "0"],
        ["--itn-url", "ftp://example.com"],
        ["--smtp-port", "70000"],
    ],
    ids=str,
)
def test_a_wrong_option_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parser().parse_args(wrong)

    assert refused.value.code == 2


def test_an_itn_is_repeated_209_times_over_about_eight_days() -> None:
    pauses = list(repeat_pauses())

    assert len(pauses) == 209
    assert (pauses[11], pauses[12], pauses[155], pauses[156]) == (180, 600, 600, 3_600)
    assert (pauses[203], pauses[204]) == (3_600, 86_400)
    assert 8 < sum(pauses) / 86_400 < 9
