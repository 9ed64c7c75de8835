"""Bugs in the planes of a run, each of which the checker must find: what a clean run is worth."""

import asyncpg

from tests.faults.bugs import bugs
from tests.faults.mutations import Code, SqlFunction, Statement


def plant_in_process(name: str) -> None:
    """Put the bug into this process, for as long as it lives."""
    for mutation in bugs()[name].mutations:
        if isinstance(mutation, Code | Statement):
            mutation.put_in()


async def plant_in_database(name: str, owner: asyncpg.Connection) -> None:
    """Put the bug into this database."""
    for mutation in bugs()[name].mutations:
        if isinstance(mutation, SqlFunction):
            await mutation.apply(owner)
