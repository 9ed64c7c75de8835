"""Work that is done outside, and what comes of it."""

import json
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from control_plane.engine import (
    CreateTask,
    ExpressionFailed,
    LimitExceeded,
    StartChild,
    TaskSucceeded,
    check_spec,
)
from control_plane.engine.instants import write_instant
from control_plane.engine.limits import MAX_TASKS_PER_TRANSITION
from shared.retry import RetryPolicy
from shared.tasks import TaskType, Timeouts
from tests.engine.telling import ERROR, NOW, Instance, assign, expr, say

GREETING: dict[str, Any] = {
    "id": "m",
    "context": {"name": "Ann", "result": None},
    "initial": "idle",
    "states": {
        "idle": {"on": {"GO": "greeting"}},
        "greeting": {
            "invoke": {
                "id": "greet",
                "src": "system.greet",
                "input": {"who": expr("context.name"), "how": "warmly"},
                "onDone": {"target": "done", "actions": assign(result=expr("event.output.text"))},
                "onError": {"target": "idle", "actions": assign(result=expr("event.error.kind"))},
            },
            "on": {"STOP": "idle"},
        },
        "done": {},
    },
}


def greeting() -> Instance:
    it = Instance(GREETING)
    it.send("GO")
    return it


class TestAnInvokedTask:
    def test_is_created_when_its_state_is_entered(self) -> None:
        """Its input is worked out then: an executor sees the task and never the context."""
        it = greeting()

        assert (
            CreateTask(
                ordinal=1,
                name="greet",
                type=TaskType.SYSTEM,
                function="greet",
                input={"who": "Ann", "how": "warmly"},
            ),
        ) == it.decision.commands
        assert {"name": "greet", "type": "SYSTEM", "function": "greet"} == it.entry(
            "TASK_CREATED"
        ).payload

    def test_is_open_until_its_outcome_comes(self) -> None:
        """The snapshot knows what the instance waits for."""
        it = greeting()
        task = it.snapshot.tasks[1]

        assert ("greet", "SYSTEM", "greeting", "greet") == (
            task.name,
            task.type,
            task.state,
            task.invoke_id,
        )

    def test_is_cancelled_when_its_state_is_left(self) -> None:
        """Nobody wants its outcome any more."""
        it = greeting()
        it.send("STOP")

        assert ([1], {}) == (it.cancelled, it.snapshot.tasks)
        assert 1 == it.entry("TASK_CANCELLED").ordinal

    def test_takes_the_instance_on_when_it_succeeds(self) -> None:
        """`onDone` sees the output; no command cancels what has ended by itself."""
        it = greeting()
        it.succeed(1, {"text": "hello"})

        assert ("done", "hello") == (it.value, it.context["result"])
        assert () == it.decision.commands
        assert ["TASK_COMPLETED", "STATE_TRANSITION"] == it.told
        assert ({"output": {"text": "hello"}}, 1) == (
            it.entry("TASK_COMPLETED").payload,
            it.entry("TASK_COMPLETED").ordinal,
        )

    def test_takes_its_error_path_when_it_fails(self) -> None:
        """`onError` sees the error."""
        it = greeting()
        it.fail(1)

        assert ("idle", "http.status") == (it.value, it.context["result"])
        assert ["TASK_FAILED", "STATE_TRANSITION"] == it.told

    def test_is_never_numbered_like_another(self) -> None:
        """Ordinals name tasks and their effects, so none is used twice."""
        it = greeting()
        it.send("STOP")
        it.send("GO")

        assert [2] == [task.ordinal for task in it.created]

    def test_has_an_outcome_only_once(self) -> None:
        """A repeated or late outcome is ignored and leaves no entry."""
        it = greeting()
        it.succeed(1, {"text": "hello"})
        it.succeed(1, {"text": "again"})

        assert ("IGNORED", ()) == (it.decision.disposition, it.decision.history)

    def test_created_and_cancelled_in_one_step_never_existed(self) -> None:
        """Its state was only passed through: no command, no entry, and its number unused."""
        it = Instance(
            {
                "initial": "a",
                "states": {
                    "a": {"on": {"GO": "b"}},
                    "b": {"invoke": {"src": "human"}, "always": "c"},
                    "c": {"invoke": {"src": "human", "onError": "a"}},
                },
            }
        )
        it.send("GO")

        assert [2] == [task.ordinal for task in it.created]
        assert [2] == [entry.ordinal for entry in it.decision.history if entry.ordinal]
        assert 3 == it.snapshot.next_ordinal

    def test_without_an_id_is_named_by_its_source(self) -> None:
        """XState's own default id is what its events are told by."""
        it = Instance({"id": "m", "initial": "a", "states": {"a": {"invoke": {"src": "http"}}}})

        assert "http" == it.created[0].name
        assert "0.m.a" == it.snapshot.tasks[1].invoke_id

    def test_succeeding_is_recorded_though_nobody_answers(self) -> None:
        """Only a failure needs somebody to handle it."""
        it = Instance({"initial": "a", "states": {"a": {"invoke": {"src": "http"}}}})
        it.succeed(1, "fine")

        assert ("active", ["TASK_COMPLETED"]) == (it.snapshot.status, it.told)

    def test_tells_expressions_which_task_it_was(self) -> None:
        """`task` is null but for an outcome."""
        it = Instance(
            {
                "context": {"first": expr("task"), "then": None},
                "initial": "a",
                "states": {
                    "a": {
                        "invoke": {
                            "id": "x",
                            "src": "http",
                            "onDone": {"actions": assign(then=expr("task"))},
                        }
                    }
                },
            }
        )
        it.succeed(1)

        assert {"first": None, "then": {"ordinal": 1, "name": "x", "type": "HTTP"}} == it.context


