"""`foliot migrate`."""

import asyncio

from rich.console import Console

import migrations

NEWEST = "head"


def run_migrate(database_url: str, revision: str) -> None:
    reached = migrations.HEAD if revision == NEWEST else revision
    asyncio.run(migrations.upgrade(database_url, reached))
    Console().print(f"The schema is at revision [bold]{reached}[/].")
