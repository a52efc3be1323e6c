"""Reads dynamic-config.yaml without a YAML library, which a bare Python does not have.

Guarantee: reads the small subset that the file uses and refuses everything else by line number, so that a
value is never silently lost; a test holds it against a real YAML parser.
"""

import json
import re
from pathlib import Path

from tools.temporal.errors import ProvisionError

FILE = Path(__file__).with_name("dynamic-config.yaml")

Value = bool | int

_KEY = re.compile(r"([A-Za-z][\w.\-]*):")
_VALUE = re.compile(r"  - value: (true|false|0|[1-9]\d*)")


def read(path: Path = FILE) -> dict[str, Value]:
    """Every setting of the file, in its order."""
    settings: dict[str, Value] = {}
    key: str | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        a_key, a_value = _KEY.fullmatch(line), _VALUE.fullmatch(line)
        if a_key and key is None and a_key[1] not in settings:
            key = a_key[1]
        elif a_value and key is not None:
            settings[key] = json.loads(a_value[1])
            key = None
        else:
            raise ProvisionError(
                f"{path.name}, line {number}: write `key:` once, then `  - value: ` with true, false or a number"
            )
    if key is not None:
        raise ProvisionError(f"{path.name}: {key} has no value")
    return settings


def flags(settings: dict[str, Value]) -> list[str]:
    """The same settings as the dev server takes them on its command line."""
    return [f"--dynamic-config-value={key}={json.dumps(value)}" for key, value in settings.items()]
