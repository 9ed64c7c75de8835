"""`foliot migrate`."""

import asyncio

from rich.console import Console

import migrations


def run_migrate(database_url: str, revision: str) -> None:
    asyncio.run(migrations.upgrade(database_url, revision))
    reached = migrations.head() if revision == migrations.HEAD else revision
    Console().print(f"The schema is at revision [bold]{reached}[/].")
