"""`foliot migrate`."""

import asyncio

from rich.console import Console

import migrations

NEWEST = "head"


def run_migrate(database_url: str, revision: str) -> None:
    """Tell each migration as it is done. Raises PreconditionFailed and Unavailable."""
    console = Console(highlight=False)
    reached = migrations.HEAD if revision == NEWEST else revision
    asyncio.run(migrations.upgrade(database_url, reached, console.print))
