"""ScheduleService, over the wire."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from foliot.v1 import instance_service_pb2
from foliot.v1 import schedule_pb2 as schedules
from foliot.v1 import schedule_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tests.api.serving import WITHIN_S, Client, Serving, client_of, info_in
from tests.api.stories import activate, as_json

WAITING: dict[str, Any] = {
    "context": {"for": {"@expr": "event.input.schedule.time"}},
    "initial": "open",
    "states": {"open": {"on": {"END": "closed"}}, "closed": {"type": "final"}},
}
DAY_S = 86_400


def spec(**values: Any) -> schedules.ScheduleSpec:
    return schedules.ScheduleSpec(
        **{"cron": "0 9 * * *", "definition_key": "report", "time_zone": "Europe/Berlin"} | values
    )


async def create(
    client: Client, name: str = "morning", *, paused: bool = False, **values: Any
) -> pb.CreateScheduleResponse:
    return await client.schedules.CreateSchedule(
        pb.CreateScheduleRequest(schedule_id=name, spec=spec(**values), paused=paused)
    )


async def get(client: Client, name: str = "morning") -> schedules.Schedule:
    answer = await client.schedules.GetSchedule(pb.GetScheduleRequest(schedule_id=name))
    return answer.schedule


@pytest.fixture
async def scheduler(client: Client) -> Client:
    """An administrator with something to start."""
    await activate(client, WAITING, "report")
    return client


class TestASchedule:
    async def test_is_kept_as_it_was_sent_with_its_defaults(self, scheduler: Client) -> None:
        """What is not said is answered as what it means."""
        answer = await create(
            scheduler, input=as_json({"b": 1, "a": 2}), labels={"team": "ops"}, description="Daily"
        )

        kept = answer.schedule.spec
        assert answer.created
        assert ("0 9 * * *", "Europe/Berlin", "report", "Daily") == (
            kept.cron,
            kept.time_zone,
            kept.definition_key,
            kept.description,
        )
        assert ('{"a":2,"b":1}', {"team": "ops"}) == (kept.input.json, dict(kept.labels))
        assert schedules.OVERLAP_POLICY_SKIP == kept.overlap_policy
        assert (DAY_S, 0) == (kept.catch_up_window.seconds, kept.jitter.seconds)
        assert answer.schedule == await get(scheduler)

    async def test_tells_its_next_time(self, scheduler: Client) -> None:
        """The first nine o'clock of Berlin that is to come."""
        schedule = (await create(scheduler)).schedule

        next_time = schedule.next_fire_time.ToDatetime(tzinfo=UTC)
        preview = await scheduler.schedules.PreviewSchedule(
            pb.PreviewScheduleRequest(cron="0 9 * * *", time_zone="Europe/Berlin", count=1)
        )
        assert datetime.now(UTC) < next_time < datetime.now(UTC) + timedelta(days=1, hours=2)
        assert [schedule.next_fire_time] == [one.fire_time for one in preview.fire_times]

    async def test_is_created_once(self, scheduler: Client) -> None:
        """A deployment says the same every time; the schedule stays as it is."""
        first = await create(scheduler)
        again = await create(scheduler)

        assert (True, False) == (first.created, again.created)
        assert first.schedule == again.schedule

    async def test_of_the_same_name_with_another_spec_is_refused(self, scheduler: Client) -> None:
        """Else a deployment could believe that its change was taken."""
        await create(scheduler)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await create(scheduler, cron="0 10 * * *")

        assert grpc.StatusCode.ALREADY_EXISTS == refused.value.code()
        assert "SCHEDULE_EXISTS" == info_in(refused.value).reason

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"cron": ""}, "spec.cron"),
            ({"cron": "0 0 30 2 *"}, "spec.cron"),
            ({"time_zone": "Mars/Olympus"}, "spec.time_zone"),
            ({"definition_key": ""}, "spec.definition_key"),
            ({"input": as_json([1])}, "spec.input"),
            ({"input": as_json({"schedule": 1})}, "spec.input"),
            ({"overlap_policy": 77}, "spec.overlap_policy"),
            ({"catch_up_window": Duration(seconds=9)}, "spec.catch_up_window"),
            ({"catch_up_window": Duration(seconds=32 * DAY_S)}, "spec.catch_up_window"),
            ({"jitter": Duration(seconds=3_601)}, "spec.jitter"),
            ({"jitter": Duration(seconds=-1)}, "spec.jitter"),
            ({"description": "x" * 2_001}, "spec.description"),
        ],
    )
    async def test_with_a_field_that_is_wrong_is_refused(
        self, scheduler: Client, values: dict[str, Any], field: str
    ) -> None:
        """The error says which, and what is wanted."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await create(scheduler, **values)

        assert grpc.StatusCode.INVALID_ARGUMENT == refused.value.code()
        assert field == info_in(refused.value).metadata["field"]

    async def test_needs_a_definition_that_is_active(self, scheduler: Client) -> None:
        """Better now, to a person, than at night, to nobody."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await create(scheduler, definition_key="nothing")

        assert "DEFINITION_NOT_ACTIVE" == info_in(refused.value).reason

    async def test_is_named_by_what_the_database_can_hold(self, scheduler: Client) -> None:
        """A name that none can have is refused by name, before PostgreSQL would choke on it."""
        calls: list[Awaitable[Any]] = [
            scheduler.schedules.GetSchedule(pb.GetScheduleRequest(schedule_id="a\0b")),
            scheduler.schedules.DeleteSchedule(pb.DeleteScheduleRequest(schedule_id="a\0b")),
            scheduler.schedules.PauseSchedule(pb.PauseScheduleRequest(schedule_id="a\0b")),
            scheduler.schedules.TriggerSchedule(pb.TriggerScheduleRequest(schedule_id="a\0b")),
        ]

        for call in calls:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call

            assert "schedule_id" == info_in(refused.value).metadata["field"]

    async def test_is_nobody_elses(self, scheduler: Client, stranger: Client) -> None:
        """A foreign name answers exactly like an unknown one, whatever is asked."""
        await create(scheduler)
        calls: list[Awaitable[Any]] = [
            stranger.schedules.GetSchedule(pb.GetScheduleRequest(schedule_id="morning")),
            stranger.schedules.DeleteSchedule(pb.DeleteScheduleRequest(schedule_id="morning")),
            stranger.schedules.PauseSchedule(pb.PauseScheduleRequest(schedule_id="morning")),
            stranger.schedules.ResumeSchedule(pb.ResumeScheduleRequest(schedule_id="morning")),
            stranger.schedules.TriggerSchedule(pb.TriggerScheduleRequest(schedule_id="morning")),
        ]

        for call in calls:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call

            assert "SCHEDULE_NOT_FOUND" == info_in(refused.value).reason
        listed = await stranger.schedules.ListSchedules(pb.ListSchedulesRequest())
        assert [] == list(listed.schedules)


