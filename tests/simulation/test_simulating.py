"""A run in virtual time: its bounds, its trace, and what it tells of each step."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from control_plane.engine import Machine, compile_spec
from control_plane.engine.durations import Duration
from control_plane.simulation import (
    DEFAULT_START,
    Advance,
    Conclude,
    Mock,
    MockedAttempt,
    Script,
    Send,
    Simulation,
    Step,
    limits,
    simulate,
)
from control_plane.simulation.as_json import simulation_as_json
from shared.tasks import Failure, Outcome

FOR_EVER: dict[str, Any] = {
    "initial": "a",
    "states": {
        "a": {"invoke": {"id": "work", "src": "system.work", "onDone": "b"}},
        "b": {"invoke": {"id": "work", "src": "system.work", "onDone": "a"}},
    },
}
CHOOSING: dict[str, Any] = {
    "context": {"n": 5},
    "initial": "a",
    "states": {
        "a": {
            "on": {
                "GO": [
                    {"guard": {"@expr": "context.n > event.least"}, "target": "b"},
                    {"target": "c", "actions": {"type": "@log", "args": "went to c"}},
                ]
            }
        },
        "b": {},
        "c": {"after": {"PT1M": "a"}},
    },
}
DONE = MockedAttempt(outcome=Outcome.succeeded())
BROKEN = MockedAttempt(outcome=Outcome.failed(Failure(kind="it.broke", message="")))


def passing(**length: float) -> Advance:
    return Advance(by=Duration(0, timedelta(**length)))


def run(spec: dict[str, Any], *steps: Step, **mocks: Mock) -> Simulation:
    return simulate(compile_spec(spec), Script(steps=steps, mocks=mocks))


class TestARun:
    def test_of_tasks_that_lead_to_one_another_is_stopped(self) -> None:
        """Without a limit, mocks that take no time would go round for ever."""
        simulation = run(FOR_EVER, work=Mock(attempts=(DONE,)))

        assert simulation.stopped is not None
        assert f"more than {limits.MAX_DECISIONS}" in simulation.stopped
        assert 1 == len(simulation.steps)

    def test_that_goes_too_far_is_stopped(self) -> None:
        """Virtual years are limited; what came before is told."""
        simulation = run(CHOOSING, passing(days=3_000), passing(days=3_000))

        assert simulation.stopped is not None
        assert "virtual time of one run" in simulation.stopped
        assert DEFAULT_START + timedelta(days=3_000) == simulation.end.at

    def test_beyond_the_calendar_is_stopped(self) -> None:
        """No date is that late."""
        simulation = run(CHOOSING, Advance(by=Duration(12 * 9_000, timedelta())))

        assert simulation.stopped is not None

    def test_of_too_many_steps_is_stopped(self) -> None:
        """Whoever calls without reading a file has the same limit."""
        simulation = run(CHOOSING, *[passing(seconds=1)] * (limits.MAX_STEPS + 1))

        assert simulation.stopped is not None
        assert "steps of one script" in simulation.stopped

    def test_is_stopped_by_whoever_called_it(self) -> None:
        """A server has no more than so much time for it."""
        asked = iter([True, True, False])

        simulation = simulate(
            compile_spec(FOR_EVER),
            Script(mocks={"work": Mock(attempts=(DONE,))}),
            may_go_on=lambda: next(asked),
        )

        assert "the run took longer than it may; make it shorter" == simulation.stopped

    def test_starts_when_its_script_says(self) -> None:
        """Definitions may look at the time."""
        spec = {
            "context": {"at": {"@expr": "string(now)"}},
            "initial": "a",
            "states": {"a": {"on": {"X": "a"}}},
        }
        start = datetime(2030, 1, 31, 12, tzinfo=UTC)

        simulation = simulate(compile_spec(spec), Script(start=start))

        assert {"at": "2030-01-31T12:00:00Z"} == simulation.end.seen.context

    def test_can_be_written_as_json(self) -> None:
        """All of it, for programs."""
        simulation = run(CHOOSING, Send(type="GO", payload={"least": 9}), passing(minutes=2))

        told = simulation_as_json(simulation)

        assert told == json.loads(json.dumps(told))
        assert ["start", "send GO", "advance PT2M"] == [
            one["step"]  # type: ignore[index, call-overload]  # JSON
            for one in told["steps"]  # type: ignore[union-attr]  # JSON
        ]


class TestATrace:
    def test_tells_which_transitions_were_asked_and_why(self) -> None:
        """The guard's value, and what it read."""
        simulation = run(CHOOSING, Send(type="GO", payload={"least": 9}))

        (happening,) = simulation.end.happenings
        assert happening.trace is not None
        (microstep,) = happening.trace.microsteps
        refused, taken = microstep.considered
        assert (False, {"context.n": 5, "event.least": 9}) == (refused.guard, refused.operands)
        assert (taken.json_pointer,) == microstep.chosen
        assert (("a",), ("c",)) == (microstep.exited, microstep.entered)
        assert ("went to c",) == happening.trace.logged

    def test_is_left_out_if_nobody_asked(self) -> None:
        """It costs time."""
        simulation = simulate(compile_spec(CHOOSING), Script(), trace=False)

        assert [None] == [one.trace for one in simulation.end.happenings]


