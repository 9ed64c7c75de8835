"""Taking work in: when it claims, how much, and what it does when that goes wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from executor.adapters.database_clock import DatabaseClock
from executor.adapters.memory_control_plane import MemoryControlPlane
from executor.adapters.memory_task_store import MemoryTaskStore
from executor.attempts import Attempts
from executor.handlers import Handlers
from executor.handlers.human import HumanHandler
from executor.heartbeats import Heartbeats
from executor.intake import Intake, last_served
from executor.lease import Lease
from executor.ports import Ports
from executor.runner import Runner
from shared.doorbell import NoDoorbell, Ring, task_runner
from shared.errors import Unavailable
from shared.ids import SessionId, new_uuid7
from shared.tasks import ClaimedTask, Outcome, TaskType
from tests.executor.eventually import eventually
from tests.executor.ports import canned
from tests.executor.work import a_task

NEVER = timedelta(hours=1)
RING = Ring(queue=task_runner("default"), ids=(), count=1)


class Store(MemoryTaskStore):
    """Tells how much each claim asked for; loses an answer when told to."""

    def __init__(self) -> None:
        super().__init__(DatabaseClock())
        self.asked: list[int] = []
        self.loses_answers = 0
        self.before_answer: Callable[[SessionId], None] = lambda _: None

    async def claim(
        self,
        session_id: SessionId,
        queues: Sequence[str],
        types: Sequence[TaskType],
        max_tasks: int,
        after: str,
    ) -> list[ClaimedTask]:
        """Claim."""
        claimed = await super().claim(session_id, queues, types, max_tasks, after)
        self.asked.append(max_tasks)
        self.before_answer(session_id)
        if self.loses_answers:
            self.loses_answers -= 1
            raise Unavailable("the connection was cut after the commit")
        return claimed


class Bell(NoDoorbell):
    """Counts who is woken."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    async def ring(self, queue: str, ids: Sequence[str]) -> None:
        """Wake somebody."""
        self.rung.append(queue)


class Patient(HumanHandler):
    """Takes for ever when told to."""

    is_slow = False

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """Done at once, or never."""
        if self.is_slow:
            await asyncio.Event().wait()
        return await super().execute(task, ports)


class Desk:
    """An intake and everything about it."""

    def __init__(self, *, concurrency: int, poll: timedelta) -> None:
        self.store = Store()
        self.handler = Patient()
        self.bell = Bell()
        self.control_plane = MemoryControlPlane()
        self.attempts = Attempts(
            Runner(Handlers([self.handler]), canned()),
            self.control_plane,
            Heartbeats(),
            concurrency=concurrency,
        )
        self.lease = Lease(self.store, self.attempts, name="test", lease=NEVER)
        self.intake = Intake(
            self.store,
            self.lease,
            self.attempts,
            self.bell,
            queues=["default"],
            types=[TaskType.HUMAN],
            poll=poll,
        )

    def make_ready(self, *ordinals: int) -> None:
        """Let tasks be claimed."""
        self.store.make_ready(
            [a_task(TaskType.HUMAN, ordinal=one, epoch=0, attempt=0) for one in ordinals]
        )

    @property
    def reported(self) -> int:
        """How many have ended."""
        return len(self.control_plane.received)


@asynccontextmanager
async def taking(concurrency: int = 10, poll: timedelta = NEVER) -> AsyncIterator[Desk]:
    """An intake that has found nothing yet, and works meanwhile."""
    desk = Desk(concurrency=concurrency, poll=poll)
    await desk.lease.open()
    stop = asyncio.Event()
    running = asyncio.ensure_future(desk.intake.run(stop))
    keeping = asyncio.ensure_future(desk.lease.run())
    await eventually(lambda: desk.store.asked)
    try:
        yield desk
    finally:
        stop.set()
        async with asyncio.timeout(5):
            await running
        keeping.cancel()


