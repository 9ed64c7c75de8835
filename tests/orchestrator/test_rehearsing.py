"""What a preview says, beside what the orchestrator does with the same event."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from control_plane.orchestrator import Machines, Send
from control_plane.orchestrator.rehearsing import Preview, preview_send, read_draft
from control_plane.orchestrator.request import Claim
from control_plane.ports.limit_store import TaskLimit
from control_plane.ports.people import Person, Terms
from control_plane.ports.records import Instance, InstanceKey
from control_plane.use_cases.explain_instance import Explained, explain_instance
from shared import json
from shared.errors import FoliotError, NotFound
from shared.ids import InstanceId, new_instance_id
from shared.json import Json
from tests.contract.worlds import ACME, OTHER
from tests.engine.telling import NOW
from tests.orchestrator.specs import ASKING, COUNTER, DEFERRING, ONE_TASK
from tests.orchestrator.stage import Stage

MOVING: dict[str, Any] = {
    "id": "order",
    "context": {"n": 1},
    "initial": "a",
    "states": {
        "a": {
            "invoke": {"id": "old", "src": "human", "onDone": "b"},
            "after": {"PT1H": "b"},
            "on": {
                "GO": [
                    {"guard": {"@expr": "context.n > 5"}, "target": "c"},
                    {
                        "guard": {"@expr": "event.by == 2"},
                        "target": "b",
                        "actions": [
                            {
                                "type": "@assign",
                                "context": {"n": {"@expr": "context.n + event.by"}},
                            },
                            {"type": "@emit", "event": {"type": "moved"}},
                            {"type": "@log", "value": {"@expr": "event.by"}},
                        ],
                    },
                ]
            },
        },
        "b": {
            "invoke": {"id": "new", "src": "system.f", "input": {"x": 1}, "onDone": "c"},
            "after": {"PT2H": "c"},
        },
        "c": {"type": "final"},
    },
}
IGNORING = {**COUNTER, "unhandled": "ignore"}

CASES: dict[str, tuple[dict[str, Any], list[str], str, Json]] = {
    "applied": (MOVING, [], "GO", {"by": 2}),
    "no guard lets it pass": (MOVING, [], "GO", {"by": 3}),
    "an expression fails": (MOVING, [], "GO", None),
    "not accepted": (MOVING, [], "SLEEP", None),
    "the engine's own": (MOVING, [], "xstate.init", None),
    "ignored": (IGNORING, [], "SLEEP", None),
    "deferred": (DEFERRING, [], "SAY", {"word": "a"}),
    "takes up what was deferred": (DEFERRING, ["SAY"], "OPEN", None),
    "ends": (COUNTER, [], "END", None),
    "closed": (COUNTER, ["END"], "ADD", {"by": 1}),
}


async def preview(stage: Stage, instance_id: InstanceId, type_: str, payload: Json) -> Preview:
    return await preview_send(
        stage.world.store,
        Machines(stage.world.definitions),
        InstanceKey(ACME, instance_id),
        Send(event_id="", type=type_, payload=payload),
    )


def as_told(instance: Instance) -> Any:
    """All that a preview can know of a row: everything but the clock."""
    snapshot: Any = json.load(instance.snapshot)
    for timer in snapshot.get("timers", {}).values():
        del timer["due"]
    clock = {"updated_at": NOW, "completed_at": None, "snapshot": json.dump(snapshot)}
    return replace(instance, **clock)  # type: ignore[arg-type]  # each its field's


async def error_of(sending: Callable[[], Awaitable[object]]) -> tuple[str, str] | None:
    try:
        await sending()
    except FoliotError as error:
        return error.reason, error.message
    return None


class TestAPreview:
    @pytest.mark.parametrize("case", CASES.values(), ids=CASES)
    async def test_says_what_then_happens(
        self, stage: Stage, case: tuple[dict[str, Any], list[str], str, Json]
    ) -> None:
        """The same disposition, error, state, context, history and tasks, by the same code."""
        spec, before, type_, payload = case
        await stage.define(spec)
        started = await stage.start()
        for earlier in before:
            await stage.send(started.instance_id, earlier, {"word": "x"})
        key = InstanceKey(ACME, started.instance_id)
        was = await stage.world.reader.get_instance(*key)
        assert was is not None

        told = await preview(stage, started.instance_id, type_, payload)
        answers: list[str] = []

        async def sent() -> None:
            answer = await stage.send(started.instance_id, type_, payload)
            answers.append(answer.disposition)

        error = await error_of(sent)
        now = await stage.world.reader.get_instance(*key)
        assert now is not None
        entries = await stage.world.reader.list_history(*key, after_seq=was.seq, limit=100)

        assert error == (told.error and (told.error.reason, told.error.message))
        assert (answers or ["REJECTED"]) == [told.disposition]
        after = was if told.change is None else told.change.after
        assert as_told(now) == as_told(after)
        assert [(one.seq, one.type, one.payload) for one in entries] == [
            (one.seq, one.type, one.payload) for one in (told.change.entries if told.change else ())
        ]

    async def test_writes_nothing(self, stage: Stage) -> None:
        """Neither rows nor a revision: whoever asks a hundred times has changed nothing."""
        await stage.define(MOVING)
        started = await stage.start()
        key = InstanceKey(ACME, started.instance_id)
        before = await stage.world.reader.get_instance(*key), await stage.world.row_counts()

        for type_ in ("GO", "SLEEP"):
            await preview(stage, started.instance_id, type_, {"by": 2})

        after = await stage.world.reader.get_instance(*key), await stage.world.row_counts()
        assert before == after

    async def test_tells_of_tasks_timers_and_the_way_it_was_decided(self, stage: Stage) -> None:
        """What would begin, what would end, and each guard that was asked on the way."""
        await stage.define(MOVING)
        started = await stage.start()

        told = await preview(stage, started.instance_id, "GO", {"by": 2})

        assert told.change is not None
        assert ["new"] == [one.name for one in told.change.new_tasks]
        assert [(1, "cancelled")] == [
            (one.ordinal, one.status) for one in told.change.updated_tasks
        ]
        assert told.trace is not None
        asked = told.trace.microsteps[0].considered
        assert [(False, {"context.n": 1}), (True, {"event.by": 2})] == [
            (one.guard, one.operands) for one in asked
        ]
        assert (2,) == told.trace.logged

    async def test_of_a_paused_instance_asks_nobody(self, stage: Stage) -> None:
        """The event would be kept, whatever the statechart says of it."""
        await stage.define(MOVING)
        started = await stage.start()
        draft = await read_draft(
            stage.world.store,
            Machines(stage.world.definitions),
            InstanceKey(ACME, started.instance_id),
        )
        await stage.pause(started.instance_id)

        told = await preview(stage, started.instance_id, "SLEEP", None)

        assert not draft.paused
        assert ("DEFERRED", None) == (told.disposition, told.trace)

    async def test_knows_a_timer_only_when_it_has_fired(self, stage: Stage) -> None:
        """An overdue timer changes nothing until its turn comes, for an event as for a preview."""
        await stage.define(MOVING)
        started = await stage.start()
        await stage.world.move_clock(timedelta(hours=3))

        told = await preview(stage, started.instance_id, "GO", {"by": 2})

        assert "APPLIED" == told.disposition

    @pytest.mark.parametrize("tenant", [ACME, OTHER])
    async def test_of_an_unknown_instance_finds_none(self, stage: Stage, tenant: Any) -> None:
        """Another tenant's id answers like one that does not exist."""
        await stage.define(MOVING)
        started = await stage.start()
        wanted = new_instance_id() if tenant == ACME else started.instance_id

        with pytest.raises(NotFound):
            await preview_send(
                stage.world.store,
                Machines(stage.world.definitions),
                InstanceKey(tenant, wanted),
                Send(event_id="", type="GO", payload=None),
            )


