"""The processes of the demonstration: Temporal dev server, stand-ins, worker and API, all on loopback."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tools.temporal import dev_server, provide

DATA = Path("var/demo")
READY_WITHIN = 60.0
STOP_WITHIN = 30.0
LOOK_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything listens."""

    api: str
    temporal: str
    temporal_ui: str
    autopay: str
    wfirma: str
    mailbox: str


class ProcessEnded(RuntimeError):
    """A process of the demonstration ended by itself; its log says why."""


def free_port(wanted: int) -> int:
    """The wanted port when it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on loopback")


def environment(api: int, temporal: int, autopay: int, wfirma: int, smtp: int) -> dict[str, str]:
    """Sandbox settings; short intervals, so that waiting can be watched."""
    foreign = ("TEMPORAL_", "AUTOPAY_", "WFIRMA_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
        "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal}",
        "DATABASE_URL": f"sqlite+aiosqlite:///{DATA}/paidcase.db",
        "DOCUMENTS_URL": f"{DATA}/documents",
        "AUTOPAY_BASE_URL": f"http://127.0.0.1:{autopay}",
        "AUTOPAY_SERVICE_ID": "100001",
        "AUTOPAY_SHARED_KEY": "sandbox-autopay-key",
        "WFIRMA_BASE_URL": f"http://127.0.0.1:{wfirma}",
        "WFIRMA_APP_KEY": "sandbox-app",
        "SECRETS_KEYS": f"demo:{base64.b64encode(os.urandom(32)).decode()}",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp),
        "SMTP_SECURITY": "none",
        "MAIL_FROM": "faktury@example.com",
        "PUBLIC_URL": f"http://127.0.0.1:{api}",
        "HTTP_PORT": str(api),
        "AUTH_SECRET": "sandbox-secret-of-the-demonstration",
        "PAYMENT_POLL_INTERVAL": "3s",
        "INVOICE_RETRY_INTERVAL": "1s",
        "MAIL_RETRY_INTERVAL": "1s",
    }


@asynccontextmanager
async def stage() -> AsyncIterator[tuple[Addresses, dict[str, str]]]:
    """Everything started and ready; stopped, by process id, when the block ends."""
    _empty_folder()
    api, temporal, autopay, wfirma, smtp, mailbox = (free_port(n) for n in (8080, 7233, 9001, 9002, 9025, 9026))
    env = environment(api, temporal, autopay, wfirma, smtp)
    binary = await asyncio.to_thread(provide.provide, "cli", os.environ, provide.to_stderr)
    server = dev_server.command(str(binary), env)
    ui = f"http://127.0.0.1:{server[server.index('--ui-port') + 1]}" if "--ui-port" in server else ""
    python, running = sys.executable, dict[str, asyncio.subprocess.Process]()
    stand_ins = [python, "-m", "invoicing.sandbox", "--autopay-port", str(autopay), "--smtp-port", str(smtp)]
    stand_ins += ["--wfirma-port", str(wfirma), "--mailbox-port", str(mailbox)]
    stand_ins += ["--itn-url", f"{env['PUBLIC_URL']}/webhooks/autopay/itn"]
    try:
        running["temporal"] = await _start("temporal", server, env)
        running["sandbox"] = await _start("sandbox", stand_ins, env)
        await _until_listening(running, {"temporal": temporal, "sandbox": autopay})
        await _finished("setup", [python, "-m", "starter", "setup"], env)
        running["worker"] = await _start("worker", [python, "worker.py"], env)
        running["api"] = await _start("api", [python, "-m", "invoicing.web"], env)
        await _until_listening(running, {"api": api, "sandbox": mailbox, "wfirma": wfirma})
        await _until_ready(running, env["PUBLIC_URL"])
        yield (
            Addresses(
                env["PUBLIC_URL"],
                env["TEMPORAL_ADDRESS"],
                ui,
                env["AUTOPAY_BASE_URL"],
                env["WFIRMA_BASE_URL"],
                f"http://127.0.0.1:{mailbox}",
            ),
            env,
        )
    finally:
        for name in reversed(running):
            await _stop(running[name])


def _empty_folder() -> None:
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True)


async def _start(name: str, command: Sequence[str], env: Mapping[str, str]) -> asyncio.subprocess.Process:
    with (DATA / f"{name}.log").open("wb") as log:
        # a session of its own: Ctrl-C at the terminal reaches the demonstration, which stops the others in order
        return await asyncio.create_subprocess_exec(*command, env=env, stdout=log, stderr=log, start_new_session=True)


async def _finished(name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
    process = await _start(name, command, env)
    if await process.wait() != 0:
        raise ProcessEnded(f"{name} failed; see {DATA / f'{name}.log'}")


async def _until_listening(running: Mapping[str, asyncio.subprocess.Process], ports: Mapping[str, int]) -> None:
    async def listening(port: int) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    async with asyncio.timeout(READY_WITHIN):
        for port in ports.values():
            while not await listening(port):
                _demand_alive(running)
                await asyncio.sleep(LOOK_EVERY)


async def _until_ready(running: Mapping[str, asyncio.subprocess.Process], api: str) -> None:
    async with asyncio.timeout(READY_WITHIN), aiohttp.ClientSession() as http:
        while True:
            _demand_alive(running)
            async with http.get(f"{api}/readyz") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(LOOK_EVERY)


def _demand_alive(running: Mapping[str, asyncio.subprocess.Process]) -> None:
    for name, process in running.items():
        if process.returncode is not None:
            raise ProcessEnded(f"{name} ended with {process.returncode}; see {DATA / f'{name}.log'}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()
