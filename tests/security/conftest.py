"""What tests of who is let in may ask for."""

from pathlib import Path

import pytest

from tests.api.conftest import client, serving
from tests.security.authority import Authority

__all__ = ["client", "serving"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Signs for this test."""
    return Authority(tmp_path)
