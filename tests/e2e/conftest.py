"""Where commands that start servers have their data."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import open_directory


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Instead of pytest's, which is on a disk, closed to the servers' account, and kept."""
    with open_directory() as path:
        yield path