class TestAStep:
    def test_tells_of_the_timers_it_armed(self) -> None:
        """And of those that wait when it is over."""
        simulation = run(CHOOSING, Send(type="GO", payload={"least": 9}))

        (armed,) = simulation.end.happenings[0].armed
        assert DEFAULT_START + timedelta(minutes=1) == armed.due
        assert (armed,) == simulation.end.timers

    def test_lets_everything_happen_at_its_own_instant(self) -> None:
        """A retry in the middle of a long wait is not late."""
        policy = {"retry": {"initial": "PT10S", "factor": 3, "jitter": 0, "maxAttempts": 3}}
        spec = json.loads(json.dumps(FOR_EVER))
        spec["states"]["a"]["invoke"].update(policy, onError="c")
        spec["states"]["c"] = {}

        simulation = run(spec, passing(hours=1), work=Mock(attempts=(BROKEN,)))

        assert [timedelta(seconds=10), timedelta(seconds=40)] == [
            one.at - DEFAULT_START for one in simulation.end.happenings
        ]
        assert "c" == simulation.end.seen.state

    def test_starts_the_larger_priority_first(self) -> None:
        """As executors are handed tasks."""
        spec = {
            "type": "parallel",
            "states": {
                name: {"invoke": {"id": name, "src": "system.x", "priority": priority}}
                for name, priority in (("low", -1), ("high", 1), ("none", 0))
            },
        }
        machine: Machine = compile_spec(spec)

        simulation = simulate(machine, Script())

        begun = [one.subject for one in simulation.end.happenings if one.kind == "waiting"]
        assert ["high", "none", "low"] == begun


class TestAMock:
    @pytest.mark.parametrize(("item", "output"), [(0, 1), (1, 2), (2, 2)])
    def test_of_each_item_stays_with_its_last(self, item: int, output: int) -> None:
        """A list may be shorter than the items."""
        spec: dict[str, Any] = {
            "context": {"got": None},
            "initial": "a",
            "states": {
                "a": {
                    "invoke": {
                        "id": "x",
                        "src": "system.x",
                        "forEach": [0, 1, 2],
                        "onDone": {
                            "target": "b",
                            "actions": {
                                "type": "@assign",
                                "context": {"got": {"@expr": "event.output"}},
                            },
                        },
                        "onError": "b",
                    }
                },
                "b": {"type": "final"},
            },
        }
        each = tuple((MockedAttempt(outcome=Outcome.succeeded(number)),) for number in (1, 2))

        simulation = run(spec, x=Mock(each=each))

        context = simulation.end.seen.context
        assert isinstance(context, dict)
        assert output == context["got"][item]  # type: ignore[index]  # a list


class TestAPersonsAnswer:
    SPEC: ClassVar[dict[str, Any]] = {
        "initial": "a",
        "states": {
            "a": {
                "invoke": {
                    "id": "ask",
                    "src": "human",
                    "form": {"required": ["ok"]},
                    "onDone": "b",
                    "onError": "b",
                }
            },
            "b": {"type": "final"},
        },
    }

    def test_that_does_not_keep_to_the_form_is_refused_and_the_task_stays(self) -> None:
        """As CompleteTask refuses it; one that does is taken."""
        simulation = run(
            self.SPEC,
            Conclude(task="ask", outcome=Outcome.succeeded({})),
            Conclude(task="ask", outcome=Outcome.succeeded({"ok": 1})),
        )
        refused = [step.seen.refused for step in simulation.steps if step.seen.refused]

        assert [("FORM_NOT_KEPT", "/ok is required")] == [
            (one.reason, one.message.partition(": ")[2]) for one in refused
        ]
        assert "completed" == simulation.steps[-1].seen.status