class TestAnExplanation:
    async def test_knows_when_a_failed_task_is_tried_again(self, stage: Stage) -> None:
        """The next attempt is a deadline like a timer's, and it stands in the task's row."""
        await stage.define(ONE_TASK)
        started = await stage.start()
        (task,) = await stage.claim()
        await stage.fail(task)

        told = await explain_instance(
            stage.world.store,
            Machines(stage.world.definitions),
            stage.world.reader,
            stage.world.limits,
            ACME,
            started.instance_id,
        )

        (awaited,) = told.explanation.tasks
        assert awaited.run_at is not None
        assert timedelta(0) < awaited.run_at - told.now <= timedelta(seconds=10)
        assert awaited.run_at == told.explanation.next_deadline

    async def test_names_the_events_that_are_kept(self, stage: Stage) -> None:
        """They were accepted, and nothing has come of them yet."""
        await stage.define(DEFERRING)
        started = await stage.start()
        await stage.send(started.instance_id, "SAY", {"word": "a"})

        told = await explain_instance(
            stage.world.store,
            Machines(stage.world.definitions),
            stage.world.reader,
            stage.world.limits,
            ACME,
            started.instance_id,
        )

        assert ("SAY",) == told.explanation.deferred

    async def test_names_the_limit_that_a_task_waits_for(self, stage: Stage) -> None:
        """An operator sees at once why nothing happens, and what to raise."""
        await stage.define(ONE_TASK)
        await stage.world.limits.put(ACME, TaskLimit(max_running=0), at_most=9)
        started = await stage.start()
        held = await self._explained(stage, started.instance_id)
        await stage.world.limits.put(ACME, TaskLimit(max_running=1), at_most=9)
        free = await self._explained(stage, started.instance_id)

        assert [{1: [""]}, {1: []}] == [held.held_back, free.held_back]

    async def test_names_whom_a_human_task_is_offered_to_and_who_has_it(self, stage: Stage) -> None:
        """It waits for them, and for no executor."""
        await stage.define(ASKING)
        started = await stage.start()
        person = Person(name="key:1", user="ada", roles=frozenset({"cook"}))
        await stage.ask(started.instance_id, Claim(ordinal=1, person=person))
        told = await self._explained(stage, started.instance_id)

        assert ("ada", ("cook",), {}) == (
            told.tasks[1].assignee,
            Terms.of(told.tasks[1].terms).roles,
            told.held_back,
        )

    async def _explained(self, stage: Stage, instance_id: InstanceId) -> Explained:
        return await explain_instance(
            stage.world.store,
            Machines(stage.world.definitions),
            stage.world.reader,
            stage.world.limits,
            ACME,
            instance_id,
        )
