"""What every task store promises, kept by the one in memory and the one in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from executor.adapters.database_clock import DatabaseClock
from executor.adapters.memory_task_store import MemoryTaskStore
from executor.adapters.postgres_task_store import PostgresTaskStore
from executor.ports.control_plane import Held
from executor.ports.task_store import SessionExpired, TaskStore
from shared.ids import SessionId, new_instance_id, new_uuid7
from shared.tasks import ClaimedTask, TaskType
from tests.executor.work import a_task, ids_of, make_ready

MINUTE = timedelta(minutes=1)
ALL = tuple(TaskType)
PAST = datetime.fromisoformat("2026-01-01T12:00:00+00:00")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A store, and the control plane's side of it."""

    store: TaskStore
    make_ready: Callable[..., Awaitable[object]]
    expire: Callable[[SessionId], Awaitable[None]]

    async def session(self) -> SessionId:
        """A session that lasts."""
        session_id = SessionId(new_uuid7())
        await self.store.extend_session(session_id, "test", MINUTE)
        return session_id

    async def claim(
        self,
        session_id: SessionId,
        max_tasks: int = 100,
        *,
        queues: tuple[str, ...] = ("default",),
        types: tuple[TaskType, ...] = ALL,
        after: str = "",
    ) -> list[ClaimedTask]:
        """A claim with what most tests claim."""
        return await self.store.claim(session_id, queues, types, max_tasks, after)


def in_memory() -> Subject:
    """The store in memory."""
    store = MemoryTaskStore(DatabaseClock())

    async def ready(
        count: int = 1,
        *,
        tenant_id: str = "acme",
        type: TaskType = TaskType.SYSTEM,  # noqa: A002 - a task's type is its type
        queue: str = "default",
        run_at: datetime = PAST,
    ) -> None:
        instance_id = new_instance_id()
        store.make_ready(
            [
                replace(
                    a_task(
                        type,
                        ordinal=ordinal,
                        epoch=0,
                        attempt=0,
                        tenant_id=tenant_id,
                        instance_id=instance_id,
                        run_at=run_at,
                    ),
                    queue=queue,
                )
                for ordinal in range(1, count + 1)
            ]
        )

    async def expire(session_id: SessionId) -> None:
        store.expire(session_id)

    return Subject(store=store, make_ready=ready, expire=expire)


