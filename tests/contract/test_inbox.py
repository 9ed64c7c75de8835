"""What callers wrote into the inbox is found, led elsewhere, or put away with a reason."""

from control_plane.ports.inbox import START, InboxStart
from control_plane.ports.instance_store import Wanted
from control_plane.ports.records import InstanceKey
from shared.ids import InstanceId, new_instance_id
from tests.contract.material import started
from tests.contract.worlds import ACME, OTHER, World

PAYLOAD = '{"definition_key":"order"}'
WHY = {"reason": "DEFINITION_NOT_FOUND", "message": "there is none"}


async def asked_for(world: World, request_id: str = "r") -> InboxStart:
    """A start that lies in the inbox."""
    key = InstanceKey(ACME, new_instance_id())
    await world.accept(key, request_id, START, PAYLOAD)
    (start,) = [one for one in await world.inbox.starts(100) if one.key == key]
    return start


async def waiting(world: World, key: InstanceKey) -> list[str]:
    """The ids of the events that lie there for an instance."""
    events = (await world.store.read(Wanted(instances=[key]))).inbox.get(key, ())
    return [event.event_id for event in events]


class TestStarts:
    async def test_are_found_oldest_first_and_are_no_events(self, world: World) -> None:
        """An instance that is yet to begin has nothing to be applied to."""
        first, second = await asked_for(world, "a"), await asked_for(world, "b")

        assert [first, second] == list(await world.inbox.starts(10))
        assert [first] == list(await world.inbox.starts(1))
        assert ("a", PAYLOAD) == (first.request_id, first.payload)
        assert [] == await world.due.untried_inbox(10)

    async def test_are_looked_for_no_further_than_so_many_rows(self, world: World) -> None:
        """However many events wait before them."""
        there = (await started(world)).key
        for event_id in ("one", "two"):
            await world.accept(there, event_id)
        start = await asked_for(world)

        assert [] == list(await world.inbox.starts(10, look=2))
        assert [start] == list(await world.inbox.starts(10, look=3))

    async def test_that_came_to_another_instance_lead_their_events_there(
        self, world: World
    ) -> None:
        """Whoever started and sent in one transaction meant whatever instance has the key."""
        there = (await started(world)).key
        start = await asked_for(world)
        await world.accept(start.key, "first")
        await world.accept(there, "second")
        await world.accept(start.key, "third")

        await world.inbox.redirect(start, there.instance_id)

        assert [] == list(await world.inbox.starts(10))
        assert ["first", "second", "third"] == await waiting(world, there)

    async def test_that_are_refused_are_put_away_with_the_reason(self, world: World) -> None:
        """And no other."""
        refused, other = await asked_for(world, "a"), await asked_for(world, "b")

        await world.inbox.reject_start(refused, **WHY)
        await world.inbox.reject_start(refused, **WHY)

        assert [other] == list(await world.inbox.starts(10))
        assert [(START, "DEFINITION_NOT_FOUND")] == await world.rejected()


class TestEvents:
    async def test_of_nobody_are_put_away(self, world: World) -> None:
        """Each poll would find them again."""
        key = InstanceKey(ACME, new_instance_id())
        await world.accept(key, "a", "PAY")
        await world.accept(key, "b", "SHIP")

        await world.inbox.reject_unaddressed(key, reason="INSTANCE_NOT_FOUND", message="none")

        assert [("PAY", "INSTANCE_NOT_FOUND"), ("SHIP", "INSTANCE_NOT_FOUND")] == (
            await world.rejected()
        )
        assert "inbox" not in await world.row_counts()

    async def test_of_an_instance_stay(self, world: World) -> None:
        """It may have begun since somebody looked."""
        there = (await started(world)).key
        await world.accept(there, "a")

        await world.inbox.reject_unaddressed(there, reason="INSTANCE_NOT_FOUND", message="none")

        assert [] == await world.rejected()

    async def test_of_an_instance_that_is_yet_to_begin_stay(self, world: World) -> None:
        """Its start may have been written after the look for starts."""
        start = await asked_for(world)
        await world.accept(start.key, "a")

        await world.inbox.reject_unaddressed(start.key, reason="INSTANCE_NOT_FOUND", message="none")

        assert [] == await world.rejected()
        assert [start.key] == await world.due.untried_inbox(10)

    async def test_that_no_turn_survives_are_put_away_one_by_one(self, world: World) -> None:
        """The next may be harmless."""
        there = (await started(world)).key
        await world.accept(there, "a", "BOOM")
        await world.accept(there, "b", "PAY")

        await world.inbox.reject_first(there, reason="INTERNAL", message="a bug")

        assert [("BOOM", "INTERNAL")] == await world.rejected()
        assert ["b"] == await waiting(world, there)

    async def test_of_another_tenant_are_left_alone(self, world: World) -> None:
        """Ids of instances say nothing about whose they are."""
        instance_id = InstanceId(new_instance_id())
        await world.accept(InstanceKey(OTHER, instance_id), "a")

        await world.inbox.reject_unaddressed(
            InstanceKey(ACME, instance_id), reason="INSTANCE_NOT_FOUND", message="none"
        )

        assert [] == await world.rejected()
