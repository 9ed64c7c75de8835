"""Tasks that have one outcome together."""

from typing import Any, ClassVar

from control_plane.engine import ExpressionFailed, LimitExceeded
from control_plane.engine.limits import MAX_HELD_BYTES, MAX_UNDOABLE, MAX_WAITING_TASKS
from tests.engine.telling import ERROR, Instance, assign, expr, say

LARGE = "x" * 250_000


def fan_out(**more: Any) -> dict[str, Any]:
    return {
        "context": {"got": None},
        "initial": "all",
        "states": {
            "all": {
                "invoke": {
                    "id": "each",
                    "src": "http",
                    "forEach": expr("event.input"),
                    "input": {"n": expr("item * 10"), "at": expr("index")},
                    "onDone": {"target": "done", "actions": assign(got=expr("event.output"))},
                    "onError": {"target": "sorry", "actions": assign(got=expr("event.error.kind"))},
                    **more,
                },
                "on": {"STOP": "sorry"},
            },
            "done": {},
            "sorry": {},
        },
    }


class TestATaskForEachItem:
    def test_is_created_with_its_own_input(self) -> None:
        """`item` and `index` are what the input sees besides the rest."""
        it = Instance(fan_out(), input=[1, 2])

        assert [{"n": 10, "at": 0}, {"n": 20, "at": 1}] == [task.input for task in it.created]
        assert [1, 2] == [task.ordinal for task in it.created]

    def test_is_waited_for_with_the_others(self) -> None:
        """The outputs come together, in the order of the items and not of their endings."""
        it = Instance(fan_out(), input=[1, 2])
        it.succeed(2, "second")
        half, told = it.value, it.told
        it.succeed(1, "first")

        assert ("all", ["TASK_COMPLETED"]) == (half, told)
        assert ("done", {"got": ["first", "second"]}) == (it.value, it.context)

    def test_of_no_items_is_done_at_once(self) -> None:
        """Nothing to do is success."""
        it = Instance(fan_out(), input=[])

        assert ("done", {"got": []}) == (it.value, it.context)

    def test_that_fails_fails_the_whole_and_calls_off_the_rest(self) -> None:
        """`join: all`, which is what is meant if nothing is said."""
        it = Instance(fan_out(), input=[1, 2, 3])
        it.fail(2)

        assert ("sorry", {"got": "http.status"}) == (it.value, it.context)
        assert ([1, 3], {}, {}) == (it.cancelled, it.snapshot.tasks, it.snapshot.groups)

    def test_is_cancelled_with_its_state(self) -> None:
        """Those that wait are forgotten."""
        it = Instance(fan_out(concurrency=1), input=[1, 2, 3])
        it.send("STOP")

        assert ([1], {}, {}) == (it.cancelled, it.snapshot.tasks, it.snapshot.groups)

    def test_waits_its_turn(self) -> None:
        """Never more than `concurrency` are open; the next begins when one has ended."""
        it = Instance(fan_out(concurrency=2), input=[1, 2, 3])
        at_first = [task.ordinal for task in it.created]
        it.succeed(1, "a")
        then = [task.input for task in it.created]
        it.succeed(3, "c")
        it.succeed(2, "b")

        assert ([1, 2], [{"n": 30, "at": 2}]) == (at_first, then)
        assert ("done", {"got": ["a", "b", "c"]}) == (it.value, it.context)

    def test_may_be_enough_alone(self) -> None:
        """`join: any`: the first success is the outcome, and the rest is called off."""
        it = Instance(fan_out(join="any"), input=[1, 2, 3])
        it.fail(1)
        it.succeed(3, "mine")

        assert ("done", {"got": "mine"}, [2]) == (it.value, it.context, it.cancelled)

    def test_may_fail_last_of_all(self) -> None:
        """`join: any` fails when nobody succeeded."""
        it = Instance(fan_out(join="any"), input=[1, 2])
        it.fail(1)
        it.fail(2)

        assert "sorry" == it.value

    def test_may_end_as_it_likes(self) -> None:
        """`join: settled` tells how each one ended."""
        it = Instance(fan_out(join="settled"), input=[1, 2])
        it.fail(1)
        it.succeed(2, "fine")

        assert {"got": [{"error": ERROR}, {"output": "fine"}]} == it.context

    def test_of_no_items_cannot_be_the_first_to_succeed(self) -> None:
        """`any` of nothing has no outcome."""
        it = Instance(fan_out(join="any"), input=[])

        assert "REJECTED" == it.decision.disposition

    def test_needs_a_list(self) -> None:
        """Where that is seen at run time only."""
        it = Instance(fan_out(), input={"a": 1})

        assert "REJECTED" == it.decision.disposition

    def test_has_a_limit(self) -> None:
        """A thousand items."""
        it = Instance(fan_out(), input=[0] * 1001)

        assert LimitExceeded("items of a fan-out", 1001, 1000) == it.decision.refusal

    def test_waits_with_so_many_others_and_no_more(self) -> None:
        """They stand in the snapshot, which every turn of the instance reads and writes."""
        full = {"forEach": list(range(1_000)), "concurrency": 1, "name": "x", "type": "HTTP"}
        spec = {"on": {"GO": {"actions": {"type": "createTask", "params": full}}}}
        it = Instance(spec)
        for _ in range(10):
            it.send("GO")
        it.send("GO")

        assert (
            LimitExceeded("waiting tasks per instance", 11 * 999, MAX_WAITING_TASKS)
            == it.decision.refusal
        )
        assert 10 == len(it.snapshot.groups)

    def test_fails_the_whole_when_the_outcomes_are_too_much_to_hold(self) -> None:
        """Each is within its own limit; the snapshot that holds all would be written ever anew."""
        it = Instance(fan_out(), input=[0] * 10)
        for ordinal in range(1, 6):
            it.succeed(ordinal, LARGE)
        events = it.told

        assert ("sorry", {"got": "limit_exceeded"}) == (it.value, it.context)
        assert "TASK_COMPLETED" in events
        assert [6, 7, 8, 9, 10] == it.cancelled

    def test_gives_what_it_held_free_for_the_next(self) -> None:
        """The limit is on what stands in the snapshot, and not on what ever came."""
        spec = fan_out()
        spec["states"]["done"] = {"on": {"AGAIN": "once more"}}
        spec["states"]["once more"] = {
            "invoke": {
                "src": "http",
                "forEach": [1, 2, 3, 4],
                "onDone": {"target": "over"},
            }
        }
        spec["states"]["all"]["invoke"]["onDone"] = {"target": "done"}
        spec["states"]["over"] = {}
        it = Instance(spec, input=[0] * 4)
        for ordinal in (1, 2, 3, 4):
            it.succeed(ordinal, LARGE)
        it.send("AGAIN")
        for ordinal in (5, 6, 7, 8):
            it.succeed(ordinal, LARGE)

        assert "over" == it.value

    def test_has_no_more_inputs_waiting_than_can_be_held(self) -> None:
        """What would be too much is refused, and nothing of it is created."""
        given = {"forEach": [0] * 10, "concurrency": 1, "input": expr("context.x")}
        params = {"name": "x", "type": "HTTP", **given}
        spec = {
            "context": {"x": "x" * 9_000},
            "on": {"GO": {"actions": {"type": "createTask", "params": params}}},
        }
        it = Instance(spec)
        for _ in range(13):
            it.send("GO")

        refusal = it.decision.refusal
        assert isinstance(refusal, LimitExceeded)
        assert ("bytes of waiting inputs", MAX_HELD_BYTES) == (refusal.limit, refusal.maximum)
        assert 12 == len(it.snapshot.groups)

    def test_fails_the_instance_when_the_whole_has_no_error_path(self) -> None:
        """As a single task does."""
        spec = fan_out()
        del spec["states"]["all"]["invoke"]["onError"]
        it = Instance(spec, input=[1, 2])
        it.fail(1)

        assert ("error", [2]) == (it.snapshot.status, it.cancelled)

    def test_goes_on_while_a_finishing_instance_waits(self) -> None:
        """Those that wait are begun although no state is left."""
        create = {
            "type": "createTask",
            "params": {"name": "x", "type": "HTTP", "forEach": [1, 2], "concurrency": 1},
        }
        it = Instance({"entry": create, "initial": "end", "states": {"end": {"type": "final"}}})
        it.succeed(1)
        begun, status = [task.ordinal for task in it.created], it.snapshot.status
        it.succeed(2)

        assert ([2], "active", "done") == (begun, status, it.snapshot.status)

    def test_survives_being_stored(self) -> None:
        """Endings and those that wait are part of the snapshot."""
        it = Instance(fan_out(concurrency=1, join="settled"), input=[1, 2, 3])
        it.succeed(1, "a")

        assert it.snapshot == it.reloaded()
        assert it.snapshot == it.folded()


