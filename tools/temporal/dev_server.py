"""Runs the tuned dev server in the foreground: `python -m tools.temporal.dev_server`.

Purpose: the server of a laptop, of the demo and of the tests has the settings of dynamic-config.yaml, our
namespace and our search attributes from its first second.
Guarantee: this process becomes the server (the pid stays the same, signals reach it), and it listens on the
loopback only, because it asks nobody for a password.
"""

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from tools.temporal import cache, dynamic_config, provide
from tools.temporal.errors import ProvisionError

DEFAULT_ADDRESS = "127.0.0.1:7233"
UI_ABOVE = 1000  # the web UI's port lies this much above the gRPC port

SEARCH_ATTRIBUTES: dict[str, str] = {
    "CaseId": "Keyword",
    "ExpertId": "Keyword",
    "ClientId": "Keyword",
    "PaymentStatus": "Keyword",
    "InvoiceStatus": "Keyword",
    "FailedStep": "Keyword",
    "FailureCause": "Keyword",
    "Parked": "Bool",
}

_LOOPBACK = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "[::1]": "::1"}


def listen_on(env: Mapping[str, str]) -> tuple[str, int]:
    """Host and port of TEMPORAL_ADDRESS, when a dev server may listen there."""
    address = env.get("TEMPORAL_ADDRESS") or DEFAULT_ADDRESS
    host, _, port = address.rpartition(":")
    if host not in _LOOPBACK:
        raise ProvisionError(
            f"TEMPORAL_ADDRESS is {address}, but the dev server has no password and stays on the loopback: "
            f"use {DEFAULT_ADDRESS}, or run a production server there"
        )
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= 65535 - UI_ABOVE):
        raise ProvisionError(
            f"TEMPORAL_ADDRESS is {address}: give a port from 1 to {65535 - UI_ABOVE}, "
            f"since the web UI takes the one {UI_ABOVE} higher"
        )
    return _LOOPBACK[host], int(port)


def command(binary: Path | str, env: Mapping[str, str]) -> list[str]:
    """The whole command line of the dev server for this environment."""
    host, port = listen_on(env)
    line = [str(binary), "server", "start-dev", "--ip", host, "--port", str(port)]
    line += ["--ui-port", str(port + UI_ABOVE), "--log-level", "warn"]
    namespace = env.get("TEMPORAL_NAMESPACE") or "default"
    if namespace != "default":  # that one is always there
        line += ["--namespace", namespace]
    database = env.get("TEMPORAL_DB")
    if database:
        line += ["--db-filename", database]
        line += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    line += [f"--search-attribute={name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items()]
    return line + dynamic_config.flags(dynamic_config.read())


def free_port() -> int:
    """A port that is free together with the web UI's above it, for callers who start their own server.

    It is drawn below those that the system gives to outgoing connections, so that none of them takes it before the
    server does.
    """
    while True:
        port = secrets.choice(range(10_000, 31_000))
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + UI_ABOVE))
            except OSError:
                continue
            return port


def become(env: Mapping[str, str]) -> NoReturn:
    """Turn this process into the dev server, or raise what prevents it."""
    listen_on(env)  # before anything is downloaded or built
    binary = provide.provide("cli", env, provide.to_stderr)
    database = env.get("TEMPORAL_DB")
    if database:
        Path(database).absolute().parent.mkdir(parents=True, exist_ok=True)
    line = command(binary, env)
    os.execve(line[0], line, dict(env))  # noqa: S606  # no shell is wanted: this process becomes the server


def main(env: Mapping[str, str]) -> int:
    """The command; it comes back only when the server could not be started."""
    try:
        become(env)
    except (ProvisionError, OSError) as error:
        provide.to_stderr(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    from dotenv import dotenv_values  # what others import from here stays standard library

    settings = {key: value for key, value in dotenv_values(cache.ROOT / ".env").items() if value is not None}
    sys.exit(main({**settings, **os.environ}))
