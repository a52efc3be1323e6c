"""One Temporal server for the session; one world for each file of tests."""

from collections.abc import Iterator

import pytest

from tests.stage_temporal import TemporalServer, temporal_server


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """The dev server that all worlds of this folder share."""
    with temporal_server(tmp_path_factory.mktemp("temporal")) as server:
        yield server
