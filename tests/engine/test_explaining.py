"""Why an instance stands where it stands."""

from datetime import timedelta
from typing import Any

import pytest

from control_plane.engine import Explanation, explain
from control_plane.engine.explaining import Candidate
from tests.engine.telling import NOW, Instance, assign, expr

CLAIM: dict[str, Any] = {
    "id": "claim",
    "context": {"amount": 700, "limit": 500},
    "guards": {"over": {"when": expr("context.amount > params.limit")}},
    "initial": "review",
    "on": {"WITHDRAW": ".gone", "NOTE": {"actions": assign(note=expr("event.text"))}},
    "states": {
        "review": {
            "invoke": {"id": "decide", "src": "human", "onDone": "paid", "onError": "gone"},
            "after": {"P2D": "gone"},
            "always": {"guard": expr("context.amount < 0"), "target": "gone"},
            "on": {
                "PAY": [
                    {
                        "guard": {"type": "over", "params": {"limit": expr("context.limit")}},
                        "target": "board",
                    },
                    {"guard": expr("event.sum >= context.amount"), "target": "paid"},
                    {"guard": expr("context.missing == 1"), "target": "gone"},
                ]
            },
        },
        "board": {"on": {"WITHDRAW": {}}},
        "paid": {"type": "final"},
        "gone": {"type": "final"},
    },
}


def explained(it: Instance, **more: Any) -> Explanation:
    return explain(it.machine, it.snapshot, it.now, **more)


def candidate(explanation: Explanation, json_pointer: str) -> Candidate:
    (found,) = [one for one in explanation.candidates if one.json_pointer == json_pointer]
    return found


class TestAnInstanceThatWaits:
    def test_says_for_what(self) -> None:
        """Tasks, timers and events, each by the name its definition has for it."""
        found = explained(Instance(CLAIM))

        assert [(1, "decide", "HUMAN", "review")] == [
            (one.ordinal, one.name, one.type, one.state) for one in found.tasks
        ]
        assert [("after P2D", NOW + timedelta(days=2), False)] == [
            (one.event, one.due, one.is_overdue) for one in found.timers
        ]
        assert ("PAY", "WITHDRAW", "NOTE") == found.accepts
        assert NOW + timedelta(days=2) == found.next_deadline
        assert not found.nothing_can_wake

    def test_is_summed_up_in_a_paragraph(self) -> None:
        """For somebody who has not read the definition."""
        assert (
            "It is in state 'review'. It waits for somebody to do 'decide' (task 1), or the timer"
            " 'after P2D' at 2030-02-02T12:00:00Z, in 2 days, or the events PAY, WITHDRAW and"
            " NOTE. 1 event is kept until a state answers them: LATER."
        ) == explained(Instance(CLAIM), deferred=["LATER"]).summary

    def test_says_that_a_timer_is_overdue(self) -> None:
        """Its event is on its way, and that is worth knowing when nothing seems to happen."""
        it = Instance(CLAIM)
        it.wait(timedelta(days=3))
        found = explained(it)

        assert found.timers[0].is_overdue
        assert "due since 2030-02-02T12:00:00Z" in found.summary

    def test_has_the_times_of_tasks_that_wait_for_theirs(self) -> None:
        """The next attempt of a task is a deadline too, and may be the first."""
        tomorrow = NOW + timedelta(days=1)
        found = explained(Instance(CLAIM), run_at={1: tomorrow})

        assert (tomorrow, tomorrow) == (found.tasks[0].run_at, found.next_deadline)
        assert "(task 1, not before 2030-02-01T12:00:00Z)" in found.summary

    def test_has_child_instances_apart(self) -> None:
        """Who looks for the cause goes on there."""
        child = {"id": "sub", "src": "workflow.shipping", "onDone": "b", "onError": "b"}
        spec = {"initial": "a", "states": {"a": {"invoke": child}, "b": {"type": "final"}}}
        it = Instance(spec)
        found = explained(it)

        assert ((), ["sub"]) == (found.tasks, [one.name for one in found.children])
        assert "child instance 'sub' (task 1)" in found.summary


