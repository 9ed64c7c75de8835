"""A data directory that the servers of any account get through."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A temporary directory that others may traverse; pytest's own tmp_path is closed."""
    path = Path(tempfile.mkdtemp(prefix="foliot-embedded-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become somebody else to try it"
)
