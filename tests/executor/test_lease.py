"""The session's lease: kept, lost, retired; never used again once it has run out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from executor.adapters.database_clock import DatabaseClock
from executor.adapters.memory_task_store import MemoryTaskStore
from executor.lease import Lease
from executor.ports.control_plane import Held
from executor.ports.task_store import SessionExpired
from shared.errors import Unavailable
from shared.ids import SessionId
from tests.executor.eventually import eventually

LEASE = timedelta(seconds=0.3)
LONG = timedelta(minutes=1)
KNOWN = Held("01890000-0000-7000-8000-000000000001:1", 1)


class Store(MemoryTaskStore):
    """A store that can be away, and tells what was asked of it."""

    def __init__(self) -> None:
        super().__init__(DatabaseClock())
        self.is_away = False
        self.hangs = False
        self.void: set[SessionId] = set()
        self.extended: list[SessionId] = []
        self.closed: list[SessionId] = []
        self.cleared: list[tuple[SessionId, list[Held]]] = []

    async def extend_session(self, session_id: SessionId, name: str, lease: timedelta) -> datetime:
        """Extend, unless it is away."""
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_away:
            raise Unavailable("away")
        if session_id in self.void:
            raise SessionExpired("from before a restore")
        self.extended.append(session_id)
        return await super().extend_session(session_id, name, lease)

    async def release_unknown(self, session_id: SessionId, known: Sequence[Held]) -> int:
        """Note it."""
        self.cleared.append((session_id, list(known)))
        return await super().release_unknown(session_id, known)

    async def close_session(self, session_id: SessionId) -> None:
        """Close, unless it is away."""
        if self.is_away:
            raise Unavailable("away")
        self.closed.append(session_id)
        await super().close_session(session_id)


class Holdings:
    """Whose attempts run, and which were stopped."""

    def __init__(self) -> None:
        self.busy: set[SessionId] = set()
        self.lost: list[SessionId] = []

    def holds_for(self, session_id: SessionId) -> bool:
        """Whether the session has attempts."""
        return session_id in self.busy

    def known(self) -> Sequence[Held]:
        """One task, always the same."""
        return [KNOWN]

    def lose_session(self, session_id: SessionId) -> None:
        """Stop them."""
        self.lost.append(session_id)


class Time:
    """A monotonic clock that can be moved on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Now."""
        return asyncio.get_running_loop().time() + self.ahead


@asynccontextmanager
async def kept(
    store: Store, holdings: Holdings, lease: timedelta, time: Time
) -> AsyncIterator[Lease]:
    """A lease that is open and kept meanwhile."""
    it = Lease(store, holdings, name="test", lease=lease, monotonic=time)
    await it.open()
    keeping = asyncio.ensure_future(it.run())
    try:
        yield it
    finally:
        keeping.cancel()


class TestALease:
    async def test_is_extended_well_before_it_runs_out(self) -> None:
        """Three times a lease, so that two failures are survived."""
        store = Store()
        async with kept(store, Holdings(), LEASE, Time()) as lease:
            session_id = lease.session_id
            await eventually(lambda: len(store.extended) >= 5)

        assert {session_id} == set(store.extended)

    async def test_opens_once_the_database_is_there(self) -> None:
        """An executor may be started before it."""
        store = Store()
        store.is_away = True
        lease = Lease(store, Holdings(), name="test", lease=LONG)
        opening = asyncio.ensure_future(lease.open())
        await asyncio.wait([opening], timeout=0.05)
        was_valid = lease.is_valid
        store.is_away = False
        await opening

        assert (False, True) == (was_valid, lease.is_valid)

    async def test_survives_a_database_that_is_away_for_a_moment(self) -> None:
        """Its attempts go on."""
        store, holdings = Store(), Holdings()
        async with kept(store, holdings, LONG, time := Time()) as lease:
            session_id = lease.session_id
            store.is_away = True
            time.ahead = 30
            lease._hurry.set()
            await asyncio.sleep(0)
            store.is_away = False
            lease._hurry.set()
            await eventually(lambda: len(store.extended) >= 2)

        assert (session_id, []) == (lease.session_id, holdings.lost)

    async def test_of_before_a_restore_is_lost_at_once(self) -> None:
        """What it held may have been given to others, under epochs that it knows as its own."""
        store, holdings = Store(), Holdings()
        async with kept(store, holdings, LONG, Time()) as lease:
            session_id = lease.session_id
            store.void.add(session_id)
            lease._hurry.set()
            await eventually(lambda: lease.is_valid and lease.session_id != session_id)

        assert [session_id] == holdings.lost

    async def test_that_cannot_be_extended_is_lost_when_it_runs_out(self) -> None:
        """From then on others may have its tasks, so work on them must stop."""
        store, holdings = Store(), Holdings()
        async with kept(store, holdings, LEASE, Time()) as lease:
            session_id = lease.session_id
            store.is_away = True
            await eventually(lambda: holdings.lost)
            was_valid = lease.is_valid
            store.is_away = False
            await eventually(lambda: lease.is_valid)

        assert [session_id] == holdings.lost
        assert (False, True) == (was_valid, session_id != lease.session_id)

    async def test_is_lost_in_time_even_if_the_database_does_not_answer(self) -> None:
        """A connection that hangs must not keep the executor from noticing."""
        store, holdings = Store(), Holdings()
        async with kept(store, holdings, LEASE, Time()) as lease:
            session_id = lease.session_id
            store.hangs = True
            began = asyncio.get_running_loop().time()
            await eventually(lambda: holdings.lost)
            took = asyncio.get_running_loop().time() - began

        assert [session_id] == holdings.lost
        assert took < 2 * LEASE.total_seconds()

    async def test_that_ran_out_while_we_were_paused_is_not_extended(self) -> None:
        """Extending it would keep alive tasks whose attempts are being stopped."""
        store, holdings = Store(), Holdings()
        async with kept(store, holdings, LONG, time := Time()) as lease:
            session_id = lease.session_id
            extensions = len(store.extended)
            time.ahead = 61
            lease._hurry.set()
            await eventually(lambda: lease.is_valid and lease.session_id != session_id)

        assert session_id not in store.extended[extensions:]
        assert [session_id] == holdings.lost


class TestADoubtfulSession:
    async def test_is_kept_until_its_attempts_have_ended_and_then_closed(self) -> None:
        """It may hold tasks nobody here knows of; closing it is what sets them free."""
        store, holdings = Store(), Holdings()
        async with kept(store, holdings, LEASE, Time()) as lease:
            doubtful = lease.session_id
            holdings.busy.add(doubtful)
            lease.doubt(doubtful)
            await eventually(lambda: store.extended.count(doubtful) >= 4 and lease.is_valid)
            closed_early = list(store.closed)
            holdings.busy.clear()
            await eventually(lambda: store.closed)

        assert ([], [doubtful]) == (closed_early, store.closed)
        assert doubtful != lease.session_id

    async def test_gives_back_what_nobody_here_knows_while_its_attempts_go_on(self) -> None:
        """Again and again: what is assigned before the control plane notices must not hide."""
        store, holdings = Store(), Holdings()
        async with kept(store, holdings, LEASE, Time()) as lease:
            doubtful = lease.session_id
            holdings.busy.add(doubtful)
            lease.doubt(doubtful)
            await eventually(lambda: len(store.cleared) >= 2)

        assert [(doubtful, [KNOWN])] * 2 == store.cleared[:2]
        assert ([], []) == (store.closed, holdings.lost)

    async def test_is_doubted_once(self) -> None:
        """While the database is away, every claim fails; one new session is enough."""
        store = Store()
        async with kept(store, Holdings(), LONG, Time()) as lease:
            store.is_away = True
            lease.doubt(lease.session_id)
            then = lease.session_id
            lease.doubt(lease.session_id)

            assert then == lease.session_id


class TestClosing:
    async def test_ends_every_session(self) -> None:
        """What they held is for others at once."""
        store, holdings = Store(), Holdings()
        async with kept(store, holdings, LONG, Time()) as lease:
            old = lease.session_id
            holdings.busy.add(old)
            lease.doubt(old)
            await lease.close()

            assert {old, lease.session_id} == set(store.closed)

    async def test_does_not_mind_a_database_that_is_away(self) -> None:
        """The sessions end by themselves."""
        store = Store()
        async with kept(store, Holdings(), LONG, Time()) as lease:
            store.is_away = True
            await lease.close()

            assert [] == store.closed
