from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import live
import pytest

from glasswork.server.run import LocalServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """One living server for all tests that leave no mark on it."""
    running = live.start(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[LocalServer]:
    """A server of its own, for tests that count, fill or exhaust something."""
    running = live.start(tmp_path)
    yield running
    running.stop()