class TestATransition:
    @pytest.mark.parametrize(
        ("json_pointer", "value", "operands"),
        [
            (
                "/states/review/on/PAY/0",
                "TRUE",
                {"context.amount": 700, "params.limit": 500},
            ),
            ("/states/review/on/PAY/1", "DEPENDS_ON_EVENT", {"context.amount": 700}),
            ("/states/review/on/PAY/2", "ERROR", {}),
            ("/states/review/always", "FALSE", {"context.amount": 700}),
            ("/states/review/after/P2D", "TRUE", {}),
        ],
    )
    def test_has_the_value_of_its_guard_and_what_it_read(
        self, json_pointer: str, value: str, operands: dict[str, Any]
    ) -> None:
        """Why this one and not the other, before anybody sends anything."""
        found = candidate(explained(Instance(CLAIM)), json_pointer)

        assert (value, operands) == (found.value, found.operands)

    def test_whose_guard_cannot_be_evaluated_says_why(self) -> None:
        """A typing error in a definition shows before an event meets it."""
        found = candidate(explained(Instance(CLAIM)), "/states/review/on/PAY/2")

        assert found.error is not None
        assert "missing" in found.error
        assert ("context.missing == 1", ("gone",)) == (found.guard, found.targets)

    @pytest.mark.parametrize(
        ("guard", "value"),
        [
            ("event.type == 'GO'", "TRUE"),
            ("has(event.ok)", "DEPENDS_ON_EVENT"),
            ("context.n == 1 && event.ok", "DEPENDS_ON_EVENT"),
            ("now > timestamp('2040-01-01T00:00:00Z')", "FALSE"),
        ],
    )
    def test_depends_on_the_event_where_its_guard_reads_it(self, guard: str, value: str) -> None:
        """The type is known; what comes with it is not, even if it is only asked for."""
        spec = {
            "context": {"n": 1},
            "initial": "a",
            "states": {"a": {"on": {"GO": {"guard": expr(guard), "target": "b"}}}, "b": {}},
        }

        assert [value] == [one.value for one in explained(Instance(spec)).candidates]

    def test_of_a_wildcard_does_not_know_the_type(self) -> None:
        """It answers many events."""
        spec = {
            "initial": "a",
            "states": {
                "a": {"on": {"order.*": {"guard": expr("event.type == 'order.x'"), "target": "b"}}},
                "b": {},
            },
        }
        (found,) = explained(Instance(spec)).candidates

        assert ("DEPENDS_ON_EVENT", {}) == (found.value, found.operands)

    def test_points_to_the_one_that_is_always_taken_in_its_place(self) -> None:
        """An ancestor's answer counts for nothing where a descendant always has one."""
        it = Instance(
            {
                "initial": "p",
                "on": {"E": ".z", "a.b": ".z", "OTHER": ".z"},
                "states": {
                    "p": {
                        "initial": "q",
                        "states": {"q": {"on": {"E": {}, "a.*": {"actions": assign(n=1)}}}},
                    },
                    "z": {},
                },
            }
        )
        found = {one.json_pointer: one.shadowed_by for one in explained(it).candidates}

        assert {
            "/states/p/states/q/on/a.*": None,
            "/on/E": "/states/p/states/q/on/E",
            "/on/a.b": "/states/p/states/q/on/a.*",
            "/on/OTHER": None,
        } == found

    def test_is_shadowed_by_one_whose_guard_says_yes(self) -> None:
        """The first that may be taken is taken; what stands after it is not asked."""
        found = explained(Instance(CLAIM))

        assert "/states/review/on/PAY/0" == candidate(found, "/states/review/on/PAY/1").shadowed_by
        assert candidate(found, "/states/review/on/PAY/0").shadowed_by is None

    def test_of_another_region_shadows_nothing(self) -> None:
        """Regions answer side by side."""
        it = Instance(
            {
                "type": "parallel",
                "states": {
                    "l": {"on": {"E": {"actions": assign(n=1)}}},
                    "r": {"on": {"E": {"actions": assign(n=2)}}},
                },
            }
        )

        assert [None, None] == [one.shadowed_by for one in explained(it).candidates]


class TestAnInstanceThatNothingCanWake:
    def test_says_so_and_why(self) -> None:
        """Nobody should wait for what cannot come."""
        it = Instance({"initial": "stuck", "states": {"stuck": {}}})
        found = explained(it)

        assert found.nothing_can_wake
        assert "no task is open, no timer is armed, and state 'stuck' answers no event" in found.why
        assert found.why in found.summary

    def test_is_none_that_a_detached_task_could_move(self) -> None:
        """Its outcome is told to the instance, which may answer it."""
        task = {"type": "createTask", "params": {"name": "n", "type": "HUMAN", "detached": True}}
        it = Instance({"initial": "a", "states": {"a": {"entry": task}}})

        assert not explained(it).nothing_can_wake


class TestAnInstanceThatHasEnded:
    @pytest.mark.parametrize(
        ("end", "status", "summary"),
        [
            (lambda it: it.succeed(1), "done", "It has completed, in state 'paid'."),
            (lambda it: it.cancel(), "cancelled", "It was cancelled in state 'review'."),
        ],
    )
    def test_says_how(self, end: Any, status: str, summary: str) -> None:
        """And that it waits for nothing is no alarm then."""
        it = Instance(CLAIM)
        end(it)
        found = explained(it)

        assert (status, summary) == (found.status, found.summary)
        assert ((), (), False) == (found.candidates, found.timers, found.nothing_can_wake)

    def test_of_an_error_names_it(self) -> None:
        """The message and the place, without a look into the history."""
        it = Instance({"initial": "a", "states": {"a": {"invoke": {"id": "t", "src": "human"}}}})
        it.fail(1)

        assert explained(it).summary.startswith("It failed in state 'a': task 't' of state 'a'")


