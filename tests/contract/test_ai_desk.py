"""What a call of a model may cost, and what came of it: by every store, and however many ask."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import asyncpg
import pytest

from control_plane.ports.ai_desk import AiToolCall, NotHeld, Recording, Reservation, Reserved
from control_plane.ports.ai_policies import PLATFORM_POLICY
from control_plane.ports.ai_tasks import NewAiTask
from control_plane.ports.instance_store import TaskKey, TaskUpdate
from shared.errors import AlreadyExists, InvalidRequest, Unavailable
from shared.tasks import TaskType
from tests.contract.material import (
    claimed,
    instance,
    new_task,
    open_session,
    requeued,
    start,
    step,
    stored,
)
from tests.contract.worlds import ACME, PostgresWorld, World

PLENTY = 10**9

_Answer = TypeVar("_Answer")


async def asked(world: World, *, tasks: int = 1) -> TaskKey:
    """The first of so many AI tasks of an instance that an executor has, all at epoch 1."""
    fresh = instance(await world.now())
    await stored(
        world,
        start(
            fresh,
            new_tasks=[
                new_task(fresh, n, type=TaskType.AI, input='{"amount":12}')
                for n in range(1, tasks + 1)
            ],
            ai_tasks=[
                NewAiTask(n, "triage", ("APPROVE", "DENY"), ('{"mode":"act"}', "{}"))
                for n in range(1, tasks + 1)
            ],
        ),
    )
    await claimed(world, await open_session(world))
    return TaskKey(fresh.tenant_id, fresh.instance_id, 1)


def reservation(key: TaskKey, **values: Any) -> Reservation:
    defaults: dict[str, Any] = {
        "key": key,
        "epoch": 1,
        "call_number": 1,
        "request_sha256": "a" * 64,
        "provider": "anthropic",
        "model": "large",
        "worst_cost": 100,
        "max_calls": 3,
        "cost_per_task": PLENTY,
        "cost_per_instance": PLENTY,
        "cost_per_day": PLENTY,
    }
    return Reservation(**{**defaults, **values})


def recording(key: TaskKey, **values: Any) -> Recording:
    defaults: dict[str, Any] = {
        "key": key,
        "epoch": 1,
        "call_number": 1,
        "request_sha256": "a" * 64,
        "classification": "ok",
        "output": '{"choice":"APPROVE"}',
        "tool_requests": "[]",
        "reported_model": "large-2",
        "input_tokens": 50,
        "output_tokens": 7,
        "cost": 60,
        "latency_ms": 1_200,
        "prompt_sha256": "b" * 64,
        "redacted_prompt": None,
        "context_manifest": "[]",
        "verdicts": "[]",
        "keep_s": 60.0,
    }
    return Recording(**{**defaults, **values})


async def handed_on(world: World, key: TaskKey) -> None:
    """Its executor died: another has the first task now, at epoch 2."""
    before = await world.reader.get_instance(ACME, key.instance_id)
    assert before is not None
    await stored(
        world,
        step(
            before,
            fences=[(1, 1)],
            updated_tasks=[TaskUpdate(ordinal=1, status="pending", lost_epoch=1)],
            requeued=[requeued(1, before.updated_at, type=TaskType.AI)],
        ),
    )
    await claimed(world, await open_session(world))


async def spent(world: World, key: TaskKey) -> dict[str, int]:
    """What may have been spent of the instance, and of the day."""
    scopes = [await world.ai_records.today(), str(key.instance_id)]
    found = {one.scope: one.committed for one in await world.ai_records.spend(ACME, scopes)}
    return {"day": found.get(scopes[0], 0), "instance": found.get(scopes[1], 0)}


class TestAnAiTask:
    async def test_is_bound_by_what_was_active_when_it_was_created(self, world: World) -> None:
        """Another version comes into force for the next one."""
        for text in ('{"mode":"act"}', '{"mode":"off"}'):
            await world.ai_policies.create(ACME, "triage", text, text, by="ada", max_versions=9)
        await world.ai_policies.activate(ACME, "triage", 1)
        key = await asked(world)
        await world.ai_policies.activate(ACME, "triage", 2)

        found = await world.ai_desk.task(key)

        assert found is not None
        assert ("triage", 1, '{"mode":"act"}') == (
            found.policy_name,
            found.policy_version,
            found.policy,
        )
        assert (None, ("APPROVE", "DENY"), 1) == (found.default, found.events, found.epoch)
        assert '{"amount":12}' == found.input

    async def test_has_no_policy_if_none_was_active(self, world: World) -> None:
        """It says so, and nothing binds it later."""
        key = await asked(world)
        await world.ai_policies.create(ACME, "triage", "{}", "h", by="ada", max_versions=9)
        await world.ai_policies.activate(ACME, "triage", 1)

        found = await world.ai_desk.task(key)

        assert found is not None
        assert found.policy is None

    async def test_is_off_as_soon_as_anything_over_it_is(self, world: World) -> None:
        """The platform, its tenant, its policy; not another policy."""
        key = await asked(world)
        for tenant_id, name, is_off in (
            (ACME, "other", False),
            (ACME, "triage", True),
            (ACME, "", True),
            (None, "", True),
        ):
            await world.ai_policies.switch_off(tenant_id, name, reason="r", by="ada")
            found = await world.ai_desk.task(key)
            refused = await world.ai_desk.reserve(reservation(key))
            await world.ai_policies.switch_on(tenant_id, name)

            assert found is not None
            assert is_off == found.is_off
            assert refused is not None
            assert ("switched_off" if is_off else None) == refused.refusal

    async def test_that_repeats_another_has_its_events_and_the_policy_of_now(
        self, world: World
    ) -> None:
        """It is begun anew, by what holds now."""
        key = await asked(world)
        for text in ("{}", "{ }"):
            await world.ai_policies.create(ACME, "triage", text, text, by="ada", max_versions=9)
        await world.ai_policies.activate(ACME, "triage", 2)
        before = await world.reader.get_instance(ACME, key.instance_id)
        assert before is not None
        await stored(
            world,
            step(
                before,
                new_tasks=[new_task(before, 2, type=TaskType.AI)],
                ai_tasks=[NewAiTask(2, repeats=1)],
            ),
        )

        found = await world.ai_desk.task(key._replace(ordinal=2))

        assert found is not None
        assert ("triage", 2, ("APPROVE", "DENY"), ('{"mode":"act"}', "{}")) == (
            found.policy_name,
            found.policy_version,
            found.events,
            found.guardrails,
        )

    async def test_is_bound_by_the_layers_of_its_creation(self, world: World) -> None:
        """What is put into force afterwards, by whomever, is for the tasks that come."""
        for text in ('{"mode":"shadow"}', '{"mode":"act"}'):
            await world.ai_policies.create(
                None, PLATFORM_POLICY, text, text, by="root", max_versions=9
            )
        await world.ai_policies.activate(None, PLATFORM_POLICY, 1)
        key = await asked(world)
        await world.ai_policies.activate(None, PLATFORM_POLICY, 2)

        found = await world.ai_desk.task(key)

        assert found is not None
        assert ('{"mode":"shadow"}', None, None, ('{"mode":"act"}', "{}")) == (
            found.platform,
            found.default,
            found.policy,
            found.guardrails,
        )


class TestAReservation:
    async def test_sets_the_worst_cost_aside(self, world: World) -> None:
        """Of the task, of its instance and of the day; asked again it is the same one."""
        key = await asked(world)

        first = await world.ai_desk.reserve(reservation(key))
        again = await world.ai_desk.reserve(reservation(key))

        assert Reserved(cost=100) == first == again
        assert {"day": 100, "instance": 100} == await spent(world, key)

    @pytest.mark.parametrize(
        ("limits", "refusal"),
        [
            ({"cost_per_task": 99}, "task_cost"),
            ({"cost_per_instance": 99}, "instance_cost"),
            ({"cost_per_day": 99}, "day_cost"),
            ({"max_calls": 0}, "iterations"),
        ],
    )
    async def test_is_refused_where_it_would_be_too_much(
        self, world: World, limits: dict[str, int], refusal: str
    ) -> None:
        """And then nothing is set aside, of anything."""
        key = await asked(world)

        answer = await world.ai_desk.reserve(reservation(key, **limits))

        assert Reserved(refusal=refusal) == answer  # type: ignore[arg-type]  # one of them
        assert {"day": 0, "instance": 0} == await spent(world, key)

    async def test_is_fenced_by_the_epoch(self, world: World) -> None:
        """Whoever lost the task spends nothing more of it."""
        key = await asked(world)

        with pytest.raises(NotHeld):
            await world.ai_desk.reserve(reservation(key, epoch=2))
        with pytest.raises(NotHeld):
            await world.ai_desk.record(recording(key, epoch=2))

    async def test_takes_the_next_number_and_no_other(self, world: World) -> None:
        """A number is one request's; none is left out."""
        key = await asked(world)
        await world.ai_desk.reserve(reservation(key))

        with pytest.raises(AlreadyExists):
            await world.ai_desk.reserve(reservation(key, request_sha256="c" * 64))
        with pytest.raises(InvalidRequest):
            await world.ai_desk.reserve(reservation(key, call_number=3))
        assert await world.ai_desk.reserve(reservation(key._replace(ordinal=7))) is None

    async def test_stays_spent_where_nobody_says_what_came_of_it(self, world: World) -> None:
        """The next attempt sets as much aside again: the model may have been called."""
        key = await asked(world)
        await world.ai_desk.reserve(reservation(key))
        await handed_on(world, key)

        again = await world.ai_desk.reserve(reservation(key, epoch=2))

        assert Reserved(cost=100) == again
        assert {"day": 200, "instance": 200} == await spent(world, key)
        await world.ai_desk.record(recording(key, epoch=2))
        assert {"day": 160, "instance": 160} == await spent(world, key)