class TestChangingASchedule:
    async def test_by_an_update_takes_the_place_of_its_spec(self, scheduler: Client) -> None:
        """All of it: what is not said has its default again."""
        await create(scheduler, description="Daily")

        answer = await scheduler.schedules.UpdateSchedule(
            pb.UpdateScheduleRequest(
                schedule_id="morning",
                spec=spec(cron="0 10 * * *", overlap_policy=schedules.OVERLAP_POLICY_ALLOW),
                expected_revision=1,
            )
        )

        assert ("0 10 * * *", "", schedules.OVERLAP_POLICY_ALLOW, 2) == (
            answer.schedule.spec.cron,
            answer.schedule.spec.description,
            answer.schedule.spec.overlap_policy,
            answer.schedule.revision,
        )

    async def test_that_has_changed_since_is_refused(self, scheduler: Client) -> None:
        """Two people edit one schedule; the second is told."""
        await create(scheduler)
        await scheduler.schedules.PauseSchedule(pb.PauseScheduleRequest(schedule_id="morning"))

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await scheduler.schedules.UpdateSchedule(
                pb.UpdateScheduleRequest(
                    schedule_id="morning", spec=spec(cron="0 10 * * *"), expected_revision=1
                )
            )

        assert "REVISION_MISMATCH" == info_in(refused.value).reason

    async def test_by_a_pause_and_its_end_shows(self, scheduler: Client) -> None:
        """With the reason, while it lasts, and no next time."""
        await create(scheduler)
        paused = await scheduler.schedules.PauseSchedule(
            pb.PauseScheduleRequest(schedule_id="morning", reason="holidays")
        )
        resumed = await scheduler.schedules.ResumeSchedule(
            pb.ResumeScheduleRequest(schedule_id="morning")
        )

        assert (True, "holidays", False) == (
            paused.schedule.paused,
            paused.schedule.pause_reason,
            paused.schedule.HasField("next_fire_time"),
        )
        assert (False, "", True) == (
            resumed.schedule.paused,
            resumed.schedule.pause_reason,
            resumed.schedule.HasField("next_fire_time"),
        )

    async def test_by_deleting_it_leaves_none(self, scheduler: Client) -> None:
        """A repeat is told so."""
        await create(scheduler)
        request = pb.DeleteScheduleRequest(schedule_id="morning")
        await scheduler.schedules.DeleteSchedule(request)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await scheduler.schedules.DeleteSchedule(request)

        assert "SCHEDULE_NOT_FOUND" == info_in(refused.value).reason


