"""Importing does nothing: no socket, no file, no process, no thread, no event loop, no setting."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, module_name, product, sources

NOT_IMPORTED = {"invoicing.storage.migrations.env"}
"""Alembic runs this one as a script, on a connection that it has opened."""

PROBE = """
import asyncio, importlib, json, os, sys, threading

root, names = sys.argv[1], json.loads(sys.stdin.read())
sys.path.insert(0, root)
importing, done = [""], []
MAPPINGS = ("os.py", "<frozen os>", "_collections_abc.py", "<frozen _collections_abc>", "<string>")
WORLD = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.mkdir", "os.remove",
         "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.kill", "os.putenv",
         "sqlite3.", "shutil.", "tempfile.", "signal.", "webbrowser.", "urllib.", "smtplib.",
         "_thread.start_new_thread", "fcntl.")

def hook(event, arguments):
    if not importing[0]:
        return
    written = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    flagged = event == "open" and arguments[1] is None and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if written or flagged or event.startswith(WORLD):
        if ours():
            done.append(f"{importing[0]}: {event} {str(arguments)[:120]}")

def is_ours(file):
    return file.startswith(root + os.sep) and os.sep + ".venv" + os.sep not in file

def ours():
    # The libraries may do as they like; what counts is code of this project, at the top level of a module.
    frame = sys._getframe(2)
    while frame is not None:
        if is_ours(frame.f_code.co_filename):
            return True
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return False
        frame = frame.f_back
    return False

def directly():
    # A library that is called while a class is made may ask for its own switches; our code may not ask for any.
    frame = sys._getframe(2)
    while frame is not None and os.path.basename(frame.f_code.co_filename) in MAPPINGS:
        frame = frame.f_back
    return frame is not None and is_ours(frame.f_code.co_filename)

def no_loop(*arguments, **named):
    done.append(f"{importing[0]}: event loop")
    raise RuntimeError("importing makes no event loop")

sys.addaudithook(hook)
asyncio.new_event_loop = no_loop
before, environment = threading.active_count(), dict(os.environ)
class Watched(type(os.environ)):
    def __getitem__(self, key):
        if importing[0] and directly():
            done.append(f"{importing[0]}: reads {key} from the environment")
        return super().__getitem__(key)
os.environ.__class__ = Watched
for name in names:
    importing[0] = name
    importlib.import_module(name)
importing[0] = ""
if threading.active_count() != before:
    done.append("threads: " + ", ".join(sorted(thread.name for thread in threading.enumerate())))
if dict(os.environ) != environment:
    done.append("the environment was changed")
sys.stdout.write(json.dumps(done))
sys.stdout.flush()
os._exit(0)
"""


def import_all(root: Path, names: list[str], folder: Path) -> list[str]:
    """What importing the modules one after another did, told by a process with an empty environment."""
    ran = subprocess.run(
        [sys.executable, "-B", "-c", PROBE, str(root)],
        input=json.dumps(names), cwd=folder, env={}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    told: list[str] = json.loads(ran.stdout)
    return told


def test_importing_every_module_does_nothing(tmp_path: Path) -> None:
    names = [module_name(path) for path in [*product(), *sources("tools", "bench", "examples")]]
    names = [
        name for name in names if name not in NOT_IMPORTED and not name.startswith("invoicing.storage.migrations.")
    ]
    assert len(names) > 100
    assert import_all(ROOT, names, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_migrations_do_nothing_when_imported(tmp_path: Path) -> None:
    names = [module_name(path) for path in sources("invoicing/storage/migrations") if path.name != "env.py"]
    assert names
    assert import_all(ROOT, names, tmp_path) == []


@pytest.mark.parametrize(
    "code",
    [
        "import socket\nconnection = socket.socket()",
        "from pathlib import Path\nPath('left.txt').write_text('x')",
        "import os\nos.mkdir('left')",
        "import os\naddress = os.environ['PATH'] if 'PATH' in os.environ else None",
        "import os\naddress = os.environ.get('DATABASE_URL')",
        "import os\nos.environ['LEFT'] = 'x'",
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import asyncio\ntry:\n    loop = asyncio.new_event_loop()\nexcept RuntimeError:\n    pass",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])",
        "import sqlite3\ndatabase = sqlite3.connect('left.db')",
    ],
)
def test_a_module_that_does_something_is_found(tmp_path: Path, code: str) -> None:
    room = tmp_path / "room"
    room.mkdir()
    (room / "restless.py").write_text(code)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    assert import_all(room, ["restless"], folder) != []
