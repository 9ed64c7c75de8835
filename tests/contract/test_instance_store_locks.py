"""Writers that meet: none waits, none is lost. Memory has one writer and no part in this."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from control_plane.ports.claims import Beat, HeldTask
from control_plane.ports.instance_store import KeyTaken, NewAnswer, Release, WriteRefused
from control_plane.ports.limit_store import TaskLimit
from control_plane.ports.records import InstanceKey
from tests.contract.material import (
    claimed,
    found_instance,
    instance,
    leased,
    new_task,
    open_session,
    start,
    started,
    step,
)
from tests.contract.worlds import ACME, PostgresWorld
from tests.faults.mutations import TurnStatement

WITHOUT_WAITING_S = 2.0
"""Far below lock_timeout, far above what a write takes."""

GATE = 7
"""An advisory lock that a write waits for, in the middle of its statement."""


class TestAWrite:
    async def test_passes_over_an_instance_that_another_writes(
        self, postgres: PostgresWorld
    ) -> None:
        """A batch of a hundred must not wait for one row."""
        locked, free = await started(postgres), await started(postgres)
        async with postgres.owner.transaction():
            await postgres.owner.execute(
                "SELECT FROM foliot.instance WHERE instance_id = $1 FOR NO KEY UPDATE",
                locked.instance_id,
            )

            kept = await asyncio.wait_for(
                postgres.store.write([step(locked), step(free)]), WITHOUT_WAITING_S
            )

        assert frozenset({free.key}) == kept

    async def test_passes_over_a_lease_that_another_ends(self, postgres: PostgresWorld) -> None:
        """A rescue of the same task is under way: it decides, not us."""
        held, free = await started(postgres, tasks=1), await started(postgres)
        await claimed(postgres, await open_session(postgres))
        epoch = (await leased(postgres, held, 1)).epoch
        async with postgres.owner.transaction():
            await postgres.owner.execute(
                "SELECT FROM foliot.lease WHERE instance_id = $1 FOR UPDATE", held.instance_id
            )

            kept = await asyncio.wait_for(
                postgres.store.write([step(held, fences=[(1, epoch)]), step(free)]),
                WITHOUT_WAITING_S,
            )

        assert frozenset({free.key}) == kept

    async def test_that_a_heartbeat_crosses_is_made_with_fresh_state_or_whole(
        self, postgres: PostgresWorld
    ) -> None:
        """
        A lease that stays behind a task that goes on would keep it from every claim, for as long
        as its executor lives.
        """
        held = await started(postgres, tasks=1)
        await claimed(postgres, await open_session(postgres))
        epoch = (await leased(postgres, held, 1)).epoch
        async with gated(postgres, "fence"):
            write = asyncio.create_task(postgres.store.write([step(held, fences=[(1, epoch)])]))
            await _waits(postgres)
            beat = Beat(ACME, HeldTask(held.instance_id, 1, epoch), '"half"')
            await postgres.claims.beat([beat])
        kept = await asyncio.wait_for(write, WITHOUT_WAITING_S)

        leases = (await postgres.row_counts()).get("lease", 0)
        assert (held.key in kept) == (leases == 0)

    async def test_loses_no_update_among_many_writers(self, postgres: PostgresWorld) -> None:
        """Every kept change is one revision and one entry; every other one is known to be lost."""
        fresh = await started(postgres)
        kept_by_each = await asyncio.gather(*(_steps(postgres, fresh.key) for _ in range(4)))

        found = await found_instance(postgres, fresh.key)
        assert found is not None
        assert 1 + sum(kept_by_each) == found.revision
        entries = await postgres.reader.list_history(
            ACME, fresh.instance_id, after_seq=0, limit=1_000
        )
        assert list(range(1, found.revision + 1)) == [entry.seq for entry in entries]

    async def test_of_one_request_id_by_two_writers_is_kept_once(
        self, postgres: PostgresWorld
    ) -> None:
        """Two control planes, one request: whoever is second is told so."""
        now = await postgres.now()
        answer = NewAnswer(scope="request", key="r1", fingerprint=b"asked", answer="1")

        outcomes = await asyncio.gather(
            *(postgres.store.write([start(instance(now), answers=[answer])]) for _ in range(4)),
            return_exceptions=True,
        )

        assert 3 == sum(isinstance(outcome, KeyTaken) for outcome in outcomes)
        assert 1 == (await postgres.row_counts())["instance"]

    async def test_of_an_instance_that_exists_is_known_by_whatever_row_says_so_first(
        self, postgres: PostgresWorld
    ) -> None:
        """A commit that nobody heard of has tasks too; meeting them is no bug, and may pass."""
        fresh = instance(await postgres.now())
        born = start(fresh, new_tasks=[new_task(fresh, 1)])
        await postgres.store.write([born])
        # As once it was claimed: what is left to meet are its task and itself.
        await postgres.owner.execute("DELETE FROM foliot.ready; DELETE FROM foliot.history")

        with pytest.raises(KeyTaken):
            await postgres.store.write([born])


class TestAResumedInstance:
    async def test_has_its_tasks_claimable_though_their_key_is_given_a_limit_meanwhile(
        self, postgres: PostgresWorld
    ) -> None:
        """What a resumption does not find where it was would rest for ever."""
        fresh = await started(postgres)
        pausing = step(fresh, new_tasks=[new_task(fresh, 1, limit_key="bank")])
        paused = replace(pausing.after, paused_at=fresh.updated_at)
        await postgres.store.write([replace(pausing, after=paused)])
        resuming = step(paused, release=Release(shift=timedelta(0)))
        resuming = replace(resuming, after=replace(resuming.after, paused_at=None))
        async with gated(postgres, "releasing"):
            write = asyncio.create_task(postgres.store.write([resuming]))
            await _waits(postgres)
            limit = TaskLimit(key="bank", max_running=1)
            await postgres.limits.put(ACME, limit, at_most=1)
        kept = await asyncio.wait_for(write, WITHOUT_WAITING_S)
        rests = await postgres.owner.fetchval(
            "SELECT count(*) FROM foliot.delayed WHERE run_at = 'infinity'"
        )

        assert (frozenset({fresh.key}), 0) == (kept, rests)


class TestAWriteThatCannotBeTaken:
    @pytest.mark.parametrize("ordinal", [2**31, 2**63])
    async def test_is_refused_and_keeps_nothing(
        self, postgres: PostgresWorld, ordinal: int
    ) -> None:
        """A number that does not fit says nothing about the database, which is well."""
        fresh = instance(await postgres.now())
        bystander = instance(await postgres.now())

        with pytest.raises(WriteRefused):
            await postgres.store.write(
                [start(bystander), start(fresh, new_tasks=[new_task(fresh, ordinal)])]
            )

        assert await postgres.row_counts() == {}

    async def test_is_refused_by_the_table(self, postgres: PostgresWorld) -> None:
        """A closed instance without an end would be in no listing."""
        fresh = await started(postgres)
        endless = replace(step(fresh).after, status="completed")

        with pytest.raises(WriteRefused, match="instance"):
            await postgres.store.write([replace(step(fresh), after=endless)])

    async def test_names_a_key_that_is_nobodys_to_take(self, postgres: PostgresWorld) -> None:
        """Two tasks of one ordinal are a bug, and no key that a repeat would find free."""
        fresh = instance(await postgres.now())

        with pytest.raises(WriteRefused, match="ready_pkey"):
            await postgres.store.write([start(fresh, new_tasks=[new_task(fresh, 1)] * 2)])


@asynccontextmanager
async def gated(postgres: PostgresWorld, rows: str) -> AsyncIterator[None]:
    """Writes wait in the middle of their statement, before those rows of theirs, till the end."""
    waiting = f"pg_advisory_xact_lock_shared({GATE})::text = ''"
    gate = TurnStatement(
        (
            f"    FROM {{{rows}}}\n   CROSS JOIN",
            f"FROM (SELECT * FROM {{{rows}}} WHERE {waiting} OFFSET 0) AS {rows} CROSS JOIN",
        )
    )
    await gate.apply(postgres.owner)
    await postgres.owner.execute("SELECT pg_advisory_lock($1)", GATE)
    yield
    await postgres.owner.execute("SELECT pg_advisory_unlock($1)", GATE)
    await gate.restore(postgres.owner)


async def _waits(postgres: PostgresWorld) -> None:
    """Until somebody has come to the gate."""
    async with asyncio.timeout(10):
        while not await postgres.owner.fetchval(  # noqa: ASYNC110 - the database rings no bell
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
        ):
            await asyncio.sleep(0.01)


async def _steps(postgres: PostgresWorld, key: InstanceKey) -> int:
    """How many of twenty steps on one instance were kept, each on fresh state."""
    kept = 0
    for _ in range(20):
        before = await found_instance(postgres, key)
        assert before is not None
        kept += len(await postgres.store.write([step(before)]))
    return kept
