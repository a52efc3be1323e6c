"""One call of a command: its arguments, the environment, and where it writes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from invoicing.domain.cases import LANGUAGES
from invoicing.settings import Settings, load
from starter.output import Output

DOTENV = Path(".env")
"""Read in the directory the command runs in, which is the repository root."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a command is given. Settings are read by the command, because `token` and `doctor` read them differently."""

    arguments: argparse.Namespace
    env: Mapping[str, str]
    out: Output

    def settings(self, *, for_api: bool = False) -> Settings:
        """The settings. Raises `SettingsFault` naming every fault."""
        return load(self.env, for_api=for_api)

    @property
    def language(self) -> str:
        """The language of labels and messages."""
        return str(self.arguments.language)


class Command(Protocol):
    """A module of this room that is a command."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare options."""

    def run(self, call: Call) -> int:
        """Do it and give back the exit code. Errors of the project's tree are told by `starter.__main__`."""


def language_option(parser: argparse.ArgumentParser) -> None:
    """`--language`, for commands that show labels or messages."""
    parser.add_argument("--language", choices=LANGUAGES, default="pl", help="language of labels and messages")