class TestATaskThatOutlivesItsState:
    SPEC: ClassVar[dict[str, Any]] = {
        "initial": "a",
        "states": {
            "a": {
                "on": {
                    "GO": {
                        "target": "b",
                        "actions": {
                            "type": "createTask",
                            "params": {
                                "name": "notify",
                                "type": "EMAIL",
                                "input": {"to": expr("event.to")},
                            },
                        },
                    }
                }
            },
            "b": {
                "on": {
                    "task.notify.done": {"actions": say("sent")},
                    "task.notify.failed": {"actions": say("not sent")},
                    "BACK": "a",
                }
            },
        },
    }

    def notified(self) -> Instance:
        it = Instance(self.SPEC)
        it.send("GO", {"to": "ann@example.com"})
        return it

    def test_is_not_cancelled_when_states_are_left(self) -> None:
        """It belongs to the instance."""
        it = self.notified()
        it.send("BACK")

        assert ([], [1]) == (it.cancelled, list(it.snapshot.tasks))

    def test_tells_its_outcome_by_its_name(self) -> None:
        """`task.<name>.done` and `task.<name>.failed`."""
        done, failed = self.notified(), self.notified()
        done.succeed(1)
        failed.fail(1)

        assert (["sent"], ["not sent"]) == (done.said, failed.said)

    def test_may_be_a_function_of_the_system(self) -> None:
        """`type` and `function`, or `src` as in an invoke."""
        create = [
            {"type": "createTask", "params": {"name": "a", "type": "SYSTEM", "function": "f"}},
            {"type": "createTask", "params": {"src": "system.f"}},
        ]
        it = Instance({"on": {"GO": {"actions": create}}})
        it.send("GO")

        assert [("a", "f"), ("system.f", "f")] == [
            (task.name, task.function) for task in it.created
        ]


class TestATasksSettings:
    def test_come_from_the_spec(self) -> None:
        """Retry, time limits, queue and priority are for the runtime to keep."""
        it = Instance(
            {
                "initial": "a",
                "states": {
                    "a": {
                        "invoke": {
                            "src": "http",
                            "queue": "slow",
                            "priority": 5,
                            "retry": {
                                "maxAttempts": 3,
                                "initial": "PT2S",
                                "factor": 3,
                                "cap": 60000,
                                "jitter": 0,
                                "nonRetryable": ["http.status"],
                            },
                            "timeout": {
                                "scheduleToStart": "PT1M",
                                "startToClose": "PT30S",
                                "heartbeat": 5000,
                            },
                            "onError": "a",
                        }
                    }
                },
            }
        )
        (task,) = it.created

        assert ("slow", 5) == (task.queue, task.priority)
        assert (
            RetryPolicy(
                max_attempts=3,
                initial=timedelta(seconds=2),
                factor=3,
                cap=timedelta(minutes=1),
                jitter=0,
                non_retryable=frozenset({"http.status"}),
            )
            == task.retry
        )
        assert (
            Timeouts(
                schedule_to_start=timedelta(minutes=1),
                start_to_close=timedelta(seconds=30),
                heartbeat=timedelta(seconds=5),
            )
            == task.timeout
        )

    @pytest.mark.parametrize(("key", "is_one"), [("k-7", True), (7, False), ("", False)])
    def test_say_against_which_limit_the_task_counts(self, key: Any, is_one: bool) -> None:
        """Worked out with the input; what is no text could be the key of no limit."""
        task = {"src": "http", "limitKey": expr("event.input"), "onError": "a"}
        it = Instance({"initial": "a", "states": {"a": {"invoke": task}}}, input=key)

        if is_one:
            assert [key] == [one.limit_key for one in it.created]
        else:
            assert isinstance(it.decision.refusal, ExpressionFailed)
            assert "/states/a/invoke/limitKey" == it.decision.refusal.json_pointer

    def test_take_one_duration_for_start_to_close(self) -> None:
        """The limit most people mean."""
        it = Instance(
            {"initial": "a", "states": {"a": {"invoke": {"src": "http", "timeout": "PT5S"}}}}
        )

        assert Timeouts(start_to_close=timedelta(seconds=5)) == it.created[0].timeout


