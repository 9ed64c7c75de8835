"""Four disasters, each from a deployment under load to one that goes on."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.campaigns.backups.server import Server
from tests.campaigns.backups.site import Site, begin_session, is_void, primary
from tests.campaigns.backups.watching import is_good, position
from tests.campaigns.release.running import say
from tests.campaigns.upgrades.deployment import THIS, Failed

WAITS_WITHIN_S = 60.0
LOOK_EVERY_S = 0.1
AT_ONCE = 100


async def dump_and_restore(directory: Path, redis_url: str, count: int) -> None:
    """pg_dump beside the load; all that is newer than it is gone; another server goes on."""
    site = Site(directory=directory, redis_url=redis_url)
    async with primary(directory, 7001) as old, primary(directory, 7002) as new:
        try:
            await site.begin(old)
            kept = await _many(site, "kept", count)
            brief = await site.client.start("brief", "PT8S")
            session = await begin_session(site.client, site.deployment.keys["executor"])
            before = await position(site.client)
            site.begin_load()
            began = time.monotonic()
            roles, dump = directory / "roles.sql", directory / "foliot.dump"
            await old.run("pg_dumpall", *old.options, "--roles-only", f"--file={roles}")
            await old.run("pg_dump", *old.options, "--format=custom", f"--file={dump}", "foliot")
            dumped = time.monotonic() - began
            lost = await site.client.start("lost")
            later = await position(site.client)
            await _until(lambda: _lives(site, 3))
            await site.drop_load()
            await old.stop("immediate")
            site.deployment.kill_all()

            began = time.monotonic()
            # The owner is there already, with what else the roles need.
            await new.run(
                "psql", *new.options, "--no-psqlrc", "--quiet", "--file", str(roles), "foliot"
            )
            await new.run(
                *("pg_restore", *new.options, "--dbname=foliot", "--jobs=2", "--exit-on-error"),
                str(dump),
            )
            await new.run("vacuumdb", *new.options, "--analyze-only", "--quiet", "foliot")
            restored = time.monotonic() - began
            size = int(await new.sql("SELECT pg_database_size('foliot')")) // 1024**2
            site.deployment.database_url = new.url
            await site.deployment.command(THIS, "migrate")
            await site.serve(new)
            served = time.monotonic() - began
            await site.client.completed(brief)
            await _go_on(site, kept)
            await _expect(
                "a start repeated gets the first one's instance",
                kept["kept-1"],
                site.client.start("kept-1"),
            )
            again = await site.client.start("lost")
            if again == lost:
                raise Failed("what came after the dump should be gone")
            await _refused(site, later)
            goes_on = await is_good(site.client, before)
            await _void(site, session)
            await site.examine()
            say(
                f"good   dump and restore: {count} instances, {size} MiB; dumped under load in"
                f" {dumped:.1f} s, restored in {restored:.1f} s, serving after {served:.1f} s;"
                f" a position from before it {'goes on' if goes_on else 'is refused'}"
            )
        finally:
            await site.close()


async def recovery(directory: Path, redis_url: str, count: int) -> None:
    """A base backup and the archive, up to an instant: the servers' own way back."""
    site = Site(directory=directory, redis_url=redis_url)
    async with primary(directory, 7003) as old:
        new = Server(directory=directory, number=7004)
        try:
            await site.begin(old)
            kept = await _many(site, "kept", count)
            await old.run(
                "pg_basebackup", *old.options, f"--pgdata={new.data}", "--checkpoint=fast"
            )
            early = await site.client.start("early")
            known = await position(site.client)
            instant = (await old.sql("SELECT clock_timestamp()")).strip()
            await asyncio.sleep(LOOK_EVERY_S)  # the instant lies between two commits
            lost = await site.client.start("lost")
            later = await position(site.client)
            session = await begin_session(site.client, site.deployment.keys["executor"])
            await old.sql("SELECT pg_switch_wal()")
            await _until(lambda: _archived(old))
            await old.stop("immediate")
            site.deployment.kill_all()

            began = time.monotonic()
            (new.data / "recovery.signal").touch()
            new.more = {
                "restore_command": f"cp {old.archive}/%f %p",
                "recovery_target_time": instant,
                "recovery_target_action": "promote",
            }
            await new.start()
            await _until(lambda: _promoted(new))
            recovered = time.monotonic() - began
            await site.serve(new)
            await _go_on(site, kept)
            await _expect("early", early, site.client.start("early"))
            if await site.client.start("lost") == lost:
                raise Failed("what came after the instant should be gone")
            if not await is_good(site.client, known):
                raise Failed("a position from before the instant should be good")
            await _refused(site, later)
            await _void(site, session)
            await site.examine()
            say(f"good   recovery to an instant: {count} instances, in {recovered:.1f} s")
        finally:
            await site.close()
            await new.stop("immediate")


