"""
A server to be killed: what `foliot dev` does with its servers, and nothing else. Run as a
program of its own, with the data directory and `kernel` or `pipe` for how its children
learn of its death. It announces itself once it is ready, and ends with SIGTERM.
"""

import asyncio
import sys
from pathlib import Path
from unittest import mock

from control_plane.embedded import Child, Embedded, ended_by_signals


async def serve(data_dir: str) -> None:
    """Serve until a signal comes. `sleeper` stands for an executor, with a child of its own."""
    code = (
        "import subprocess; s = subprocess.Popen(['/bin/sleep', '1234']); print('up', flush=True)"
    )
    log = Path(data_dir, "logs", "sleeper.log")

    async def is_ready() -> bool:
        return "up" in await asyncio.to_thread(log.read_text)

    sleeper = Child(
        name="sleeper", command=[sys.executable, "-c", f"{code}; s.wait()"], is_ready=is_ready
    )
    with ended_by_signals():
        async with Embedded(data_dir) as embedded:
            await embedded.supervisor.start(sleeper)
            embedded.announce(
                address="127.0.0.1:1", tenant_id="t", api_key="secret", executor_key="secret"
            )
            await embedded.supervisor.wait()


if __name__ == "__main__":
    told_by_kernel = sys.argv[2] == "kernel"
    with mock.patch("control_plane.embedded.keeper.KERNEL_TELLS", told_by_kernel):
        asyncio.run(serve(sys.argv[1]))
