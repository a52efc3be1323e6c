"""Lets the Temporal SDK download its own dev server, and takes the program over into our cache.

Guarantee: gives up after a minute without a byte, and tells in one line why. The SDK names the address and
unpacks; only the version is ours, so that every source gives the same server.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tools.temporal import cache
from tools.temporal.cache import Say
from tools.temporal.child import child
from tools.temporal.errors import ProvisionError

PATIENCE = 60.0


def download(final: Path, env: Mapping[str, str], say: Say, python: Path, patience: float = PATIENCE) -> Path:
    """Run the SDK's download in its own process. The caller holds the cache's lock."""
    if not python.exists():
        raise ProvisionError(f"the SDK's download needs {python}: run `make setup`")
    say(f"asking the Temporal SDK to download the CLI {cache.cli_version()}")
    with cache.work_folder(final.parent) as work, tempfile.TemporaryFile("w+", errors="replace") as log:
        command = [str(python), "-m", "tools.temporal.download", str(work), cache.cli_version()]
        with child(command, cache.ROOT, env, log) as process:
            _wait(process, work, patience)
        # The file decides, not the exit code: an interpreter with the SDK may abort after its work.
        made = [path for path in work.iterdir() if not path.name.endswith(".downloading")]
        if not made:
            log.seek(0)
            said = [line.strip() for line in log.read().splitlines() if line.strip()]
            raise ProvisionError(f"the SDK's download did not work: {said[-1][:300] if said else 'it said nothing'}")
        return cache.keep(made[0], final)


def _wait(process: "subprocess.Popen[str]", work: Path, patience: float) -> None:
    size, since = -1, time.monotonic()
    while True:
        try:
            process.wait(timeout=min(1.0, patience))
            return
        except subprocess.TimeoutExpired:
            now = sum(path.stat().st_size for path in work.iterdir())
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since >= patience:
                raise ProvisionError(f"the SDK's download stood still for {patience:.0f} s") from None


async def _start_once(where: str, version: str) -> None:
    from temporalio.testing import WorkflowEnvironment  # the SDK is there only in the virtual environment

    environment = await WorkflowEnvironment.start_local(download_dest_dir=where, dev_server_download_version=version)
    await environment.shutdown()


if __name__ == "__main__":
    asyncio.run(_start_once(sys.argv[1], f"v{sys.argv[2]}"))
