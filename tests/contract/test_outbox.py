"""What instances have to say lies in order until it is delivered, and goes once."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from control_plane.adapters.postgres.outbox import UNDELIVERED
from control_plane.ports.instance_store import OutboxMessage
from control_plane.ports.outbox import Delivery
from control_plane.ports.records import Instance
from tests.contract.material import closed, instance, start, started, step, stored
from tests.contract.worlds import OTHER, PostgresWorld, World

MANY = 20_000


def said(text: str) -> OutboxMessage:
    return OutboxMessage(kind="STOP_CHILD", payload=f'"{text}"')


async def saying(world: World, *texts: str, **values: object) -> Instance:
    """A stored instance that had so much to say when it started."""
    fresh = instance(await world.now(), **values)
    await stored(world, start(fresh, outbox=[said(text) for text in texts]))
    return fresh


def texts_of(found: Sequence[Delivery]) -> list[str]:
    return [json.loads(one.payload) for one in found]


class TestTheOutbox:
    async def test_keeps_what_was_said_in_order(self, world: World) -> None:
        """Of one change as of several, with who said it and to which tenant it belongs."""
        first = await saying(world, "a", "b")
        second = await saying(world, "c", tenant_id=OTHER)
        await stored(world, step(first, outbox=[said("d")]))

        found = await world.outbox.undelivered(10)

        assert ["a", "b", "c", "d"] == texts_of(found)
        assert [first.key, first.key, second.key, first.key] == [
            (one.tenant_id, one.instance_id) for one in found
        ]
        assert sorted(one.position for one in found) == [one.position for one in found]

    async def test_is_read_up_to_a_limit_and_beyond_a_position(self, world: World) -> None:
        """What has to stay is passed over, and does not hold up what lies behind it."""
        await saying(world, "a", "b", "c")
        (first, second) = await world.outbox.undelivered(2)

        rest = await world.outbox.undelivered(2, after=second.position)

        assert ["a", "b"] == texts_of([first, second])
        assert ["c"] == texts_of(rest)

    async def test_keeps_a_message_until_it_is_delivered(self, world: World) -> None:
        """Whoever read it may have died."""
        await saying(world, "a", "b")
        (first, _) = await world.outbox.undelivered(10)
        assert ["a", "b"] == texts_of(await world.outbox.undelivered(10))

        await world.outbox.delivered([first])

        assert ["b"] == texts_of(await world.outbox.undelivered(10))

    async def test_is_told_twice_of_a_delivery_without_harm(self, world: World) -> None:
        """Two may have delivered the same; one that never was is as gone."""
        await saying(world, "a", "b")
        (first, _) = await world.outbox.undelivered(10)
        unknown = replace(first, position=first.position + 1_000)

        await world.outbox.delivered([first])
        await world.outbox.delivered([first, unknown])

        assert ["b"] == texts_of(await world.outbox.undelivered(10))

    async def test_goes_by_tenant_and_position(self, world: World) -> None:
        """A position of another tenant's names nothing."""
        await saying(world, "a")
        (message,) = await world.outbox.undelivered(10)

        await world.outbox.delivered([replace(message, tenant_id=OTHER)])
        still_there: list[Delivery] = list(await world.outbox.undelivered(10))

        assert ["a"] == texts_of(still_there)

    async def test_outlives_the_end_of_who_speaks(self, world: World) -> None:
        """A child's last word is about its end."""
        child = await started(world)

        await stored(world, closed(child, "completed", outbox=[said("over")]))

        assert ["over"] == texts_of(await world.outbox.undelivered(10))

    async def test_says_nothing_of_a_change_that_was_not_kept(self, world: World) -> None:
        """A message is its decision's: both or neither."""
        fresh = await started(world)
        overtaken = step(fresh, outbox=[said("never")])
        await stored(world, step(fresh))

        kept = await world.store.write([overtaken])

        assert frozenset() == kept
        assert [] == list(await world.outbox.undelivered(10))


class TestAPoll:
    @pytest.mark.parametrize("has_statistics", [False, True])
    async def test_reads_a_page_from_its_index(
        self, postgres: PostgresWorld, *, has_statistics: bool
    ) -> None:
        """Every control plane polls all the time: it must not sort what lies there."""
        await postgres.owner.execute(
            "INSERT INTO foliot.outbox (tenant_id, instance_id, kind, payload, created_at)"
            " SELECT 'acme', gen_random_uuid(), 'STOP_CHILD', '{}', foliot.now()"
            "   FROM generate_series(1, $1)",
            MANY,
        )
        if has_statistics:
            await postgres.owner.execute("ANALYZE foliot.outbox")

        rows = await postgres.owner.fetch(f"EXPLAIN {UNDELIVERED}", 200, 0)
        plan = "\n".join(row[0] for row in rows)

        assert "Index Scan using outbox_position_idx" in plan
        assert "Sort" not in plan
