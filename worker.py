"""`python worker.py`: a worker. Stops on SIGINT and SIGTERM, letting running activities finish."""

from __future__ import annotations

import os
import sys

from invoicing.bootstrap import dotenv_path
from invoicing.errors import SettingsFault
from invoicing.leaving import leave
from invoicing.logs import configure
from invoicing.serving import run_worker
from invoicing.settings import environment, load


def main() -> int:
    """Run until told to stop; 2 when the settings are wrong."""
    env = environment(os.environ, dotenv_path())
    try:
        settings = load(env)
    except SettingsFault as fault:
        print(fault.message, file=sys.stderr)
        return 2
    configure(settings.log_level, settings.log_format)
    try:
        return run_worker(settings, env)
    except SettingsFault as fault:
        print(fault.message, file=sys.stderr)
        return 2


if __name__ == "__main__":
    leave(main())