class TestARecord:
    async def test_settles_what_was_set_aside(self, world: World) -> None:
        """Once: what stands is the first record."""
        key = await asked(world)
        await world.ai_desk.reserve(reservation(key))

        first = await world.ai_desk.record(recording(key))
        again = await world.ai_desk.record(recording(key, output="another", cost=1))

        assert first is not None
        assert again is not None
        assert (False, True) == (first[1], again[1])
        assert first[0] == again[0]
        assert first[0].record is not None
        assert ('{"choice":"APPROVE"}', 60) == (first[0].record.output, first[0].record.cost)
        assert {"day": 60, "instance": 60} == await spent(world, key)

    async def test_costs_all_that_was_set_aside_where_nobody_counted(self, world: World) -> None:
        """A provider that failed may have charged for it."""
        key = await asked(world)
        await world.ai_desk.reserve(reservation(key))

        await world.ai_desk.record(recording(key, cost=None, input_tokens=None, output_tokens=None))

        assert {"day": 100, "instance": 100} == await spent(world, key)

    async def test_of_more_than_was_set_aside_is_kept_as_it_is(self, world: World) -> None:
        """What is spent is spent: the next reservation meets it."""
        key = await asked(world)
        await world.ai_desk.reserve(reservation(key))

        await world.ai_desk.record(recording(key, cost=150))

        assert {"day": 150, "instance": 150} == await spent(world, key)
        refused = await world.ai_desk.reserve(
            reservation(key, call_number=2, request_sha256="d" * 64, cost_per_task=200)
        )
        assert Reserved(refusal="task_cost") == refused

    async def test_is_what_whoever_asks_again_gets(self, world: World) -> None:
        """After a crash no model is called for the same request, at whatever epoch."""
        key = await asked(world)
        await world.ai_desk.reserve(reservation(key))
        told = await world.ai_desk.record(recording(key))
        await handed_on(world, key)

        answer = await world.ai_desk.reserve(reservation(key, epoch=2))

        assert told is not None
        assert answer is not None
        assert told[0] == answer.call
        assert {"day": 60, "instance": 60} == await spent(world, key)

    async def test_needs_a_reservation(self, world: World) -> None:
        """Of that number, for that request."""
        key = await asked(world)
        await world.ai_desk.reserve(reservation(key))

        assert await world.ai_desk.record(recording(key, call_number=2)) is None
        assert await world.ai_desk.record(recording(key, request_sha256="e" * 64)) is None

    async def test_loses_its_texts_when_their_time_is_over(self, world: World) -> None:
        """Once its task has ended; what it cost stays."""
        key = await asked(world)
        await world.ai_desk.reserve(reservation(key))
        await world.ai_desk.record(recording(key, keep_s=0.0))
        await world.ai_desk.record_tool(key, 1, TestAToolCall.CALL)
        assert 0 == await world.ai_records.forget(10)
        before = await world.reader.get_instance(ACME, key.instance_id)
        assert before is not None
        ended = TaskUpdate(ordinal=1, status="failed", completed_at=before.updated_at)
        await stored(world, step(before, fences=[(1, 1)], updated_tasks=[ended]))

        assert 1 == await world.ai_records.forget(10)
        assert 0 == await world.ai_records.forget(10)

        call = await world.ai_records.call(key, 1)
        assert call is not None
        assert call.record is not None
        assert ("", 60) == (call.record.output, call.record.cost)
        task = await world.ai_desk.task(key)
        assert task is not None
        assert [""] == [one.result for one in task.tool_calls]


