"""What tests of the executor may ask for."""

from tests.executor.databases import migrated, template

__all__ = ["migrated", "template"]