class TestAnInstanceThatIsFinishing:
    def test_waits_for_its_last_tasks_only(self) -> None:
        """It takes no more events, so no transition can be taken."""
        task = {"type": "createTask", "params": {"name": "n", "type": "HUMAN"}}
        it = Instance({"initial": "a", "states": {"a": {"entry": task, "type": "final"}}})
        found = explained(it)

        assert found.finishing
        assert ((), ()) == (found.candidates, found.accepts)
        assert "its last tasks are still open. It waits for somebody to do 'n'" in found.summary

    def test_because_it_is_cancelled_says_so(self) -> None:
        """What is open then are its compensations."""
        undo = {"id": "t", "src": "human", "onDone": "b", "compensation": {"src": "human"}}
        it = Instance(
            {
                "onCancel": "compensate",
                "initial": "a",
                "states": {"a": {"invoke": undo}, "b": {"on": {"GO": "a"}}},
            }
        )
        it.succeed(1)
        it.cancel()

        assert explained(it).summary.startswith("It is being cancelled")
        assert "no longer needed" == explained(it).cancelling


class TestAPausedInstance:
    def test_says_that_events_wait(self) -> None:
        """An event that was accepted and does nothing has its reason here."""
        assert "It is paused" in explained(Instance(CLAIM), paused=True).summary

    @pytest.mark.parametrize(
        ("guard", "value"),
        [
            ({"type": "@stateIn", "state": "#m.a"}, "TRUE"),
            ({"type": "@not", "guard": {"type": "@stateIn", "state": "#m.a"}}, "FALSE"),
            ({"type": "@and", "guards": [expr("context.n == 1"), "plain"]}, "TRUE"),
            ({"type": "@or", "guards": [expr("event.ok"), "plain"]}, "DEPENDS_ON_EVENT"),
            ({"type": "limit", "params": {"of": {"n": [1, expr("context.n")]}}}, "TRUE"),
            ({"type": "limit", "params": {"of": {"n": [1, expr("event.n")]}}}, "DEPENDS_ON_EVENT"),
            ({"type": "limit", "params": {"of": expr("context.missing")}}, "ERROR"),
        ],
    )
    def test_depends_on_the_event_wherever_its_guard_reads_it(self, guard: Any, value: str) -> None:
        """In what it is put together of, and in the parameters of a named one."""
        spec = {
            "id": "m",
            "context": {"n": 1},
            "guards": {
                "plain": {"when": expr("context.n < 2")},
                "limit": {"when": expr("size(params.of) > 0")},
            },
            "initial": "a",
            "states": {"a": {"on": {"GO": {"guard": guard, "target": "b"}}}, "b": {}},
        }

        assert [value] == [one.value for one in explained(Instance(spec)).candidates]


class TestTheSummary:
    @pytest.mark.parametrize(
        ("left", "words"),
        [
            (timedelta(milliseconds=5), "less than a second"),
            (timedelta(days=1, hours=2, minutes=3), "1 day 2 hours"),
            (timedelta(minutes=1, seconds=1), "1 minute 1 second"),
        ],
    )
    def test_says_how_long_a_timer_has_left(self, left: timedelta, words: str) -> None:
        """In its two largest units: who reads it wants to know whether to wait."""
        it = Instance(CLAIM)
        it.wait(timedelta(days=2) - left)

        assert f"in {words}" in explained(it).summary

    def test_names_a_few_and_counts_the_rest(self) -> None:
        """A sentence with a thousand names is none."""
        tasks = [{"id": f"t{n}", "src": "http", "onDone": "b"} for n in range(7)]
        it = Instance({"initial": "a", "states": {"a": {"invoke": tasks}, "b": {}}})
        summary = explained(it).summary

        assert "tasks 't0' (task 1)" in summary
        assert "'t4' (task 5) and 2 more to end" in summary

    def test_counts_what_outlives_an_instance(self) -> None:
        """It has ended, and something of it is still done."""
        task = {"type": "createTask", "params": {"name": "n", "type": "EMAIL", "detached": True}}

        def ended(*tasks: Any) -> str:
            end = {"type": "final", "entry": list(tasks)}
            return explained(Instance({"initial": "a", "states": {"a": end}})).summary

        assert ended(task).endswith("1 detached task is still carried out.")
        assert ended(task, task).endswith("2 detached tasks are still carried out.")

    def test_waits_for_several_children(self) -> None:
        """Each is looked for by itself."""
        children = [
            {"id": name, "src": "workflow.x", "onDone": "b", "onError": "b"} for name in "kl"
        ]
        it = Instance({"initial": "a", "states": {"a": {"invoke": children}, "b": {}}})

        assert "child instances 'k' (task 1) and 'l' (task 2) to end" in explained(it).summary

    def test_names_every_active_state_and_the_machine_where_it_has_none(self) -> None:
        """The root alone has no path that somebody could look for."""
        both = {"type": "parallel", "states": {"l": {"on": {"E": "r"}}, "r": {}}}
        alone = {"id": "alone", "on": {"E": {"actions": assign(n=1)}}}

        assert "It is in states 'l' and 'r'." in explained(Instance(both)).summary
        assert "the definition's root 'alone'" in explained(Instance(alone)).summary

    def test_of_a_start_that_failed_names_no_state(self) -> None:
        """It was in none."""
        it = Instance({"context": {"n": expr("event.nope")}, "initial": "a", "states": {"a": {}}})

        assert explained(it).summary.startswith("It failed: ")
        assert "(at /context/n/@expr)" in explained(it).summary