def booked(name: str, then: str) -> dict[str, Any]:
    return {
        "invoke": {
            "id": name,
            "src": f"system.{name}",
            "compensation": {
                "src": f"system.cancel_{name}",
                "input": {"booking": expr("event.output"), "why": expr("task.name")},
            },
            "onDone": then,
            "onError": "undo",
        }
    }


TRIP: dict[str, Any] = {
    "initial": "hotel",
    "states": {
        "hotel": booked("hotel", "flight"),
        "flight": booked("flight", "car"),
        "car": booked("car", "done"),
        "undo": {
            "entry": {"type": "compensate"},
            "on": {"task.compensation.done": "undone", "task.compensation.failed": "stuck"},
        },
        "undone": {"type": "final"},
        "stuck": {},
        "done": {"type": "final"},
    },
}


class TestACompensation:
    def trip(self, **root: Any) -> Instance:
        it = Instance({**TRIP, **root})
        it.succeed(1, "H1")
        it.succeed(2, "F1")
        return it

    def test_undoes_what_has_succeeded_the_last_first(self) -> None:
        """One after the other, each with the output of what it undoes."""
        it = self.trip()
        it.fail(3)
        first = [(task.function, task.input, task.compensation) for task in it.created]
        it.succeed(4)
        second = [(task.function, task.input, task.compensation) for task in it.created]
        it.succeed(5)

        assert [("cancel_flight", {"booking": "F1", "why": "flight"}, 2)] == first
        assert [("cancel_hotel", {"booking": "H1", "why": "hotel"}, 1)] == second
        assert ("undone", "done") == (it.value, it.snapshot.status)

    def test_that_fails_is_told_and_stops_the_rest(self) -> None:
        """What could not be undone needs somebody to look at it."""
        it = self.trip()
        it.fail(3)
        it.fail(4)

        assert ("stuck", {}, ()) == (it.value, it.snapshot.groups, it.snapshot.undo)

    def test_of_nothing_is_done_at_once(self) -> None:
        """The first booking failed: there is nothing to undo."""
        it = Instance(TRIP)
        it.fail(1)

        assert "undone" == it.value

    def test_is_kept_ready_with_so_many_bytes_and_no_more(self) -> None:
        """As many inputs of 250 KiB would be 250 MiB."""
        undoes = {"src": "http", "input": {"x": LARGE}}
        task = {"name": "x", "type": "HTTP", "compensation": undoes}
        it = Instance({"on": {"GO": {"actions": {"type": "createTask", "params": task}}}})
        for ordinal in range(1, 6):
            it.send("GO")
            it.succeed(ordinal)

        assert ("error", 4) == (it.snapshot.status, len(it.snapshot.undo))
        assert it.snapshot.error is not None
        assert "bytes of inputs that undo" in str(it.snapshot.error["message"])

    def test_is_kept_ready_for_so_many_tasks_and_no_more(self) -> None:
        """An instance that runs for ever does not grow for ever; it fails where it can be seen."""
        task = {"name": "x", "type": "HTTP", "compensation": {"src": "http"}}
        it = Instance({"on": {"GO": {"actions": {"type": "createTask", "params": task}}}})
        for ordinal in range(1, MAX_UNDOABLE + 2):
            it.send("GO")
            it.succeed(ordinal)

        assert ("error", MAX_UNDOABLE) == (it.snapshot.status, len(it.snapshot.undo))
        assert it.snapshot.error is not None
        assert "tasks to be undone: 1001 is over the limit of 1000" == it.snapshot.error["message"]

    def test_that_cannot_be_prepared_fails_the_instance(self) -> None:
        """Its input is worked out while the output is at hand."""
        it = Instance(
            {
                "initial": "a",
                "states": {
                    "a": {
                        "invoke": {
                            "src": "http",
                            "compensation": {"src": "http", "input": expr("event.output.id")},
                        }
                    }
                },
            }
        )
        it.succeed(1, "no id in here")

        assert "error" == it.snapshot.status

    def test_runs_before_an_instance_is_cancelled_where_the_spec_says_so(self) -> None:
        """`onCancel: compensate`: it is cancelled when the last one has ended."""
        it = self.trip(onCancel="compensate")
        it.cancel("changed my mind")
        began, status = it.told, (it.snapshot.status, it.snapshot.cancelling)
        it.send("ANY")
        closed = it.decision.refusal
        it.cancel("again")
        again = it.decision.disposition
        it.succeed(4)
        it.succeed(5)

        assert ["INSTANCE_CANCELLING", "TASK_CANCELLED", "TASK_CREATED"] == began
        assert (("active", "changed my mind"), "REJECTED") == (status, again)
        assert "cancelling" == getattr(closed, "status", None)
        assert "cancelled" == it.snapshot.status
        assert {"reason": "changed my mind", "compensated": True} == it.entry(
            "INSTANCE_CANCELLED"
        ).payload
        assert it.snapshot == it.folded()

    def test_that_fails_while_cancelling_fails_the_instance(self) -> None:
        """It is not cancelled as long as something stands that should not."""
        it = self.trip(onCancel="compensate")
        it.cancel()
        it.fail(4)

        assert ("error", None) == (it.snapshot.status, it.snapshot.cancelling)
        assert it.snapshot == it.folded()

    def test_does_not_hold_up_a_cancellation_that_has_nothing_to_undo(self) -> None:
        """Then the instance is cancelled at once."""
        it = Instance({**TRIP, "onCancel": "compensate"})
        it.cancel()

        assert "cancelled" == it.snapshot.status