class TestAToolCall:
    CALL = AiToolCall(
        tool_call_number=1,
        call_number=1,
        server="files",
        name="read",
        arguments_sha256="f" * 64,
        result="a text",
        is_error=False,
    )

    async def test_is_kept_once(self, world: World) -> None:
        """So that none is made again after a crash."""
        key = await asked(world)
        await world.ai_desk.reserve(reservation(key))
        assert await world.ai_desk.record_tool(key, 1, self.CALL) is None
        await world.ai_desk.record(recording(key))

        assert (self.CALL, False) == await world.ai_desk.record_tool(key, 1, self.CALL)
        assert (self.CALL, True) == await world.ai_desk.record_tool(key, 1, self.CALL)
        found = await world.ai_desk.task(key)
        assert found is not None
        assert (self.CALL,) == found.tool_calls

    async def test_has_a_number_of_its_own(self, world: World) -> None:
        """Another tool, or other arguments, are another call."""
        key = await asked(world)
        await world.ai_desk.reserve(reservation(key))
        await world.ai_desk.record(recording(key))
        await world.ai_desk.record_tool(key, 1, self.CALL)

        with pytest.raises(AlreadyExists):
            await world.ai_desk.record_tool(key, 1, replace(self.CALL, name="write"))
        with pytest.raises(InvalidRequest):
            await world.ai_desk.record_tool(key, 1, replace(self.CALL, tool_call_number=3))
        with pytest.raises(NotHeld):
            await world.ai_desk.record_tool(key, 2, self.CALL)


