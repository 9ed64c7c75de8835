"""The retention loop: nothing is removed that is not in the archive, however it ends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from control_plane.loops.retention import Retention
from control_plane.ports.archive import Archive, ArchiveUnavailable
from control_plane.ports.retention import Whole
from control_plane.use_cases import remove_past
from shared import json
from shared.ids import InstanceId, TenantId
from tests.contract.conftest import migrated_template, world
from tests.contract.worlds import ACME, World
from tests.orchestrator.stage import Stage

__all__ = ["migrated_template", "world"]

DAY = timedelta(days=1)
SPEC = {"initial": "open", "states": {"open": {"on": {"END": "done"}}, "done": {"type": "final"}}}


class Remembered:
    """An archive that can be out of reach."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.is_away = False

    async def keep(self, tenant_id: TenantId, name: str, lines: Sequence[str]) -> None:
        assert tenant_id == ACME
        if self.is_away:
            raise ArchiveUnavailable("away")
        self.lines += lines

    @property
    def ids(self) -> set[str]:
        return {json.load(line)["instance"]["instance_id"] for line in self.lines}  # type: ignore[index, call-overload, misc]  # an object


@asynccontextmanager
async def at_work(world: World) -> AsyncIterator[Stage]:
    stage = Stage(world)
    await stage.define(SPEC)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.orchestrator.run(stop))
        yield stage
        stop.set()


async def over(stage: Stage, count: int = 1) -> list[InstanceId]:
    """Instances that have ended."""
    ids = [(await stage.start()).instance_id for _ in range(count)]
    for instance_id in ids:
        await stage.send(instance_id, "END")
    return ids


async def one_pass(world: World, archive: Archive | None) -> bool:
    return await Retention(world.retention, archive, share=1.0).remove_all(asyncio.Event())


class TestAPass:
    async def test_archives_and_removes_what_is_past(self, world: World) -> None:
        """Of what lives, nothing."""
        archive = Remembered()
        async with at_work(world) as stage:
            gone = await over(stage, 3)
            lives = (await stage.start()).instance_id
            await world.retention.put(ACME, "", DAY, archives=True)
            await world.move_clock(DAY)

            assert await one_pass(world, archive)

            assert "waiting" == (await stage.instance(lives)).status
        assert {str(one) for one in gone} == archive.ids
        assert 1 == (await world.row_counts())["instance"]

    async def test_discards_what_is_not_to_be_archived(self, world: World) -> None:
        """Somebody has said so."""
        archive = Remembered()
        async with at_work(world) as stage:
            await over(stage, 2)
        await world.retention.put(ACME, "", DAY, archives=False)
        await world.move_clock(DAY)

        await one_pass(world, archive)

        assert [] == archive.lines
        assert {} == await world.row_counts()

    async def test_removes_nothing_where_there_is_no_archive(self, world: World) -> None:
        """Forgetting to set a directory must not cost what it is for."""
        async with at_work(world) as stage:
            await over(stage, 2)
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(DAY)

        await one_pass(world, None)

        assert 2 == (await world.row_counts())["instance"]

    async def test_removes_nothing_that_the_archive_did_not_take(self, world: World) -> None:
        """And goes on once it is back."""
        archive = Remembered()
        archive.is_away = True
        async with at_work(world) as stage:
            await over(stage, 2)
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(DAY)
        retention = Retention(world.retention, archive, share=1.0)

        with pytest.raises(ArchiveUnavailable):
            await retention.remove_all(asyncio.Event())
        left = (await world.row_counts())["instance"]
        archive.is_away = False
        await retention.remove_all(asyncio.Event())

        assert 2 == left
        assert 2 == len(archive.ids)
        assert {} == await world.row_counts()

    async def test_that_died_after_archiving_is_repeated_by_the_next(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same lines again: whoever reads the archive may meet one twice, and never half."""
        archive = Remembered()
        async with at_work(world) as stage:
            await over(stage, 2)
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(DAY)
        remove = world.retention.remove_instances

        async def dying(_: Sequence[Whole]) -> int:
            raise ConnectionResetError

        monkeypatch.setattr(world.retention, "remove_instances", dying)
        retention = Retention(world.retention, archive, share=1.0)
        with pytest.raises(ConnectionResetError):
            await retention.remove_all(asyncio.Event())
        monkeypatch.setattr(world.retention, "remove_instances", remove)
        await retention.remove_all(asyncio.Event())

        assert (4, 2) == (len(archive.lines), len(set(archive.lines)))
        assert {} == await world.row_counts()

    async def test_is_one_replicas(self, world: World) -> None:
        """A second one finds it taken, until the first has died or is done."""
        first = Retention(world.retention, None)
        assert await world.retention.take_turn(first._holder, DAY)

        assert not await one_pass(world, None)

    async def test_goes_slice_by_slice(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A transaction of all of it would hold up everybody else."""
        monkeypatch.setattr(remove_past, "LOOK_AT", 4)
        monkeypatch.setattr(remove_past, "REMOVE_AT_ONCE", 3)
        archive = Remembered()
        async with at_work(world) as stage:
            await over(stage, 10)
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(DAY)
        slices: list[int] = []

        await Retention(world.retention, archive, share=1.0).remove_all(
            asyncio.Event(), lambda gone: slices.append(gone.removed)
        )

        assert [3, 1, 3, 1, 2] == slices
        assert {} == await world.row_counts()

    async def test_keeps_an_instance_whose_history_is_not_whole(self, world: World) -> None:
        """The others go."""
        archive = Remembered()
        async with at_work(world) as stage:
            broken, well = await over(stage, 2)
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(DAY)
        whole = world.retention.whole

        async def torn(keys: Sequence[object]) -> Sequence[Whole]:
            found = await whole(keys)  # type: ignore[arg-type]  # as they came
            return [
                Whole(instance=one.instance, tasks=one.tasks, entries=one.entries[:-1])
                if one.instance.instance_id == broken
                else one
                for one in found
            ]

        world.retention.whole = torn  # type: ignore[method-assign]  # no other way
        await one_pass(world, archive)

        assert {str(well)} == archive.ids
        assert 1 == (await world.row_counts())["instance"]

    async def test_that_is_stopped_gives_its_turn_away(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A server that goes away must not keep the others waiting for as long as a turn lasts."""
        monkeypatch.setattr(remove_past, "REMOVE_AT_ONCE", 1)
        archive = Remembered()
        stop = asyncio.Event()
        async with at_work(world) as stage:
            await over(stage, 2)
            await world.retention.put(ACME, "", DAY, archives=True)
            await world.move_clock(DAY)
            first = Retention(world.retention, archive, share=1.0)

            was_done = await first.remove_all(stop, lambda _: stop.set())
            is_done = await one_pass(world, archive)

        assert (False, True, 2) == (was_done, is_done, len(archive.ids))
