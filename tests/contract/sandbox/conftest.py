"""Fixtures of the stand-ins' tests."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.sandbox.stage import Shop, open_shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as opened:
        yield opened