class TestCalls:
    async def test_are_listed_the_newest_first(self, world: World) -> None:
        """Page after page; of one instance, or of all of the tenant."""
        key = await asked(world)
        for number in (1, 2, 3):
            await world.ai_desk.reserve(
                reservation(key, call_number=number, request_sha256=str(number) * 64)
            )
        records = world.ai_records

        first = await records.calls(ACME, None, after=None, limit=2)
        last = first[-1]
        rest = await records.calls(
            ACME, key.instance_id, after=(last.reserved_at, last.key, last.call_number), limit=2
        )

        assert [3, 2, 1] == [one.call_number for one in (*first, *rest)]


async def again(ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """A connection that was ended tells nothing: an executor asks the same until it is told."""
    while True:
        try:
            return await ask()
        except Unavailable:
            continue


class TestABudget:
    LIMIT = 1_000

    async def test_is_never_exceeded_by_a_hundred_tasks_at_once(
        self, postgres: PostgresWorld
    ) -> None:
        """
        With executors that die in between: of their connections some are ended by the server
        while they ask. What was granted is what is counted, and fits.
        """
        key = await asked(postgres, tasks=100)
        chance = random.Random(12)
        granted = 0

        async def spend(ordinal: int) -> int:
            of = key._replace(ordinal=ordinal)
            mine = reservation(of, worst_cost=chance.randint(20, 60), cost_per_day=self.LIMIT)
            answer = await again(lambda: postgres.ai_desk.reserve(mine))
            assert answer is not None
            if answer.refusal is not None:
                return 0
            if chance.random() < 0.5:
                return mine.worst_cost
            cost = chance.randint(0, 20)
            await again(lambda: postgres.ai_desk.record(recording(of, cost=cost)))
            return cost

        async def kill() -> None:
            for _ in range(40):
                await postgres.owner.execute(
                    """
                    SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
                     WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
                       AND a.query LIKE '%ai_%' ORDER BY random() LIMIT 1
                    """
                )

        killer = asyncio.create_task(kill())
        try:
            async with asyncio.timeout(30):
                granted = sum(await asyncio.gather(*(spend(n) for n in range(1, 101))))
        finally:
            killer.cancel()
            await asyncio.wait((killer,))

        day = (await spent(postgres, key))["day"]
        assert self.LIMIT / 4 < day <= self.LIMIT
        assert granted == day
        by_call = await postgres.owner.fetchval(
            "SELECT sum(reserved - reserved_last + coalesce(cost, reserved_last))"
            " FROM foliot.ai_call"
        )
        assert day == by_call


class TestARecordedCall:
    async def test_is_changed_by_nobody(self, postgres: PostgresWorld) -> None:
        """What a tool wrote, or a model said, is removed by no request either."""
        for statement in ("DELETE FROM foliot.ai_call", "DELETE FROM foliot.ai_tool_call"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await postgres.pool.execute(statement)