class TestListing:
    async def test_gives_them_by_id_page_by_page(self, scheduler: Client) -> None:
        """None twice, none missed."""
        for name in ("c", "a", "b"):
            await create(scheduler, name)
        seen, token = [], ""
        while True:
            page = await scheduler.schedules.ListSchedules(
                pb.ListSchedulesRequest(page_size=2, page_token=token)
            )
            seen += [one.schedule_id for one in page.schedules]
            token = page.next_page_token
            if not token:
                break

        assert ["a", "b", "c"] == seen

    async def test_keeps_to_a_filter(self, scheduler: Client) -> None:
        """By what they start, and whether they rest."""
        await activate(scheduler, WAITING, "bill")
        await create(scheduler, "a")
        await create(scheduler, "b", definition_key="bill")
        await create(scheduler, "c", paused=True)

        found = {
            text: [
                one.schedule_id
                for one in (
                    await scheduler.schedules.ListSchedules(pb.ListSchedulesRequest(filter=text))
                ).schedules
            ]
            for text in ('definition_key = "bill"', "paused = TRUE", "paused = FALSE")
        }

        assert [["b"], ["c"], ["a", "b"]] == list(found.values())


class TestAnInstanceOfASchedule:
    async def test_is_started_when_its_time_has_come(
        self, scheduler: Client, serving: Serving
    ) -> None:
        """By the loop of a control plane that serves; the schedule and the lists show it."""
        await create(scheduler)
        serving.database.move_clock(timedelta(days=1, hours=2))
        async with asyncio.timeout(WITHIN_S):
            # Not an event: the loop of the server is what is waited for.
            while not (schedule := await get(scheduler)).start_count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        listed = await scheduler.instances.ListInstances(
            instance_service_pb2.ListInstancesRequest(
                filter='schedule_id = "morning" AND status = WAITING'
            )
        )
        others = await scheduler.instances.ListInstances(
            instance_service_pb2.ListInstancesRequest(
                filter='schedule_id = "morning" AND status = COMPLETED'
            )
        )
        (instance,) = listed.instances
        assert ("morning", schedule.last_instance_id) == (
            instance.schedule_id,
            instance.instance_id,
        )
        assert [instance.instance_id] == list(schedule.running_instance_ids)
        assert [] == list(others.instances)

    async def test_is_started_by_a_trigger(self, scheduler: Client) -> None:
        """Once for a request id; and not beside another, unless that is allowed."""
        await create(scheduler)
        request = pb.TriggerScheduleRequest(schedule_id="morning", request_id="r1")
        first = await scheduler.schedules.TriggerSchedule(request)
        again = await scheduler.schedules.TriggerSchedule(request)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await scheduler.schedules.TriggerSchedule(
                pb.TriggerScheduleRequest(schedule_id="morning")
            )
        beside = await scheduler.schedules.TriggerSchedule(
            pb.TriggerScheduleRequest(schedule_id="morning", allow_overlap=True)
        )

        assert first.instance.instance_id == again.instance.instance_id
        assert "SCHEDULE_RUNNING" == info_in(refused.value).reason
        assert "morning" == beside.instance.schedule_id


