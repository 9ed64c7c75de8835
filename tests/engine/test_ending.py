"""How states and instances end."""

from typing import Any, ClassVar

from control_plane.engine import ExpressionFailed, InstanceClosed
from tests.engine.telling import Instance, assign, expr, say

CREATE: dict[str, Any] = {"type": "createTask", "params": {"name": "mail", "type": "EMAIL"}}
DETACHED: dict[str, Any] = {
    "type": "createTask",
    "params": {"name": "mail", "type": "EMAIL", "detached": True},
}


class TestACompoundState:
    SPEC: ClassVar[dict[str, Any]] = {
        "context": {"got": None},
        "initial": "work",
        "states": {
            "work": {
                "initial": "doing",
                "onDone": {"target": "after", "actions": assign(got=expr("event.output"))},
                "states": {
                    "doing": {"on": {"OK": "finished"}},
                    "finished": {
                        "type": "final",
                        "output": {"by": expr("event.by")},
                        "entry": say("+finished"),
                    },
                },
            },
            "after": {},
        },
    }

    def test_is_done_when_its_final_child_is_entered(self) -> None:
        """`onDone` answers, and sees the final state's output."""
        it = Instance(self.SPEC)
        it.send("OK", {"by": "ann"})

        assert ("after", {"got": {"by": "ann"}}) == (it.value, it.context)

    def test_that_is_not_at_the_top_does_not_end_the_machine(self) -> None:
        """Only a final state directly below the root does."""
        it = Instance(self.SPEC)
        it.send("OK", {"by": "ann"})

        assert "active" == it.snapshot.status


class TestAParallelState:
    def spec(self, **root: Any) -> dict[str, Any]:
        def part(name: str) -> dict[str, Any]:
            return {
                "initial": "run",
                "states": {"run": {"on": {name: "end"}}, "end": {"type": "final", "output": name}},
            }

        return {"type": "parallel", "states": {"a": part("A"), "b": part("B")}, **root}

    def test_is_done_when_every_region_is(self) -> None:
        """Not before."""
        it = Instance(
            {"initial": "p", "states": {"p": {**self.spec(), "onDone": "after"}, "after": {}}}
        )
        it.send("A")
        half = it.value
        it.send("B")

        assert ({"p": {"a": "end", "b": "run"}}, "after") == (half, it.value)

    def test_at_the_top_ends_the_machine_when_every_region_is_done(self) -> None:
        """A parallel root has no final child of its own."""
        it = Instance(self.spec(output={"ok": True}))
        it.send("B")
        it.send("A")

        assert ("done", {"ok": True}) == (it.snapshot.status, it.snapshot.output)

    def test_inside_a_region_completes_that_region_too(self) -> None:
        """Being done climbs through nested parallel states."""
        it = Instance(
            {
                "initial": "p",
                "states": {
                    "p": {"type": "parallel", "states": {"in": self.spec()}, "onDone": "after"},
                    "after": {},
                },
            }
        )
        it.send("A")
        it.send("B")

        assert "after" == it.value