@pytest.fixture(params=["memory", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """The database; none for the store in memory."""
    return "" if request.param == "memory" else str(request.getfixturevalue("migrated"))


@pytest.fixture
async def subject(url: str) -> AsyncIterator[Subject]:
    """Each store in turn."""
    if not url:
        yield in_memory()
        return
    store = await PostgresTaskStore.connect(url, DatabaseClock())

    async def ready(count: int = 1, **which: Any) -> None:
        await make_ready(url, count, **which)

    async def expire(session_id: SessionId) -> None:
        owner = await asyncpg.connect(url)
        await owner.execute(
            "UPDATE foliot.executor_session SET expires_at = foliot.now() WHERE session_id = $1",
            session_id,
        )
        await owner.close()

    yield Subject(store=store, make_ready=ready, expire=expire)
    await store.close()


class TestASession:
    async def test_lasts_as_long_as_was_asked(self, subject: Subject) -> None:
        """The executor reads the database's clock off the answer."""
        session_id = SessionId(new_uuid7())
        once = await subject.store.extend_session(session_id, "test", MINUTE)
        later = await subject.store.extend_session(session_id, "test", 2 * MINUTE)

        assert timedelta(seconds=55) < later - once < timedelta(seconds=90)

    async def test_is_not_shortened_by_an_extension(self, subject: Subject) -> None:
        """Two extensions may overtake each other on their way."""
        session_id = SessionId(new_uuid7())
        once = await subject.store.extend_session(session_id, "test", MINUTE)
        again = await subject.store.extend_session(session_id, "test", MINUTE / 2)

        assert once == again

    async def test_that_was_never_opened_claims_nothing(self, subject: Subject) -> None:
        """Its tasks would have no lease that anybody could see running out."""
        await subject.make_ready()

        with pytest.raises(SessionExpired):
            await subject.claim(SessionId(new_uuid7()))

    async def test_that_has_expired_claims_nothing(self, subject: Subject) -> None:
        """Whoever was silent for too long must notice before taking more."""
        session_id = await subject.session()
        await subject.make_ready()
        await subject.expire(session_id)

        with pytest.raises(SessionExpired):
            await subject.claim(session_id)

    async def test_that_was_closed_claims_nothing_and_can_be_closed_again(
        self, subject: Subject
    ) -> None:
        """Closing is the last thing an executor does, and it may have to repeat it."""
        session_id = await subject.session()
        await subject.store.close_session(session_id)
        await subject.store.close_session(session_id)

        with pytest.raises(SessionExpired):
            await subject.claim(session_id)


class TestAClaimedTask:
    async def test_is_not_claimed_again_while_its_session_lives(self, subject: Subject) -> None:
        """One lease a task, whoever asks."""
        await subject.make_ready(3)
        first = await subject.claim(await subject.session())
        second = await subject.claim(await subject.session())

        assert (3, 0) == (len(first), len(second))

    async def test_is_one_attempt_and_one_hand_out_further(self, subject: Subject) -> None:
        """The epoch fences whoever had it before."""
        await subject.make_ready()
        [task] = await subject.claim(await subject.session())

        assert (1, 1) == (task.attempt, task.epoch)

    async def test_has_one_holder_however_many_claim_at_once(self, subject: Subject) -> None:
        """Two claimers race for 200 tasks: together they get all of them, each of them once."""
        await subject.make_ready(200)

        async def claim_all(session_id: SessionId) -> list[ClaimedTask]:
            mine: list[ClaimedTask] = []
            while claimed := await subject.claim(session_id, 7):
                mine += claimed
            return mine

        both = await asyncio.gather(
            claim_all(await subject.session()), claim_all(await subject.session())
        )
        taken = ids_of([task for mine in both for task in mine])

        assert (200, 200) == (len(taken), len(set(taken)))


class TestAClaim:
    async def test_takes_nothing_if_nothing_is_ready(self, subject: Subject) -> None:
        """It answers at once; waiting is the doorbell's business."""
        claimed = await subject.claim(await subject.session())

        assert [] == claimed

    async def test_takes_no_more_than_asked(self, subject: Subject) -> None:
        """What an executor has no room for is somebody else's."""
        await subject.make_ready(5)
        claimed = await subject.claim(await subject.session(), 2)

        assert 2 == len(claimed)

    async def test_takes_from_the_given_queues_only(self, subject: Subject) -> None:
        """A queue is how work is kept for executors of a kind."""
        await subject.make_ready(1, queue="gpu")
        await subject.make_ready(1, queue="default")
        claimed = await subject.claim(await subject.session(), queues=("gpu",))

        assert ["gpu"] == [task.queue for task in claimed]

    async def test_takes_the_given_types_only(self, subject: Subject) -> None:
        """An executor without a handler for a type leaves it to those that have one."""
        await subject.make_ready(1, type=TaskType.HTTP)
        await subject.make_ready(1, type=TaskType.SYSTEM)
        claimed = await subject.claim(await subject.session(), types=(TaskType.HTTP,))

        assert [TaskType.HTTP] == [task.type for task in claimed]

    async def test_takes_the_oldest_first(self, subject: Subject) -> None:
        """Within a tenant, nobody is overtaken."""
        for minutes in (2, 0, 1):
            await subject.make_ready(1, run_at=PAST + minutes * MINUTE)
        claimed = await subject.claim(await subject.session(), 2)

        assert {PAST, PAST + MINUTE} == {task.run_at for task in claimed}

    async def test_shares_between_tenants(self, subject: Subject) -> None:
        """A tenant with a thousand tasks does not keep one with two waiting."""
        await subject.make_ready(20, tenant_id="big")
        await subject.make_ready(2, tenant_id="small")
        claimed = await subject.claim(await subject.session(), 4)

        assert ["big", "big", "small", "small"] == sorted(task.tenant_id for task in claimed)

    async def test_goes_on_with_the_tenant_after_the_last(self, subject: Subject) -> None:
        """With less room than tenants, each still gets its turn; then the round begins anew."""
        for tenant_id in ("a", "b", "c"):
            await subject.make_ready(2, tenant_id=tenant_id)
        session_id = await subject.session()
        turns = []
        after = ""
        for _ in range(4):
            [task] = await subject.claim(session_id, 1, after=after)
            after = task.tenant_id
            turns.append(after)

        assert ["a", "b", "c", "a"] == turns


class TestAReleasedTask:
    async def test_can_be_claimed_again_as_if_it_had_not_been(self, subject: Subject) -> None:
        """The attempt does not count, as it was never begun; the epoch stays used."""
        await subject.make_ready()
        session_id = await subject.session()
        given_back = await subject.store.release(session_id, await subject.claim(session_id))
        [task] = await subject.claim(await subject.session())

        assert (1, 1, 2) == (given_back, task.attempt, task.epoch)

    async def test_may_be_one_that_its_executor_never_heard_of(self, subject: Subject) -> None:
        """What was handed out last on a stream that broke: all but what is known goes back."""
        await subject.make_ready(3)
        session_id = await subject.session()
        known, *unknown = await subject.claim(session_id)
        given_back = await subject.store.release_unknown(session_id, [Held.of(known)])
        again = await subject.claim(await subject.session())

        assert (2, [(1, 2), (1, 2)]) == (given_back, [(one.attempt, one.epoch) for one in again])
        assert set(ids_of(unknown)) == set(ids_of(again))

    async def test_is_not_known_by_an_older_hand_out(self, subject: Subject) -> None:
        """Who knows of epoch 1 does not know that epoch 2 is its own as well."""
        await subject.make_ready()
        session_id = await subject.session()
        [first] = await subject.claim(session_id)
        await subject.store.release(session_id, [first])
        await subject.claim(session_id)

        assert 1 == await subject.store.release_unknown(session_id, [Held.of(first)])

    async def test_of_another_session_stays_where_it_is(self, subject: Subject) -> None:
        """Each executor lets go of its own."""
        await subject.make_ready()
        await subject.claim(await subject.session())

        assert 0 == await subject.store.release_unknown(await subject.session(), [])

    async def test_must_be_the_sessions_own(self, subject: Subject) -> None:
        """Nobody can give away what another one holds."""
        await subject.make_ready()
        claimed = await subject.claim(await subject.session())
        other = await subject.session()
        given_back = await subject.store.release(other, claimed)

        assert (0, []) == (given_back, await subject.claim(other))