class TestAPreview:
    async def test_tells_the_times_and_what_the_clock_shows(self, client: Client) -> None:
        """Over the night in which it is put forward; nothing is kept."""
        after = Timestamp()
        after.FromDatetime(datetime(2026, 3, 28, tzinfo=UTC))

        answer = await client.schedules.PreviewSchedule(
            pb.PreviewScheduleRequest(
                cron="30 2 * * *", time_zone="Europe/Berlin", after_time=after, count=3
            )
        )

        assert [
            "2026-03-28T02:30:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:30:00+02:00",
        ] == [one.local for one in answer.fire_times]

    async def test_ends_where_no_more_times_come(self, client: Client) -> None:
        """Within the calendar that there is."""
        after = Timestamp()
        after.FromDatetime(datetime(2198, 12, 1, tzinfo=UTC))

        answer = await client.schedules.PreviewSchedule(
            pb.PreviewScheduleRequest(cron="@yearly", after_time=after)
        )

        assert ["2199-01-01T00:00:00+00:00"] == [one.local for one in answer.fire_times]

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"cron": "never"}, "cron"),
            ({"time_zone": "Berlin"}, "time_zone"),
            ({"count": 101}, "count"),
            ({"count": -1}, "count"),
            ({"after_time": Timestamp(seconds=-(2**40))}, "after_time"),
            ({"after_time": Timestamp(seconds=250_000_000_000)}, "after_time"),
        ],
    )
    async def test_of_what_is_wrong_says_so(
        self, client: Client, values: dict[str, Any], field: str
    ) -> None:
        """A client's input never ends in INTERNAL."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.schedules.PreviewSchedule(
                pb.PreviewScheduleRequest(**{"cron": "0 9 * * *"} | values)
            )

        assert grpc.StatusCode.INVALID_ARGUMENT == refused.value.code()
        assert field == info_in(refused.value).metadata["field"]


class TestARole:
    @pytest.mark.parametrize(
        ("role", "allowed"),
        [
            ("viewer", {"get"}),
            ("starter", {"get"}),
            ("auditor", {"get"}),
            ("operator", {"get", "pause", "trigger"}),
            ("human_worker", set()),
            ("tenant_admin", {"get", "create", "pause", "trigger", "delete"}),
        ],
    )
    async def test_may_do_what_is_its_own(
        self, serving: Serving, scheduler: Client, role: str, allowed: set[str]
    ) -> None:
        """Who may keep a schedule has it start things for ever; that is for administrators."""
        await create(scheduler)
        async with client_of(serving, await serving.key(role)) as caller:
            asked: dict[str, Awaitable[Any]] = {
                "get": caller.schedules.GetSchedule(pb.GetScheduleRequest(schedule_id="morning")),
                "create": create(caller, "evening"),
                "trigger": caller.schedules.TriggerSchedule(
                    pb.TriggerScheduleRequest(schedule_id="morning")
                ),
                "pause": caller.schedules.PauseSchedule(
                    pb.PauseScheduleRequest(schedule_id="morning")
                ),
                "delete": caller.schedules.DeleteSchedule(
                    pb.DeleteScheduleRequest(schedule_id="morning")
                ),
            }
            may = set()
            for name, call in asked.items():
                try:
                    await call
                except grpc.aio.AioRpcError as refused:
                    if refused.code() == grpc.StatusCode.PERMISSION_DENIED:
                        continue
                may.add(name)

        assert allowed == may
