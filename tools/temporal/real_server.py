"""Runs a production Temporal server on PostgreSQL without Docker: `python -m tools.temporal.real_server [namespace]`.

Purpose: tests and benchmarks meet the server that production runs, with the same variables as the official image:
POSTGRES_SEEDS (default 127.0.0.1), DB_PORT (5432), POSTGRES_USER, POSTGRES_PWD, DBNAME (temporal), VISIBILITY_DBNAME
(temporal_visibility), FRONTEND_GRPC_PORT and its like for the other ports. Without a word it prepares both databases
and becomes the server; `namespace` creates our namespace and search attributes on a server that runs.
Guarantee: both may be repeated at any time; the password is never on a command line.
"""

import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from tools.temporal import dev_server, dynamic_config, provide
from tools.temporal.errors import ProvisionError

RETENTION = "720h"  # finished runs stay readable for a month; the database remembers for ever

_DEFAULTS = {
    "DB": "postgres12",
    "POSTGRES_SEEDS": "127.0.0.1",
    "DB_PORT": "5432",
    "DBNAME": "temporal",
    "VISIBILITY_DBNAME": "temporal_visibility",
    "BIND_ON_IP": "127.0.0.1",
    "TEMPORAL_BROADCAST_ADDRESS": "127.0.0.1",
    "LOG_LEVEL": "warn",
}
_DEMANDED = ("POSTGRES_USER", "POSTGRES_PWD")
PORTS = (
    "FRONTEND_GRPC_PORT",
    "FRONTEND_HTTP_PORT",
    "FRONTEND_MEMBERSHIP_PORT",
    "HISTORY_GRPC_PORT",
    "HISTORY_MEMBERSHIP_PORT",
    "MATCHING_GRPC_PORT",
    "MATCHING_MEMBERSHIP_PORT",
    "WORKER_GRPC_PORT",
    "WORKER_MEMBERSHIP_PORT",
)
_HIGHEST_PORT = 32767  # the server's table of its members keeps a port as a smallint


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """What the server's embedded configuration template reads, with our defaults and our dynamic configuration."""
    missing = [name for name in _DEMANDED if not env.get(name)]
    if missing:
        raise ProvisionError(f"set {' and '.join(missing)} to the PostgreSQL role that may create databases")
    too_high = [name for name in PORTS if int(env.get(name) or 0) > _HIGHEST_PORT]
    if too_high:
        raise ProvisionError(f"{', '.join(too_high)}: a Temporal server takes ports up to {_HIGHEST_PORT} only")
    return {**_DEFAULTS, "DYNAMIC_CONFIG_FILE_PATH": str(dynamic_config.FILE), **env}


def free_ports() -> dict[str, str]:
    """A free port for every one that the server opens, for callers who start a server of their own."""
    found: list[int] = []
    while len(found) < len(PORTS):
        port = secrets.choice(range(10_000, _HIGHEST_PORT))
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return dict(zip(PORTS, map(str, found), strict=True))


def schema_commands(sql_tool: Path | str, env: Mapping[str, str]) -> list[list[str]]:
    """Create both databases and bring their schemas up to date; each command does nothing the second time."""
    commands: list[list[str]] = []
    for name, schema in (("DBNAME", "temporal"), ("VISIBILITY_DBNAME", "visibility")):
        tool = [str(sql_tool), "--plugin", env["DB"], "--db", env[name]]
        commands += [
            [*tool, "create-database", "--defaultdb", "postgres"],
            [*tool, "setup-schema", "--version", "0.0"],
            [*tool, "update-schema", "--schema-name", f"postgresql/v12/{schema}"],
        ]
    return commands


def sql_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The address and the role, in the names that the schema tool reads."""
    return {
        **env,
        "SQL_HOST": env["POSTGRES_SEEDS"],
        "SQL_PORT": env["DB_PORT"],
        "SQL_USER": env["POSTGRES_USER"],
        "SQL_PASSWORD": env["POSTGRES_PWD"],
    }


def server_command(server: Path | str) -> list[str]:
    """Start every role of the server; without any configuration flag it uses the template that it carries."""
    return [str(server), "--allow-no-auth", "start"]


def namespace_commands(cli: Path | str, env: Mapping[str, str]) -> list[list[str]]:
    """Create the namespace, then its search attributes; the first fails when it is there already."""
    where = ["--address", env.get("TEMPORAL_ADDRESS") or dev_server.DEFAULT_ADDRESS]
    where += ["--namespace", env.get("TEMPORAL_NAMESPACE") or "default"]
    attributes: list[str] = []
    for name, kind in dev_server.SEARCH_ATTRIBUTES.items():
        attributes += ["--name", name, "--type", kind]
    operator = [str(cli), "operator"]
    return [
        [*operator, "namespace", "create", "--retention", RETENTION, *where],
        [*operator, "search-attribute", "create", *attributes, *where],
    ]


def prepare(sql_tool: Path | str, env: Mapping[str, str]) -> None:
    """Both databases, ready for the server."""
    for command in schema_commands(sql_tool, env):
        try:
            _run(command, sql_environment(env))
        except ProvisionError as error:
            where = f"{env['POSTGRES_SEEDS']}:{env['DB_PORT']}"
            raise ProvisionError(
                f"PostgreSQL at {where} does not do its part: see that it runs there, takes this role and password, "
                f"and has the extension btree_gin; {error}"
            ) from error


def create_namespace(cli: Path | str, env: Mapping[str, str]) -> None:
    """The namespace and its search attributes, whether or not they are there."""
    for command in namespace_commands(cli, env):
        try:
            _run(command, env)
        except ProvisionError as error:
            if "already exist" not in str(error).lower():
                raise


def become(env: Mapping[str, str]) -> NoReturn:
    """Prepare the databases and turn this process into the server."""
    full = environment(env)
    prepare(provide.provide("sql-tool", env, provide.to_stderr), full)
    line = server_command(provide.provide("server", env, provide.to_stderr))
    os.execve(line[0], line, full)  # noqa: S606  # no shell is wanted: this process becomes the server


def _run(command: Sequence[str], env: Mapping[str, str]) -> None:
    done = subprocess.run(  # noqa: S603  # a program of ours with arguments of ours
        command, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    if done.returncode != 0:
        printed = done.stdout + done.stderr
        said = re.findall(r'"error": "([^"]+)"', printed) or [line for line in printed.splitlines() if line.strip()]
        what = " ".join([Path(command[0]).name, *command[1:]])
        raise ProvisionError(f"`{what}` said: {said[-1].strip() if said else 'nothing'}")


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """The command; 1 with a reason, 2 for a wrong word."""
    if list(arguments) not in ([], ["namespace"]):
        print("usage: python -m tools.temporal.real_server [namespace]", file=sys.stderr)
        return 2
    try:
        if not arguments:
            become(env)
        create_namespace(provide.provide("cli", env, provide.to_stderr), env)
    except (ProvisionError, OSError, subprocess.TimeoutExpired) as error:
        provide.to_stderr(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
