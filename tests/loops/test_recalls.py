"""Attempts that were called off: their holders hear of it at once, if their streams end here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from control_plane.loops import recalls as module
from control_plane.loops.recalls import Recalls
from control_plane.orchestrator import Hand, Hands
from control_plane.ports.claims import HeldTask
from shared.errors import Unavailable
from shared.ids import SessionId
from shared.tasks import TaskType
from tests.contract.material import claimed, open_session, started, step
from tests.contract.worlds import MemoryWorld
from tests.executor.eventually import eventually


class Scene:
    """Two executors of a world, one with its stream here, and what that one was told."""

    def __init__(self, world: MemoryWorld) -> None:
        self.world = world
        self.hands = Hands()
        self.recalls = Recalls(world.claims, self.hands)
        self.told: list[HeldTask] = []

    def join(self, session_id: SessionId) -> None:
        """The session's stream ends here."""
        self.hands.join(
            Hand(
                session_id=session_id,
                queues=frozenset({"default"}),
                types=frozenset(TaskType),
                deliver=lambda _: None,
                give_up=lambda: None,
                recall=self.told.extend,
            )
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The loop is at work."""
        stop = asyncio.Event()
        running = asyncio.create_task(self.recalls.run(stop))
        yield
        stop.set()
        await running


@pytest.fixture
def scene() -> Scene:
    """In memory."""
    return Scene(MemoryWorld())


class TestAnAttemptThatIsCalledOff:
    async def test_is_told_to_who_has_it(self, scene: Scene) -> None:
        """By the epoch that it has it by; the others hear nothing."""
        instance = await started(scene.world, tasks=2)
        ours, elsewhere = await open_session(scene.world), await open_session(scene.world)
        await claimed(scene.world, ours, max_tasks=1)
        await claimed(scene.world, elsewhere, max_tasks=1)
        scene.join(ours)
        async with scene.running():
            scene.recalls.note(step(instance, withdrawn=[1, 2]))
            await eventually(lambda: scene.told)

        assert [HeldTask(instance.instance_id, 1, 1)] == scene.told

    async def test_is_told_when_the_database_is_back(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is forgotten by an error."""
        instance = await started(scene.world, tasks=1)
        ours = await open_session(scene.world)
        await claimed(scene.world, ours)
        scene.join(ours)
        holders, failures = scene.world.claims.holders, [Unavailable("away")]

        async def fails_once(*asked: object) -> object:
            if failures:
                raise failures.pop()
            return await holders(*asked)  # type: ignore[arg-type]  # as it was asked

        monkeypatch.setattr(scene.world.claims, "holders", fails_once)
        async with scene.running():
            scene.recalls.note(step(instance, withdrawn=[1]))
            await eventually(lambda: scene.told)

        assert [] == failures

    async def test_is_left_to_heartbeats_where_no_stream_ends_here(self, scene: Scene) -> None:
        """There is nobody to tell, and nothing is kept for nobody."""
        instance = await started(scene.world, tasks=1)
        scene.recalls.note(step(instance, withdrawn=[1]))

        assert 0 == len(scene.recalls._noted)

    async def test_is_noted_within_a_bound(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A database that stays away must not fill the memory."""
        monkeypatch.setattr(module, "MAX_NOTED", 3)
        instance = await started(scene.world, tasks=1)
        scene.join(await open_session(scene.world))
        for _ in range(10):
            scene.recalls.note(step(instance, withdrawn=[1]))

        assert 3 == len(scene.recalls._noted)
