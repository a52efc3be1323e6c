"""`python -m invoicing.web`: the API and the pages. Stops on SIGINT and SIGTERM, letting open requests finish."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping

import structlog

from invoicing.bootstrap import application, connect_temporal, dotenv_path
from invoicing.errors import SettingsFault
from invoicing.leaving import leave
from invoicing.logs import configure
from invoicing.serving import background, run, stop_on_signals
from invoicing.settings import Settings, environment, load
from invoicing.web.app import create_app
from invoicing.web.parts import parts_of
from invoicing.web.serving_http import address, listening, serve

log = structlog.get_logger("web")


def main() -> int:
    """Run until told to stop; 2 when the settings are wrong, 1 when the address cannot be listened on."""
    env = environment(os.environ, dotenv_path())
    try:
        settings = load(env, for_api=True)
    except SettingsFault as fault:
        print(fault.message, file=sys.stderr)
        return 2
    configure(settings.log_level, settings.log_format)
    try:
        bound = listening(settings.http_host, settings.http_port)
    except OSError as error:
        where = f"HTTP_HOST {settings.http_host}, HTTP_PORT {settings.http_port}"
        print(f"{where} cannot be listened on: {error.strerror or type(error).__name__}; set another", file=sys.stderr)
        return 1
    try:
        return run(lambda: _serving(settings, env, bound))
    except SettingsFault as fault:
        print(fault.message, file=sys.stderr)
        return 2


async def _serving(settings: Settings, env: Mapping[str, str], bound: socket.socket) -> int:
    stop = stop_on_signals()
    temporal = await connect_temporal(env)  # lazy: what is accepted while Temporal is away waits in the database
    async with application(settings) as app, background(app, temporal, "api"):
        web = create_app(parts_of(app, temporal))
        print(f"API on {address(bound)}", flush=True)
        log.info("api_started")
        await serve(web, bound, stop)
    log.info("api_stopped")
    return 0


if __name__ == "__main__":
    leave(main())
