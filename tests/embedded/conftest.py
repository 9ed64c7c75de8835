"""A data directory that the servers of any account get through."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import open_directory


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A temporary directory that others may traverse; pytest's own tmp_path is closed."""
    with open_directory() as path:
        yield path


needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become somebody else to try it"
)
