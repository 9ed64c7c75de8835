"""What tests of who is let in may ask for."""

from pathlib import Path

import pytest

from tests.security.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Signs for this test."""
    return Authority(tmp_path)
