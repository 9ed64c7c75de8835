"""
`python -m tests.campaigns.upgrades`: an upgrade and its undoing, under load, plane by plane.

The release before is the baseline's code; the one after is this code with one more migration. At
every step both work beside each other, all instances go one round further, and no caller who tries
again is refused.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.campaigns.release.running import say
from tests.campaigns.upgrades.clients import Client, Load
from tests.campaigns.upgrades.deployment import Deployment, Failed, Release, free_port, leaves
from tests.campaigns.upgrades.releases import the_one_after, the_one_before
from tests.servers import new_database, running_servers
from tests.upgrades.baseline import HistoryMissing

Step = tuple[str, Callable[[], Awaitable[object]]]


def main() -> int:
    """Zero when nothing was refused, lost or left."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--instances", type=int, default=20, help="that live through all of it")
    options.add_argument("--keep", action="store_true", help="keep the planes' logs")
    chosen = options.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="foliot-upgrades-"))
    is_good = True
    try:
        before, after = the_one_before(directory), the_one_after(directory)
        with running_servers() as servers:
            url = asyncio.run(new_database(servers))
            asyncio.run(
                _story(
                    Deployment(directory=directory, database_url=url, redis_url=servers.redis_url),
                    before,
                    after,
                    chosen.instances,
                )
            )
    except* HistoryMissing as missing:
        say(f"skipped: {missing.exceptions[0]}")
    except* Failed as errors:
        for error in leaves(errors):
            say(f"WRONG  {error}")
        say(f"the planes' logs are in {directory}")
        is_good = False
    if is_good and not chosen.keep:
        shutil.rmtree(directory)
    return 0 if is_good else 1


async def _story(deployment: Deployment, before: Release, after: Release, count: int) -> None:
    a, b = free_port(), free_port()
    say(await deployment.command(before, "migrate"))
    await deployment.make_keys(before)
    for name, port in (("a", a), ("b", b)):
        await deployment.control_plane(before, f"control-plane-{name}", port)
        await deployment.executor(before, f"executor-{name}", port)
    client = Client(ports=(a, b), key=deployment.keys["caller"])
    load = Load(client=Client(ports=(b, a), key=deployment.keys["caller"]))
    await client.define()
    lives = [await client.start(f"long-{number}") for number in range(count)]

    def put(release: Release, name: str) -> Callable[[], Awaitable[object]]:
        async def replaced() -> None:
            await deployment.end(name)
            place = deployment.control_plane if "control" in name else deployment.executor
            await place(release, name, a if name.endswith("-a") else b)

        return replaced

    steps: list[Step] = [
        ("migrate, by the release after", lambda: _migrate(deployment, after)),
        ("control plane a to the release after", put(after, "control-plane-a")),
        ("control plane b", put(after, "control-plane-b")),
        ("executor a", put(after, "executor-a")),
        ("back: migrate, by the release before", lambda: _migrate(deployment, before)),
        ("back: control plane a", put(before, "control-plane-a")),
        ("executor b to the release after", put(after, "executor-b")),
        ("back: control plane b", put(before, "control-plane-b")),
        ("forward: control plane a", put(after, "control-plane-a")),
        ("forward: control plane b", put(after, "control-plane-b")),
    ]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run())
            await _rounds(client, lives, 1)
            for number, (what, do) in enumerate(steps, start=2):
                began = time.monotonic()
                await do()
                took = time.monotonic() - began
                await asyncio.gather(*(client.send(one, "NEXT") for one in lives))
                await _rounds(client, lives, number)
                say(f"good   {what}: {took:.1f} s; all {count} went on; {load.lives} other lives")
            load.stop()
        for instance_id in lives:
            await client.send(instance_id, "END")
        for instance_id in lives:
            await client.completed(instance_id)
        say(await deployment.command(after, "doctor", "--database-url", deployment.database_url))
        await deployment.end(*list(deployment.running))
    finally:
        deployment.kill_all()
        await client.close()
        await load.client.close()
    tries = client.tries + load.client.tries
    answered = client.answered + load.client.answered
    say(f"{answered} calls, {tries - answered} tried again, 0 refused; {load.lives + count} lives")


async def _migrate(deployment: Deployment, release: Release) -> None:
    for line in (await deployment.command(release, "migrate")).splitlines():
        say(f"       {line}")


async def _rounds(client: Client, lives: list[str], count: int) -> None:
    await asyncio.gather(*(client.rested(one, count) for one in lives))


if __name__ == "__main__":
    sys.exit(main())