class TestAChild:
    SPEC: ClassVar[dict[str, Any]] = {
        "initial": "a",
        "states": {
            "a": {
                "invoke": {
                    "id": "sub",
                    "src": "workflow.billing",
                    "input": {"sum": 5},
                    "onDone": {"actions": say("done")},
                },
                "on": {"STOP": "b"},
            },
            "b": {},
        },
    }

    def test_is_an_instance_of_another_definition(self) -> None:
        """The runtime starts it; the machine says that it needs such a runtime."""
        it = Instance(self.SPEC)
        (command,) = it.decision.commands

        assert (1, "billing", {"sum": 5}) == (command.ordinal, command.definition, command.input)  # type: ignore[union-attr]  # a StartChild
        assert frozenset({"children"}) == it.machine.needs
        assert {"name": "sub", "type": "WORKFLOW", "definition": "billing"} == it.entry(
            "TASK_CREATED"
        ).payload

    def test_ends_like_a_task(self) -> None:
        """Its output is the task's, and leaving the state cancels it."""
        done, stopped = Instance(self.SPEC), Instance(self.SPEC)
        done.succeed(1)
        stopped.send("STOP")

        assert (["done"], [1]) == (done.said, stopped.cancelled)


class TestATaskForEachItemOfWhichSomeAreEnough:
    def test_is_done_when_so_many_have_succeeded(self) -> None:
        """Two of three signatures: the third is called off."""
        it = Instance(fan_out(join=2), input=[1, 2, 3])
        it.succeed(3, "c")
        half = it.value
        it.succeed(1, "a")

        assert ("all", "done", {"got": ["a", "c"]}) == (half, it.value, it.context)
        assert [2] == it.cancelled

    def test_has_failed_when_too_few_are_left(self) -> None:
        """Nobody waits for what cannot come any more."""
        it = Instance(fan_out(join=2), input=[1, 2, 3])
        it.fail(1)
        half = it.value
        it.fail(2)

        assert ("all", "sorry", {"got": "http.status"}) == (half, it.value, it.context)

    def test_is_not_begun_with_too_few_items(self) -> None:
        """It could not succeed, whatever its tasks do."""
        it = Instance(fan_out(join=3), input=[1])

        assert "REJECTED" == it.decision.disposition
        assert isinstance(it.decision.refusal, ExpressionFailed)
        assert "`join` needs 3" in it.decision.refusal.message