BERLIN = "Europe/Berlin"


class TestATimerTask:
    @pytest.mark.parametrize(
        ("given", "due"),
        [
            ({"delay": "PT1S"}, NOW + timedelta(seconds=1)),
            ({"delay": 250}, NOW + timedelta(milliseconds=250)),
            ({"at": "2030-02-01T00:00:00+01:00"}, NOW.replace(hour=23, minute=0)),
            ({"at": "2029-01-01T00:00:00Z"}, NOW),
            ({"at": expr("event.input.at")}, NOW + timedelta(hours=1)),
        ],
    )
    def test_is_due_when_its_input_says(self, given: Any, due: Any) -> None:
        """After a delay, or at an instant; one that is past is due at once."""
        it = Instance(
            {"initial": "a", "states": {"a": {"invoke": {"src": "timer", "input": given}}}},
            input={"at": "2030-01-31T13:00:00Z"},
        )

        assert [due] == [task.run_at for task in it.created]

    @pytest.mark.parametrize(
        ("given", "due"),
        [
            ({"cron": "0 9 * * MON-FRI", "zone": BERLIN}, "2030-02-01T08:00:00Z"),
            ({"cron": "0 9 * * SAT"}, "2030-02-02T09:00:00Z"),
            ({"cron": "30 2 31 3 *", "zone": expr("event.input.zone")}, "2030-03-31T01:00:00Z"),
            ({"time": "09:00", "zone": BERLIN}, "2030-02-01T08:00:00Z"),
            ({"time": "18:30:15"}, "2030-01-31T18:30:15Z"),
            ({"date": "2030-07-01", "time": "18:00", "zone": BERLIN}, "2030-07-01T16:00:00Z"),
            ({"date": "2030-10-27", "time": "02:30", "zone": BERLIN}, "2030-10-27T00:30:00Z"),
            ({"date": expr("event.input.day")}, "2030-02-28T00:00:00Z"),
            ({"date": "2029-12-24"}, "2030-01-31T12:00:00Z"),
        ],
    )  # fmt: skip
    def test_is_due_by_the_calendar(self, given: Any, due: str) -> None:
        """On the clock of a zone, when it is created; a date that is past is due at once."""
        it = Instance(
            {"initial": "a", "states": {"a": {"invoke": {"src": "timer", "input": given}}}},
            input={"zone": "Europe/Berlin", "day": "2030-02-28"},
        )

        assert [due] == [write_instant(task.run_at) for task in it.created if task.run_at]

    @pytest.mark.parametrize(
        "given",
        [
            {"cron": "0 9 * *"},
            {"cron": "0 0 30 2 *"},
            {"cron": "0 9 * * *", "zone": "Mars/Base"},
            {"cron": "0 9 * * *", "time": "09:00"},
            {"cron": "0 9 * * *", "at": "2030-02-01T00:00:00Z"},
            {"cron": "0 0 29 2 *", "zone": 5},
            {"time": "25:00"},
            {"time": "9am"},
            {"time": "09:00+01:00"},
            {"date": "2030-02-30"},
            {"date": "20300228"},
            {"date": "2040-01-01"},
            {"date": "2030-02-28", "day": 1},
        ],
    )
    def test_refuses_what_is_nowhere_in_the_calendar(self, given: Any) -> None:
        """As it is written, and as it is worked out: nobody waits for what never comes."""
        written, computed = (
            {"initial": "a", "states": {"a": {"invoke": {"src": "timer", "input": one}}}}
            for one in (given, expr("event.input"))
        )
        it = Instance(computed, input=given)
        rules = {one.rule for one in check_spec(written)[1]}

        assert "REJECTED" == it.decision.disposition
        # How far ahead is too far depends on when it is created.
        assert ("bad-timer-input" in rules) != (given == {"date": "2040-01-01"})

    def test_looks_up_as_many_as_its_event_has_work_for(self) -> None:
        """A list of the sender's is as long as they like."""
        invoke = {"src": "timer", "forEach": expr("event.input"), "input": {"time": expr("item")}}
        spec = {"initial": "a", "states": {"a": {"invoke": invoke}}}
        few, many = (Instance(spec, input=["09:00"] * count) for count in (50, 120))

        assert 50 == len(few.created)
        assert isinstance(many.decision.refusal, LimitExceeded)

    @pytest.mark.parametrize("given", [5, {}, {"delay": 5, "at": "2030-02-01T00:00:00Z"}])
    def test_refuses_an_input_of_another_form(self, given: Any) -> None:
        """It has a delay or an instant, and not both."""
        it = Instance(
            {
                "initial": "a",
                "states": {"a": {"invoke": {"src": "timer", "input": expr("event.input")}}},
            },
            input=given,
        )

        assert "REJECTED" == it.decision.disposition

    @pytest.mark.parametrize(
        "at", [None, 5, "tomorrow", "2030-01-31T13:00:00", "2099-01-01T00:00:00Z"]
    )
    def test_refuses_an_input_that_says_nothing(self, at: Any) -> None:
        """No instant, one without an offset, or one beyond the limit."""
        it = Instance(
            {
                "initial": "a",
                "states": {"a": {"invoke": {"src": "timer", "input": {"at": expr("event.input")}}}},
            },
            input=at,
        )

        assert "REJECTED" == it.decision.disposition