class TestAnInstanceWhoseMachineIsDone:
    def test_is_completed_with_its_output(self) -> None:
        """The root's `output` sees the event that says which final state it was."""
        it = Instance(
            {
                "id": "m",
                "context": {"n": 4},
                "output": {
                    "n": expr("context.n"),
                    "why": expr("event.output"),
                    "by": expr("event.type"),
                },
                "initial": "a",
                "states": {
                    "a": {"on": {"OK": "end"}},
                    "end": {"type": "final", "output": "because"},
                },
            }
        )
        it.send("OK")

        assert ("done", "end") == (it.snapshot.status, it.value)
        assert {"n": 4, "why": "because", "by": "xstate.done.state.m.end"} == it.snapshot.output
        assert {"output": it.snapshot.output} == it.entry("INSTANCE_COMPLETED").payload

    def test_runs_the_exits_of_everything_active(self) -> None:
        """In reverse order, the root at the end; what was raised is dropped."""
        it = Instance(
            {
                "exit": [say("-root"), {"type": "@raise", "event": {"type": "X"}}],
                "on": {"X": {"actions": say("never")}},
                "initial": "a",
                "states": {
                    "a": {"on": {"OK": "end"}},
                    "end": {"type": "final", "exit": say("-end"), "entry": say("+end")},
                },
            }
        )
        it.send("OK")

        assert ["+end", "-end", "-root"] == it.said

    def test_calls_off_invoked_tasks_and_timers(self) -> None:
        """The root's own are bound to a state as well."""
        it = Instance(
            {
                "id": "m",
                "invoke": {"src": "human"},
                "after": {"1000": {"actions": say("late")}},
                "initial": "a",
                "states": {
                    "a": {
                        "entry": {"type": "@raise", "event": {"type": "X"}, "delay": 5, "id": "x"},
                        "on": {"OK": "end"},
                    },
                    "end": {"type": "final"},
                },
            }
        )
        it.send("OK")

        assert ("done", [1]) == (it.snapshot.status, it.cancelled)
        assert ["x", "xstate.after.1000.m"] == sorted(it.disarmed)

    def finishing(self, *actions: dict[str, Any]) -> Instance:
        it = Instance(
            {
                "output": 42,
                "initial": "a",
                "states": {
                    "a": {"on": {"OK": {"target": "end", "actions": list(actions)}}},
                    "end": {"type": "final"},
                },
            }
        )
        it.send("OK")
        return it

    def test_waits_for_the_tasks_that_outlive_their_states(self) -> None:
        """It is completed when the last of them has ended."""
        it = self.finishing(CREATE, CREATE)
        at_first = (it.snapshot.status, it.snapshot.finishing, "INSTANCE_COMPLETED" in it.told)
        it.succeed(2)
        then = (it.snapshot.status, it.snapshot.finishing)
        it.succeed(1)

        assert (("active", True, False), ("active", True)) == (at_first, then)
        assert ("done", False, 42) == (
            it.snapshot.status,
            it.snapshot.finishing,
            it.snapshot.output,
        )
        assert ["TASK_COMPLETED", "INSTANCE_COMPLETED"] == it.told

    def test_takes_no_events_while_it_waits(self) -> None:
        """There is no state left to answer them."""
        it = self.finishing(CREATE)
        it.send("OK")

        assert InstanceClosed("finishing") == it.decision.refusal

    def test_fails_when_a_task_it_waits_for_does(self) -> None:
        """Nobody is left to handle it."""
        it = self.finishing(CREATE, CREATE)
        it.fail(1)

        assert ("error", [2]) == (it.snapshot.status, it.cancelled)

    def test_does_not_wait_for_detached_tasks(self) -> None:
        """And hears their outcome all the same: one entry, nothing else."""
        it = self.finishing(DETACHED)
        status = it.snapshot.status
        it.fail(1)

        assert ("done", "done", ["TASK_FAILED"]) == (status, it.snapshot.status, it.told)
        assert {} == it.snapshot.tasks


