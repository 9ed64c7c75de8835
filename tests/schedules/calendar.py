"""What a test does with schedules: keep one, move the clock, let what is due be fired, look."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from control_plane.loops.schedules import Schedules
from control_plane.orchestrator import Machines, Orchestrator, Request, Send, Settle
from control_plane.ports.reader import InstanceFilter
from control_plane.ports.records import Instance
from control_plane.ports.schedule_store import Schedule
from control_plane.use_cases.create_schedule import create_schedule
from control_plane.use_cases.get_schedule import get_schedule
from control_plane.use_cases.schedule_fields import WantedSchedule
from shared import json
from shared.ids import InstanceId
from shared.tasks import Outcome
from tests.contract.worlds import ACME, World

NAME = "morning"
DEFINITION = "report"
MINUTE = timedelta(minutes=1)

WAITING: dict[str, Any] = {
    "context": {"for": {"@expr": "event.input.schedule.time"}, "input": {"@expr": "event.input"}},
    "initial": "open",
    "states": {"open": {"on": {"END": "closed"}}, "closed": {"type": "final"}},
}
"""An instance that runs until it is told to end, and remembers what time it was started for."""

MAX_ROUNDS = 2_000


class Calendar:
    """One world, and `planes` control planes whose schedules are fired by hand."""

    def __init__(self, world: World, planes: int = 2) -> None:
        self.world = world
        self.orchestrators = [
            Orchestrator(world.store, Machines(world.definitions), lambda _: None)
            for _ in range(planes)
        ]
        self.planes = [
            Schedules(world.schedules, orchestrator, poll_s=1.0)
            for orchestrator in self.orchestrators
        ]

    async def define(self, spec: dict[str, Any] = WAITING) -> None:
        """Have a version of the definition, and the active one."""
        text = json.dump(spec)
        definition = await self.world.definitions.create(
            ACME,
            key=DEFINITION,
            spec=text,
            spec_hash=hashlib.sha256(text.encode()).digest(),
            description="",
            created_by="ada",
            repeatable=None,
        )
        await self.world.definitions.set_status(ACME, definition.definition_id, "active")

    async def at(self, instant: str) -> datetime:
        """It is this time now, by the database's clock, and goes on from there."""
        wanted = datetime.fromisoformat(instant).astimezone(UTC)
        await self.world.move_clock(wanted - await self.world.now())
        return wanted

    async def keep(self, cron: str, zone: str = "UTC", name: str = NAME, **more: Any) -> Schedule:
        """Create a schedule."""
        values: dict[str, Any] = {
            "definition_key": DEFINITION,
            "input": None,
            "labels": {},
            "overlap": "skip",
            "catch_up": None,
            "jitter": None,
            "description": "",
        }
        is_paused = more.pop("is_paused", False)
        created = await create_schedule(
            self.world.schedules,
            self.world.definitions,
            ACME,
            name,
            WantedSchedule(cron=cron, time_zone=zone, **values | more),
            is_paused=is_paused,
            created_by="ada",
        )
        return created.found.schedule

    async def fire(self, plane: int = 0) -> None:
        """Let a control plane do all that is due now."""
        for _ in range(MAX_ROUNDS):
            if await self.planes[plane].fire_due():
                return
        raise AssertionError(f"still not at rest after {MAX_ROUNDS} rounds")

    async def look(self, name: str = NAME) -> Schedule:
        return (await get_schedule(self.world.schedules, ACME, name)).schedule

    async def instances(self, name: str = NAME) -> list[Instance]:
        """Those that the schedule has started, by the time they were started for."""
        wanted = InstanceFilter(schedule_id=name)
        found = await self.world.reader.list_instances(ACME, wanted, after=None, limit=1_000)
        return sorted(found, key=lambda one: str(one.instance_id))

    async def started(self, name: str = NAME) -> list[str]:
        """The times for which there are instances, as `2026-01-01T09:00`."""
        return [started_for(one) for one in await self.instances(name)]

    async def running(self, name: str = NAME) -> list[str]:
        return [started_for(one) for one in await self.instances(name) if not one.is_closed]

    async def end(self, instance_id: InstanceId) -> None:
        """Tell an instance to end."""
        await self.orchestrators[0].submit(
            Request(
                tenant_id=ACME,
                instance_id=instance_id,
                asked=Send(event_id="", type="END", payload={}),
            )
        )

    async def end_all(self, name: str = NAME) -> None:
        for one in await self.instances(name):
            if not one.is_closed:
                await self.end(one.instance_id)

    async def complete_task(self) -> None:
        """A person does what the newest instance waits for."""
        (instance,) = [one for one in await self.instances() if not one.is_closed]
        await self.orchestrators[0].submit(
            Request(
                tenant_id=ACME,
                instance_id=instance.instance_id,
                asked=Settle(ordinal=1, outcome=Outcome.succeeded({}), settled_by="ada"),
            )
        )


def started_for(instance: Instance) -> str:
    context = json.load(instance.context)
    assert isinstance(context, dict)
    return str(context["for"])[:16]
