"""An instance of a schedule, because somebody asks for one now."""

from typing import Any

import pytest

from control_plane.ports.records import Instance
from control_plane.ports.schedule_store import HELP_AFTER, Overlap
from control_plane.use_cases.pause_schedule import pause_schedule
from control_plane.use_cases.trigger_schedule import trigger_schedule
from shared import json
from shared.errors import AlreadyExists, FoliotError, NotFound, PreconditionFailed, Unavailable
from shared.failpoints import armed
from tests.contract.worlds import ACME
from tests.schedules.calendar import DEFINITION, NAME, Calendar


async def trigger(
    calendar: Calendar,
    name: str = NAME,
    *,
    allow_overlap: bool = False,
    request_id: str = "",
) -> Instance:
    world = calendar.world
    return await trigger_schedule(
        world.schedules,
        world.store,
        calendar.orchestrators[0],
        world.reader,
        ACME,
        name,
        allow_overlap=allow_overlap,
        request_id=request_id,
        triggered_by="ada",
    )


def told(instance: Instance) -> dict[str, Any]:
    context = json.load(instance.context)
    assert isinstance(context, dict)
    given = context["input"]
    assert isinstance(given, dict)
    about = given["schedule"]
    assert isinstance(about, dict)
    return about


class TestTriggering:
    async def test_starts_an_instance_at_once(self, calendar: Calendar) -> None:
        """It knows that it was asked for, and by whom; the calendar stays as it is."""
        await calendar.at("2026-01-01T08:30:00Z")
        before = await calendar.keep("0 9 * * *")

        instance = await trigger(calendar)

        after = await calendar.look()
        assert ("ada", NAME, True) == (
            instance.started_by,
            instance.schedule_id,
            told(instance)["triggered"],
        )
        assert "2026-01-01T08:30" == str(told(instance)["time"])[:16]
        assert (before.next_at, 1) == (after.next_at, after.starts)

    async def test_works_while_the_schedule_is_paused(self, calendar: Calendar) -> None:
        """That is how one tries it out."""
        await calendar.keep("0 9 * * *", is_paused=True)

        await trigger(calendar)

        assert 1 == len(await calendar.running())

    async def test_again_under_one_request_id_gives_the_same(self, calendar: Calendar) -> None:
        """A caller that did not hear the answer, and a policy that lets none begin beside it."""
        await calendar.keep("0 9 * * *")

        first = await trigger(calendar, request_id="r1")
        again = await trigger(calendar, request_id="r1")

        assert first.instance_id == again.instance_id
        assert 1 == (await calendar.look()).starts

    async def test_otherwise_under_a_used_request_id_is_refused(self, calendar: Calendar) -> None:
        """The same id for another request is a bug that must not pass for a repeat."""
        await calendar.keep("0 9 * * *")
        await trigger(calendar, request_id="r1")

        with pytest.raises(AlreadyExists) as refused:
            await trigger(calendar, request_id="r1", allow_overlap=True)

        assert "IDEMPOTENCY_MISMATCH" == refused.value.reason

    async def test_what_there_is_not_is_refused(self, calendar: Calendar) -> None:
        """A typing error should start nothing."""
        with pytest.raises(NotFound):
            await trigger(calendar, "evening")

    async def test_what_cannot_be_started_says_why(self, calendar: Calendar) -> None:
        """To the caller and, as it is a start like any other, in the schedule."""
        await calendar.keep("0 9 * * *")
        definition = await calendar.world.definitions.find(ACME, DEFINITION, None)
        assert definition is not None
        await calendar.world.definitions.set_status(ACME, definition.definition_id, "inactive")

        with pytest.raises(FoliotError, match=DEFINITION):
            await trigger(calendar)

        assert (1, None) == ((schedule := await calendar.look()).failures, schedule.firing)


class TestTriggeringBesideARunningInstance:
    @pytest.mark.parametrize("overlap", ["skip", "buffer_one"])
    async def test_is_refused_where_the_policy_lets_none_begin(
        self, calendar: Calendar, overlap: Overlap
    ) -> None:
        """And nothing is changed; allow_overlap is for who means it."""
        await calendar.keep("0 9 * * *", overlap=overlap)
        first = await trigger(calendar)
        before = await calendar.look()

        with pytest.raises(PreconditionFailed, match="allow_overlap") as refused:
            await trigger(calendar)

        assert before == await calendar.look()
        assert ("SCHEDULE_RUNNING", str(first.instance_id)) == (
            refused.value.reason,
            refused.value.metadata["instance_id"],
        )
        await trigger(calendar, allow_overlap=True)
        assert 2 == len(await calendar.running())

    @pytest.mark.parametrize(
        ("overlap", "running"), [("cancel_other", 1), ("terminate_other", 1), ("allow", 2)]
    )
    async def test_does_as_the_policy_says(
        self, calendar: Calendar, overlap: Overlap, running: int
    ) -> None:
        """As if its time had come."""
        await calendar.keep("0 9 * * *", overlap=overlap)
        await trigger(calendar)

        newest = await trigger(calendar)

        still = [one for one in await calendar.instances() if not one.is_closed]
        assert running == len(still)
        assert newest.instance_id in {one.instance_id for one in still}


class TestTriggeringAmongOthers:
    async def test_first_carries_out_what_was_decided_before(self, crashing: Calendar) -> None:
        """A start whose control plane died is not lost, nor overtaken."""
        await crashing.at("2026-01-01T08:59:00Z")
        await crashing.keep("0 9 * * *", overlap="allow")
        await crashing.at("2026-01-01T09:00:01Z")
        with armed("schedules.put.after=error,nth=1"), pytest.raises(Unavailable):
            await crashing.fire()

        await trigger(crashing)

        assert (2, None) == ((schedule := await crashing.look()).starts, schedule.firing)
        assert 2 == len(await crashing.running())

    async def test_that_met_an_error_is_carried_out_by_a_loop(self, crashing: Calendar) -> None:
        """Its caller asks again with the same id, and finds the instance."""
        await crashing.keep("0 0 1 1 *", is_paused=True)
        with armed("schedules.put.after=error,nth=1"), pytest.raises(Unavailable):
            await trigger(crashing, request_id="r1")
        await crashing.world.move_clock(HELP_AFTER)
        await crashing.fire()

        instance = await trigger(crashing, request_id="r1")

        assert [instance.instance_id] == [one.instance_id for one in await crashing.instances()]

    async def test_leaves_a_pause_as_it_is(self, calendar: Calendar) -> None:
        """The next time is still nobody's."""
        await calendar.keep("0 9 * * *")
        await pause_schedule(calendar.world.schedules, ACME, NAME, reason="move")

        await trigger(calendar)

        schedule = await calendar.look()
        assert ("move", None) == (schedule.pause_reason, schedule.next_at)