class TestTooManyTasks:
    def test_of_one_transition_refuse_its_event(self) -> None:
        """A transition creates a hundred at most."""
        create = {"type": "createTask", "params": {"name": "x", "type": "HTTP"}}
        it = Instance({"on": {"GO": {"actions": [create] * 101}}})
        it.send("GO")

        assert (
            LimitExceeded("tasks per transition", 101, MAX_TASKS_PER_TRANSITION)
            == it.decision.refusal
        )

    def test_open_at_a_time_refuse_the_event_that_would_add_one(self) -> None:
        """An instance has a thousand at most."""
        create = {"type": "createTask", "params": {"name": "x", "type": "HTTP"}}
        it = Instance({"on": {"GO": {"actions": [create] * 100}}})
        for _ in range(10):
            it.send("GO")
        it.send("GO")

        assert isinstance(it.decision.refusal, LimitExceeded)
        assert ("open tasks per instance", 1000) == (
            it.decision.refusal.limit,
            len(it.snapshot.tasks),
        )


class TestATaskThatFailsAndNobodyAnswers:
    def failed(self, **params: Any) -> Instance:
        it = Instance(
            {
                "context": {"n": 0},
                "initial": "a",
                "exit": say("left"),
                "states": {
                    "a": {
                        "entry": {
                            "type": "createTask",
                            "params": {"name": "x", "type": "HTTP", **params},
                        },
                        "invoke": {"id": "wait", "src": "human"},
                        "after": {"1000": "a"},
                        "on": {"DONE": "b"},
                    },
                    "b": {},
                },
            }
        )
        it.fail(1)
        return it

    def test_fails_the_instance_with_the_reason(self) -> None:
        """An error is never dropped."""
        it = self.failed()

        assert ("error", ("a",)) == (it.snapshot.status, it.snapshot.configuration)
        assert it.snapshot.error is not None
        assert ("task_failed", ERROR) == (it.snapshot.error["kind"], it.snapshot.error["error"])
        assert ["TASK_FAILED", "TASK_CANCELLED", "ERROR", "INSTANCE_FAILED"] == it.told
        assert {"error": it.snapshot.error} == it.entry("INSTANCE_FAILED").payload

    def test_calls_off_what_else_was_open_and_runs_no_action(self) -> None:
        """A failed instance waits for nothing; its exits belong to an orderly end."""
        it = self.failed()

        assert ([2], ["xstate.after.1000.(machine).a"], []) == (it.cancelled, it.disarmed, it.said)
        assert ({}, {}) == (it.snapshot.tasks, it.snapshot.timers)

    def test_changes_nothing_else_when_it_is_detached(self) -> None:
        """Nobody waits for a detached task: a dead letter and a history entry, no more."""
        it = self.failed(detached=True)

        assert ("active", ["TASK_FAILED"]) == (it.snapshot.status, it.told)


