"""What a turn leaves for later: timers that are armed, events that could not be applied."""

from dataclasses import replace
from datetime import timedelta

from control_plane.ports.due import DueTimer
from control_plane.ports.instance_store import DeferredEvent, Wanted
from tests.contract.material import instance, start, started, step, stored
from tests.contract.worlds import World

HOUR = timedelta(hours=1)


class TestATimer:
    async def test_armed_anew_is_due_at_its_new_instant_only(self, world: World) -> None:
        """An id names one timer."""
        now = await world.now()
        fresh = instance(now)
        await stored(world, start(fresh, armed={"t": now + HOUR}))
        again = step(fresh, armed={"t": now + 3 * HOUR})

        await stored(world, again)

        await world.move_clock(2 * HOUR)
        early = (await world.due.timers(10)).timers
        await world.move_clock(2 * HOUR)
        assert [] == early
        expected = DueTimer(fresh.tenant_id, fresh.instance_id, "t", now + 3 * HOUR)
        assert [expected] == (await world.due.timers(10)).timers

    async def test_disarmed_and_armed_in_one_change_is_armed(self, world: World) -> None:
        """Leaving a state and entering it again does both, with the same id."""
        now = await world.now()
        fresh = instance(now)
        await stored(world, start(fresh, armed={"t": now + HOUR}))

        await stored(world, step(fresh, armed={"t": now + 2 * HOUR}, disarmed=["t"]))

        await world.move_clock(2 * HOUR)
        expected = DueTimer(fresh.tenant_id, fresh.instance_id, "t", now + 2 * HOUR)
        assert [expected] == (await world.due.timers(10)).timers

    async def test_disarmed_is_never_due(self, world: World) -> None:
        """It does not fire after it was cancelled."""
        now = await world.now()
        fresh = instance(now)
        await stored(world, start(fresh, armed={"t": now, "u": now}))

        await stored(world, step(fresh, disarmed=["t", "never-armed"]))

        assert ["u"] == [timer.timer_id for timer in (await world.due.timers(10)).timers]

    async def test_of_one_instance_is_not_disarmed_by_another(self, world: World) -> None:
        """Ids of timers are unique within their instance only."""
        now = await world.now()
        one, two = instance(now), instance(now)
        await stored(world, start(one, armed={"t": now}), start(two, armed={"t": now}))

        await stored(world, step(one, disarmed=["t"]))

        assert [two.instance_id] == [
            timer.instance_id for timer in (await world.due.timers(10)).timers
        ]


class TestTheInbox:
    async def test_has_deferred_events_in_accepted_order(self, world: World) -> None:
        """They are applied in that order once they can be."""
        before = await started(world)
        deferred = [
            DeferredEvent(event_id=f"e{n}", type="PAY", payload=f'{{"n":{n}}}', deferred_at=2)
            for n in range(12)
        ]
        first = step(before, deferred=deferred[:11])

        await stored(world, first)
        await stored(world, step(first.after, deferred=deferred[11:]))

        read = await world.store.read(Wanted(instances=[before.key]))
        events = read.inbox[before.key]
        assert deferred == [
            DeferredEvent(
                event_id=event.event_id,
                type=event.type,
                payload=event.payload,
                deferred_at=event.deferred_at or 0,
            )
            for event in events
        ]
        assert sorted(event.position for event in events) == [event.position for event in events]
        assert {before.updated_at} == {event.accepted_at for event in events}

    async def test_has_applied_events_no_more(self, world: World) -> None:
        """Each is applied once."""
        before = await started(world)
        change = step(
            before,
            deferred=[
                DeferredEvent(event_id=name, type="PAY", payload="1", deferred_at=2)
                for name in ("a", "b", "c")
            ],
        )
        await stored(world, change)
        read = await world.store.read(Wanted(instances=[before.key]))
        positions = {event.event_id: event.position for event in read.inbox[before.key]}

        await stored(world, step(change.after, applied=[positions["a"], positions["c"]]))

        read = await world.store.read(Wanted(instances=[before.key]))
        assert ["b"] == [event.event_id for event in read.inbox[before.key]]

    async def test_knows_the_revision_that_put_an_event_off(self, world: World) -> None:
        """It is not tried again before the instance has moved."""
        before = await started(world)
        change = step(
            before,
            deferred=[DeferredEvent(event_id="a", type="PAY", payload="1", deferred_at=2)],
        )
        await stored(world, change)
        read = await world.store.read(Wanted(instances=[before.key]))
        (event,) = read.inbox[before.key]
        again = step(change.after, put_off=[event.position])

        await stored(world, again)

        read = await world.store.read(Wanted(instances=[before.key]))
        assert [replace(event, deferred_at=again.after.revision)] == list(read.inbox[before.key])

    async def test_of_an_instance_without_events_is_absent(self, world: World) -> None:
        """Nothing waits, nothing is said."""
        before = await started(world)

        read = await world.store.read(Wanted(instances=[before.key]))

        assert {} == read.inbox