class TestACancelledInstance:
    SPEC: ClassVar[dict[str, Any]] = {
        "context": {"why": None},
        "exit": [assign(why=expr("event.reason")), say("-root")],
        "initial": "a",
        "states": {
            "a": {
                "entry": CREATE,
                "exit": say("-a"),
                "invoke": {"src": "human", "onError": "a"},
                "after": {"1000": "a"},
            }
        },
    }

    def test_calls_off_its_tasks_and_runs_its_exits(self) -> None:
        """An orderly end: everything that is open is cancelled, then the exit actions run."""
        it = Instance(self.SPEC)
        it.cancel("wrong customer")

        assert ("cancelled", [1, 2]) == (it.snapshot.status, it.cancelled)
        assert ["-a", "-root"] == it.said
        assert {"why": "wrong customer"} == it.context
        assert ["xstate.after.1000.(machine).a"] == it.disarmed
        assert ["TASK_CANCELLED", "TASK_CANCELLED"] == it.told[:2]
        assert {"reason": "wrong customer"} == it.entry("INSTANCE_CANCELLED").payload

    def test_stays_where_it_was(self) -> None:
        """The state it was cancelled in is what people ask for afterwards."""
        it = Instance(self.SPEC)
        it.cancel()

        assert ("a",) == it.snapshot.configuration

    def test_cannot_be_cancelled_again(self) -> None:
        """The caller decides what a repeat means; to the engine it is closed."""
        it = Instance(self.SPEC)
        it.cancel()
        it.cancel()

        assert InstanceClosed("cancelled") == it.decision.refusal

    def test_carries_out_what_its_exits_create(self) -> None:
        """A letter of regret is sent, though nobody waits for it."""
        it = Instance({"exit": CREATE})
        it.cancel()
        created = [task.ordinal for task in it.created]
        it.succeed(1)

        assert ([1], ["TASK_COMPLETED"]) == (created, it.told)
        assert ("cancelled", {}) == (it.snapshot.status, it.snapshot.tasks)

    def test_is_not_cancelled_when_an_exit_cannot_be_evaluated(self) -> None:
        """Whoever cancels is told; terminating runs nothing, and is always possible."""
        it = Instance({"exit": assign(x=expr("context.missing"))})
        it.cancel()

        assert ("REJECTED", "active") == (it.decision.disposition, it.snapshot.status)

    def test_that_was_finishing_calls_off_what_it_waited_for(self) -> None:
        """Its exits have run already."""
        it = Instance(
            {
                "exit": say("-root"),
                "entry": CREATE,
                "initial": "end",
                "states": {"end": {"type": "final"}},
            }
        )
        it.cancel()

        assert ("cancelled", [1], []) == (it.snapshot.status, it.cancelled, it.said)


class TestTheContext:
    def test_is_refused_when_it_grows_too_large(self) -> None:
        """The limit has a name, and the event that went over it has a sender."""
        it = Instance(
            {
                "context": {"text": ""},
                "on": {
                    "SET": {
                        "actions": assign(
                            text=expr("event.text"),
                            more=expr("event.text"),
                            most=expr("event.text"),
                        )
                    }
                },
            }
        )
        it.send("SET", {"text": "x" * 30_000})
        small = it.decision.disposition
        it.send("SET", {"text": "€" * 33_000})

        assert ("APPLIED", "REJECTED") == (small, it.decision.disposition)
        assert "context bytes" == it.entry("EVENT_REJECTED").payload["limit"]

    def test_is_refused_when_it_grows_too_deep(self) -> None:
        """Each event may wrap it once more; the bound of payloads holds for it too."""
        it = Instance(
            {"context": {"v": 0}, "on": {"WRAP": {"actions": assign(v=expr("[context.v]"))}}}
        )
        for _ in range(31):
            it.send("WRAP")
        deepest = it.decision.disposition
        it.send("WRAP")

        assert ("APPLIED", "REJECTED") == (deepest, it.decision.disposition)

    def test_may_hold_much_that_is_not_deep(self) -> None:
        """Brackets side by side are no depth, whatever their number."""
        it = Instance({"context": {}, "on": {"SET": {"actions": assign(v=expr("event.v"))}}})
        it.send("SET", {"v": [[n] for n in range(100)]})

        assert "APPLIED" == it.decision.disposition

    def test_is_refused_when_it_cannot_be_stored(self) -> None:
        """Half of a surrogate pair is no text that JSON could hold."""
        it = Instance({"context": {}, "on": {"SET": {"actions": assign(v=expr("event.v"))}}})
        it.send("SET", {"v": "\ud800"})

        assert isinstance(it.decision.refusal, ExpressionFailed)
        assert "what JSON cannot" in it.decision.refusal.message
        assert {} == it.context