class TestAnOutcomeThatCannotBeApplied:
    def test_fails_the_instance_at_the_expression(self) -> None:
        """There is no sender to refuse it to, so it fails visibly, with the pointer."""
        it = Instance(GREETING)
        it.send("GO")
        it.succeed(1, "no text in here")

        assert ("error", ("greeting",)) == (it.snapshot.status, it.snapshot.configuration)
        assert it.snapshot.error is not None
        assert (
            "expression_failed",
            "/states/greeting/invoke/onDone/actions/context/result/@expr",
        ) == (it.snapshot.error["kind"], it.snapshot.error["json_pointer"])

    def test_is_recorded_with_nothing_of_the_macrostep(self) -> None:
        """The outcome was heard; what it would have changed is not kept."""
        it = Instance(GREETING)
        it.send("GO")
        it.succeed(1, "no text in here")

        assert ["TASK_COMPLETED", "ERROR", "INSTANCE_FAILED"] == it.told
        assert {"name": "Ann", "result": None} == it.context

    def test_closes_the_instance_for_later_outcomes(self) -> None:
        """What was called off has no outcome any more."""
        it = Instance(GREETING)
        it.send("GO")
        it.succeed(1, "no text in here")
        it.tell(TaskSucceeded(ordinal=1))

        assert "IGNORED" == it.decision.disposition

    def test_leaves_detached_tasks_to_themselves(self) -> None:
        """They were never waited for, so their failing instance does not call them off."""
        detached = {"name": "mail", "type": "EMAIL", "detached": True}
        it = Instance(
            {
                "initial": "a",
                "states": {
                    "a": {
                        "entry": {"type": "createTask", "params": detached},
                        "invoke": {"id": "t", "src": "http"},
                    }
                },
            }
        )
        it.fail(2)

        assert ("error", [1], []) == (it.snapshot.status, [*it.snapshot.tasks], it.cancelled)


class TestALimitKey:
    SPEC: ClassVar[dict[str, Any]] = {
        "initial": "a",
        "states": {
            "a": {
                "invoke": {
                    "src": "http",
                    "forEach": [1, 2, 3],
                    "concurrency": 1,
                    "limitKey": expr("event.input.bank + string(item)"),
                    "onDone": "b",
                    "onError": "b",
                }
            },
            "b": {"type": "final"},
        },
    }

    def test_is_worked_out_for_each_task(self) -> None:
        """Also for those that are created when another has ended, and the event is gone."""
        it = Instance(self.SPEC, input={"bank": "x-"})
        keys = [command.limit_key for command in it.created]
        it.succeed(1)
        keys += [command.limit_key for command in it.created]

        assert ["x-1", "x-2"] == keys

    @pytest.mark.parametrize("key", ["", "x" * 201])
    def test_that_is_none_creates_no_task(self, key: str) -> None:
        """Nobody could set a limit for it."""
        spec = json.loads(json.dumps(self.SPEC).replace(" + string(item)", ""))
        it = Instance(spec, input={"bank": key})

        assert isinstance(it.decision.refusal, ExpressionFailed)
        assert "/states/a/invoke/limitKey" == it.decision.refusal.json_pointer


class TestAChildInstance:
    SPEC: ClassVar[dict[str, Any]] = {
        "initial": "a",
        "states": {
            "a": {
                "invoke": {
                    "src": "workflow.billing",
                    "businessKey": expr("event.input.key"),
                    "input": [1, expr("event.input.key")],
                    "onDone": "b",
                    "onError": "b",
                }
            },
            "b": {"type": "final"},
        },
    }

    def test_is_started_with_its_key_and_input(self) -> None:
        """Both are worked out when its state is entered."""
        (command,) = Instance(self.SPEC, input={"key": "k-7"}).decision.commands

        assert isinstance(command, StartChild)
        assert ("k-7", [1, "k-7"]) == (command.business_key, command.input)

    @pytest.mark.parametrize("key", [7, "", "x" * 201])
    def test_is_not_started_under_a_key_that_is_none(self, key: Any) -> None:
        """Nobody could find it by that."""
        it = Instance(self.SPEC, input={"key": key})

        assert isinstance(it.decision.refusal, ExpressionFailed)
        assert "/states/a/invoke/businessKey" == it.decision.refusal.json_pointer