class TestTheIntake:
    async def test_claims_when_the_bell_rings(self) -> None:
        """Long before its next poll."""
        async with taking() as desk:
            desk.make_ready(1)
            await desk.intake.on_ring(RING)
            await eventually(lambda: desk.reported == 1)

    async def test_claims_when_no_bell_rings(self) -> None:
        """The poll covers whatever the doorbell loses."""
        async with taking(poll=timedelta(seconds=0.05)) as desk:
            desk.make_ready(1)
            await eventually(lambda: desk.reported == 1)

    async def test_claims_again_until_there_is_nothing_left(self) -> None:
        """One ring for a thousand tasks is enough."""
        async with taking(concurrency=3) as desk:
            desk.make_ready(*range(1, 21))
            await desk.intake.on_ring(RING)
            await eventually(lambda: desk.reported == 20)

            assert 3 == max(desk.store.asked)

    async def test_wakes_somebody_else_when_a_claim_came_back_full(self) -> None:
        """There may be more than it has room for."""
        async with taking(concurrency=2) as desk:
            desk.make_ready(1, 2)
            await desk.intake.on_ring(RING)
            await eventually(lambda: desk.reported == 2)
            await eventually(lambda: desk.bell.rung)

            assert [task_runner("default")] == desk.bell.rung

    async def test_wakes_nobody_when_a_claim_found_less_than_asked(self) -> None:
        """Bells that ring for nothing cost everybody a claim."""
        async with taking(concurrency=5) as desk:
            desk.make_ready(1, 2)
            await desk.intake.on_ring(RING)
            await eventually(lambda: desk.reported == 2)

            assert [] == desk.bell.rung

    async def test_tells_of_a_backlog_while_its_claims_come_back_full(self) -> None:
        """What begins elsewhere must not go past it; one that came back short has seen its end."""
        async with taking(concurrency=2) as desk:
            told: list[bool] = []
            desk.control_plane.look_again = lambda: told.append(desk.attempts.has_backlog)  # type: ignore[method-assign]  # to watch
            desk.make_ready(1, 2, 3)
            await desk.intake.on_ring(RING)
            await eventually(lambda: desk.reported == 3)
            await eventually(lambda: not desk.attempts.has_backlog)

            assert True in told

    async def test_tells_of_a_backlog_when_it_has_no_room_for_what_was_rung(self) -> None:
        """It cannot look; so something may wait."""
        async with taking(concurrency=1) as desk:
            desk.attempts._concurrency = 0
            await desk.intake.on_ring(RING)
            await desk.intake.on_ring(RING)
            await eventually(lambda: desk.attempts.spare == 0)

            async def rung() -> bool:
                await desk.intake.on_ring(RING)
                return desk.attempts.has_backlog

            await eventually(rung)

    async def test_gives_back_what_waits_behind_attempts_that_go_on(self) -> None:
        """Two have filled the same room; what cannot begin here can elsewhere."""
        async with taking(concurrency=1, poll=timedelta(seconds=0.05)) as desk:
            session_id = desk.lease.session_id
            desk.handler.is_slow = True
            desk.make_ready(1, 2)
            await eventually(lambda: desk.attempts.count == 1)
            [assigned] = await desk.store.claim(session_id, ["default"], [TaskType.HUMAN], 1, "")
            desk.attempts.assign(session_id, [assigned])
            await eventually(lambda: desk.bell.rung.count(task_runner("default")) >= 2)
            other = SessionId(new_uuid7())
            await desk.store.extend_session(other, "other", NEVER)
            [again] = await desk.store.claim(other, ["default"], [TaskType.HUMAN], 1, "")

            assert (assigned.task_id, 1, 2) == (again.task_id, again.attempt, again.epoch)

    async def test_tells_of_a_backlog_when_it_had_no_room_to_look_for_as_long_as_a_poll(
        self,
    ) -> None:
        """
        Where no bell rings, instances that give it one task after the other would otherwise keep
        it from all others for as long as they go on.
        """
        async with taking(concurrency=1, poll=timedelta(seconds=0.02)) as desk:
            desk.attempts._concurrency = 0

            async def told() -> bool:
                desk.attempts.freed.set()
                return desk.attempts.has_backlog

            await eventually(told)

    async def test_goes_on_in_a_new_session_after_its_own_has_expired(self) -> None:
        """The database says so before the executor notices."""
        async with taking() as desk:
            expired = desk.lease.session_id
            desk.store.expire(expired)
            desk.make_ready(1)

            async def taken() -> bool:
                await desk.intake.on_ring(RING)
                return desk.reported == 1

            await eventually(taken)

            assert expired != desk.lease.session_id

    async def test_frees_what_was_claimed_when_the_answer_was_lost(self) -> None:
        """Nobody knows of those tasks while the session lives that holds them; so it is ended."""
        async with taking() as desk:
            doubtful = desk.lease.session_id
            desk.make_ready(1)
            desk.store.loses_answers = 1
            await desk.intake.on_ring(RING)
            await eventually(lambda: doubtful not in desk.store._sessions)

            assert doubtful != desk.lease.session_id

    async def test_begins_nothing_that_its_session_gives_back_meanwhile(self) -> None:
        """The stream broke while the claim was under way: others may have the tasks by now."""
        async with taking() as desk:
            first = desk.lease.session_id
            desk.store.before_answer = lambda _: desk.lease.doubt(first)
            desk.make_ready(1)

            async def taken() -> bool:
                await desk.intake.on_ring(RING)
                return desk.reported == 1

            await eventually(taken)

            assert [2] == [one.held.epoch for one in desk.control_plane.received]

    async def test_does_not_claim_without_room(self) -> None:
        """What it cannot begin is for others."""
        async with taking(concurrency=1, poll=timedelta(seconds=0.02)) as desk:
            desk.control_plane.is_silent = True
            asked = len(desk.store.asked)
            desk.attempts._concurrency = 0
            await eventually(lambda: len(desk.store.asked) > asked or desk.attempts.spare == 0)
            desk.make_ready(1)
            await desk.intake.on_ring(RING)
            for _ in range(20):
                await asyncio.sleep(0)

            assert 0 == desk.reported


class TestTheRoundBetweenTenants:
    @pytest.mark.parametrize(
        ("served", "after", "last"),
        [
            (["b", "c"], "a", "c"),
            (["c", "a"], "b", "a"),
            (["a", "b", "c"], "b", "b"),
            (["a"], "", "a"),
        ],
    )
    def test_stops_where_the_last_tenant_was_served(
        self, served: list[str], after: str, last: str
    ) -> None:
        """Past the end it begins anew, whatever order the rows come in."""
        assert last == last_served(served, after)