async def failover(directory: Path, redis_url: str, count: int) -> None:
    """
    The primary dies and its standby is promoted, without having had the last commits. The planes
    run on, notice, and are started again.
    """
    site = Site(directory=directory, redis_url=redis_url)
    async with primary(directory, 7005) as old:
        standby = Server(directory=directory, number=7006)
        try:
            await _follow(standby, old)
            await site.begin(old, standby)
            kept = await _many(site, "kept", count)
            known = await position(site.client)
            await _until(lambda: _has_all(old, standby))
            await standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
            await standby.sql("SELECT pg_reload_conf()")
            await _until(lambda: _receives_nothing(standby))
            lost = await site.client.start("lost")
            later = await position(site.client)
            session = await begin_session(site.client, site.deployment.keys["executor"])
            await old.stop("immediate")
            began = time.monotonic()
            await standby.run("pg_ctl", "promote", f"--pgdata={standby.data}", "--wait")
            await site.planes_ended()
            noticed = time.monotonic() - began
            await site.serve(old, standby)
            served = time.monotonic() - began
            await _go_on(site, kept)
            if await site.client.start("lost") == lost:
                raise Failed("the standby had not had it")
            if not await is_good(site.client, known):
                raise Failed("a position that the standby had should be good")
            await _refused(site, later)
            await _void(site, session)
            await site.examine()
            say(
                f"good   failover that loses commits: both planes noticed after {noticed:.1f} s,"
                f" serving again after {served:.1f} s"
            )
        finally:
            await site.close()
            await standby.stop("immediate")


async def synchronous(directory: Path, redis_url: str, count: int) -> None:
    """The same under load, with a synchronous standby: nothing that was acknowledged is lost."""
    site = Site(directory=directory, redis_url=redis_url)
    async with primary(directory, 7007) as old:
        standby = Server(directory=directory, number=7008)
        try:
            await _follow(standby, old)
            await old.sql("ALTER SYSTEM SET synchronous_standby_names = '*'", "postgres")
            await old.sql("SELECT pg_reload_conf()", "postgres")
            await site.begin(old, standby)
            kept = await _many(site, "kept", count)
            site.begin_load()
            await _until(lambda: _lives(site, 10))
            known = await position(site.client)
            await old.stop("immediate")
            acknowledged = list(site.load.begun)
            await standby.run("pg_ctl", "promote", f"--pgdata={standby.data}", "--wait")
            await site.planes_ended()
            await site.serve(old, standby)
            # Callers have tried again all the while, and go on.
            more = site.load.lives + 5
            await _until(lambda: _lives(site, more))
            await site.end_load()
            there = await standby.sql("SELECT business_key FROM foliot.instance")
            missing = set(acknowledged) - set(there.split())
            if missing:
                raise Failed(f"acknowledged and lost: {', '.join(sorted(missing))}")
            if not await is_good(site.client, known):
                raise Failed("every position should be good where nothing was lost")
            await _go_on(site, kept)
            await site.examine()
            say(
                f"good   failover with a synchronous standby: {len(acknowledged) + count}"
                " acknowledged, 0 lost"
            )
        finally:
            await site.close()
            await standby.stop("immediate")


async def _follow(standby: Server, of: Server) -> None:
    await of.run(
        *("pg_basebackup", *of.options, f"--pgdata={standby.data}", "--checkpoint=fast"),
        "--write-recovery-conf",
    )
    await standby.start()


async def _many(site: Site, name: str, count: int) -> dict[str, str]:
    """Instances that rest, by their business keys."""
    keys = [f"{name}-{number}" for number in range(1, count + 1)]
    found: dict[str, str] = {}
    for start in range(0, count, AT_ONCE):
        some = keys[start : start + AT_ONCE]
        found.update(zip(some, await asyncio.gather(*map(site.client.start, some)), strict=True))
    for one in list(found.values())[-AT_ONCE:]:
        await site.client.rested(one, 1)
    return found


async def _go_on(site: Site, kept: dict[str, str]) -> None:
    """A round more and the end, of some of them."""
    some = list(kept.values())[:20]
    for one in some:
        await site.client.rested(one, 1)
        await site.client.send(one, "NEXT")
    for one in some:
        await site.client.rested(one, 2)
        await site.client.send(one, "END")
        await site.client.completed(one)


async def _expect(what: str, expected: str, found: Awaitable[str]) -> None:
    got = await found
    if got != expected:
        raise Failed(f"{what}: {got} and not {expected}")


async def _refused(site: Site, *positions: str) -> None:
    for one in positions:
        if await is_good(site.client, one):
            raise Failed("a position that this database does not know was taken for another")


async def _void(site: Site, session: str) -> None:
    if not await is_void(site.client, site.deployment.keys["executor"], session):
        raise Failed("a worker's session from before goes on")


async def _lives(site: Site, count: int) -> bool:
    return site.load.lives >= count


async def _archived(server: Server) -> bool:
    """Whether all that is in a finished file of the log is in the archive."""
    waiting = server.data / "pg_wal" / "archive_status"
    return not list(waiting.glob("*.ready"))


async def _promoted(server: Server) -> bool:
    return await server.sql("SELECT pg_is_in_recovery()") == "f"


async def _receives_nothing(server: Server) -> bool:
    return await server.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0"


async def _has_all(primary_: Server, standby: Server) -> bool:
    at = await primary_.sql("SELECT pg_current_wal_lsn()")
    return await standby.sql(f"SELECT pg_last_wal_replay_lsn() >= '{at}'") == "t"


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    until = time.monotonic() + WAITS_WITHIN_S
    while not await condition():
        if time.monotonic() > until:
            raise Failed("it did not happen in time")
        await asyncio.sleep(LOOK_EVERY_S)
