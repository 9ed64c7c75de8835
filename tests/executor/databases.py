"""Fixtures: databases with the schema in them."""

import pytest


@pytest.fixture
def migrated(migrated_url: str) -> str:
    """A database of the test's own, with the schema in it."""
    return migrated_url
