"""How long a token is good for."""

import argparse
from datetime import timedelta

import pytest

from starter.token import duration


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("9s", timedelta(seconds=9)),
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("30d", timedelta(days=30)),
    ],
)
def test_a_time_is_read_as_it_is_written(written: str, meant: timedelta) -> None:
    assert duration(written) == meant


@pytest.mark.parametrize("written", ["", "0h", "-1h", "1", "1.5h", "1 h", "1w", "99999999d"])
def test_anything_else_is_refused_before_a_token_is_made(written: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        duration(written)
