"""What tests of the executor may ask for."""

from tests.executor.databases import migrated

__all__ = ["migrated"]
