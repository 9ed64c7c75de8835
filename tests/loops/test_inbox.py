"""The inbox loop: starts first, then events; what cannot be applied ends and is asked no more."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from control_plane.loops.inbox import MAX_TRIES, Inbox
from control_plane.orchestrator import Answer, ApplyInbox, OnClosed, OnRunning, Request
from control_plane.ports.inbox import START
from control_plane.ports.records import InstanceKey
from control_plane.use_cases.start_instance import StartOf, start_request
from shared import json
from shared.errors import FoliotError, Unavailable
from shared.ids import new_instance_id
from shared.json import Json
from tests.contract.conftest import migrated_template, world
from tests.contract.worlds import ACME, World
from tests.orchestrator.stage import Stage

__all__ = ["migrated_template", "world"]

SPEC: dict[str, Any] = {
    "initial": "open",
    "context": {"n": {"@expr": "event.input.n"}},
    "states": {"open": {"on": {"END": "done"}}, "done": {"type": "final"}},
}


@asynccontextmanager
async def at_work(world: World) -> AsyncIterator[tuple[Stage, Inbox]]:
    stage = Stage(world)
    await stage.define(SPEC)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.orchestrator.run(stop))
        yield stage, Inbox(world.due, world.inbox, stage.orchestrator, poll_s=1.0)
        stop.set()


async def ask(world: World, request_id: str = "", /, **asked: Json) -> InstanceKey:
    """A start that a caller wrote into the inbox."""
    key = InstanceKey(ACME, new_instance_id())
    payload: dict[str, Json] = {
        "definition_key": "order",
        "business_key": None,
        "input": {"n": 1},
        "labels": {"from": "sql"},
        "on_running": "use_existing",
        "on_closed": "reject",
        "started_by": "sql:shop",
        **asked,
    }
    await world.accept(key, request_id, START, json.dump(payload))
    return key


class TestAStart:
    async def test_begins_the_instance_it_has_the_id_of(self, world: World) -> None:
        """The caller has known the id since it asked."""
        async with at_work(world) as (stage, inbox):
            key = await ask(world, business_key="o-1")
            await inbox._apply()
            begun = await stage.instance(key.instance_id)

        assert ("o-1", "sql:shop", '{"from":"sql"}') == (
            begun.business_key,
            begun.started_by,
            begun.labels,
        )
        assert "inbox" not in await world.row_counts()

    async def test_that_cannot_be_read_keeps_no_other_from_beginning(self, world: World) -> None:
        """One tenant's row that nobody understands must not end the starts of all."""
        async with at_work(world) as (stage, inbox):
            await ask(world, on_running="perhaps")
            key = await ask(world)
            await inbox._apply()
            begun = await stage.instance(key.instance_id)

        assert "waiting" == begun.status
        assert [(START, "FIELD_INVALID")] == await world.rejected()

    async def test_is_followed_by_its_events_in_the_same_round(self, world: World) -> None:
        """Both were written in one transaction."""
        async with at_work(world) as (stage, inbox):
            key = await ask(world)
            await world.accept(key, "e", "END", "{}")
            await inbox._apply()

            assert "completed" == (await stage.instance(key.instance_id)).status

    async def test_of_a_business_key_that_is_taken_leads_its_events_to_the_holder(
        self, world: World
    ) -> None:
        """Somebody else was faster, over the API."""
        async with at_work(world) as (stage, inbox):
            holder = await stage.start(business_key="o-1", given={"n": 1})
            key = await ask(world, business_key="o-1")
            await world.accept(key, "e", "END", "{}")
            await inbox._apply()

            assert "completed" == (await stage.instance(holder.instance_id)).status
        assert 1 == (await world.row_counts())["instance"]
        assert [] == await world.rejected()

    @pytest.mark.parametrize(
        ("asked", "reason"),
        [
            ({"definition_key": "nobody"}, "DEFINITION_NOT_FOUND"),
            ({"input": {}}, "EXPRESSION_FAILED"),
            ({"definition_key": "no key"}, "FIELD_INVALID"),
        ],
    )
    async def test_that_is_refused_ends_where_its_caller_can_read_why(
        self, world: World, asked: dict[str, Json], reason: str
    ) -> None:
        """With the events of the instance that never began."""
        async with at_work(world) as (_, inbox):
            key = await ask(world, **asked)
            await world.accept(key, "e", "END", "{}")
            await inbox._apply()
            await inbox._apply()

        assert [(START, reason), ("END", "INSTANCE_NOT_FOUND")] == await world.rejected()
        assert "inbox" not in await world.row_counts()

    async def test_under_a_request_id_of_the_api_is_the_same_request(self, world: World) -> None:
        """Whoever moves from one way in to the other may repeat what it did."""
        async with at_work(world) as (stage, inbox):
            same = StartOf(
                definition_key="order",
                definition_id=None,
                business_key="",
                input='{"n":1}',
                labels={"from": "sql"},
                on_running=OnRunning.USE_EXISTING,
                on_closed=OnClosed.REJECT,
                request_id="r",
            )
            first = await stage.orchestrator.submit(start_request(ACME, same, started_by="ada"))
            key = await ask(world, "r")
            await world.accept(key, "e", "END", "{}")
            await inbox._apply()

            assert "completed" == (await stage.instance(first.instance_id)).status
        assert 1 == (await world.row_counts())["instance"]


class TestWhatMeetsAnError:
    @pytest.mark.parametrize(
        ("error", "rejected"),
        [
            (Unavailable("away"), 0),
            (FoliotError("a bug"), 1),
        ],
    )
    async def test_stays_if_it_may_pass_and_ends_if_it_does_not(
        self, world: World, error: FoliotError, rejected: int
    ) -> None:
        """A database that is away is no reason; a bug that is met again and again is one."""
        async with at_work(world) as (stage, inbox):
            key = InstanceKey(ACME, (await stage.start(given={"n": 1})).instance_id)
            await world.accept(key, "e", "END", "{}")

            async def failing(requests: Sequence[Request]) -> list[Answer | FoliotError]:
                assert all(isinstance(one.asked, ApplyInbox) for one in requests)
                return [error] * len(requests)

            stage.orchestrator.submit_all = failing  # type: ignore[method-assign]  # no other way
            for _ in range(MAX_TRIES):
                await inbox._apply()

        assert [("END", "INTERNAL")] * rejected == await world.rejected()
