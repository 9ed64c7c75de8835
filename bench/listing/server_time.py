"""What a page costs the database: the processor time of its processes, whatever else runs."""

from pathlib import Path

import asyncpg

BACKENDS = """
SELECT a.pid FROM pg_stat_activity a
 WHERE a.backend_type IN ('client backend', 'parallel worker') AND a.pid <> pg_backend_pid()
"""


class ServerTime:
    """
    Of the processes that serve clients, as Linux counts it; None on other systems. A page waits
    for nothing else when its blocks are in memory, so this is what it takes on an idle machine.
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._processes: list[Path] = []

    async def look_up(self) -> None:
        """See which processes there are."""
        rows = await self._connection.fetch(BACKENDS)
        self._processes = [Path(f"/proc/{row['pid']}/schedstat") for row in rows]

    def seconds(self) -> float | None:
        """So far, of all of them."""
        told = [one.read_text() for one in self._processes if one.exists()]
        return sum(int(text.split()[0]) for text in told) / 1e9 if told else None
