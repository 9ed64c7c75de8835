"""What an AI task comes to: one of its events, or a person who is asked; nothing else moves."""

from dataclasses import replace

import pytest

from control_plane.engine import (
    CancelTask,
    CreateTask,
    LimitExceeded,
    Redriven,
    Retried,
    Suggested,
    TaskFailed,
    TaskSkipped,
    TaskSucceeded,
    decide,
)
from shared.json import Json
from tests.engine.telling import ERROR, NOW, Instance, assign, expr

TRIAGE = {
    "initial": "triage",
    "context": {"by": None, "sum": 0},
    "states": {
        "triage": {
            "invoke": {
                "id": "decide",
                "src": "ai",
                "events": ["APPROVE", "DENY", "COUNT"],
                "policy": "careful",
                "onError": "desk",
            },
            "on": {
                "APPROVE": {
                    "target": "paid",
                    "guard": expr("!has(event.data.big)"),
                    "actions": assign(by=expr("event.by")),
                },
                "DENY": "denied",
                "COUNT": {"actions": assign(sum=expr("context.sum + event.data.n"))},
                "PAY": "paid",
            },
        },
        "paid": {"type": "final"},
        "denied": {"on": {"AGAIN": "triage"}},
        "desk": {"on": {"APPROVE": "paid"}},
    },
}


def chosen(choice: Json, **more: Json) -> dict[str, Json]:
    return {"choice": choice, "data": {}, "by": "ai", **more}


def asked() -> Instance:
    """An instance whose suggestion a person is to review."""
    instance = Instance(TRIAGE)
    instance.tell(Suggested(of=1, input={"proposed": "APPROVE"}, terms={"roles": ["desk"]}))
    return instance


class TestAChoice:
    def test_is_the_event_that_the_machine_gets(self) -> None:
        """In the same decision, with the output's members; the task has ended by it."""
        instance = Instance(TRIAGE)

        decision = instance.succeed(1, chosen("APPROVE"))

        assert "paid" == instance.value
        assert "ai" == instance.context["by"]
        assert {} == instance.snapshot.tasks
        assert "TASK_COMPLETED" == decision.history[0].type

    @pytest.mark.parametrize(
        "output",
        [chosen("PAY"), chosen("xstate.stop"), chosen("*"), chosen(["DENY"]), chosen(None), "DENY"],
    )
    def test_is_refused_unless_it_is_one_of_the_tasks_events(self, output: Json) -> None:
        """Also one that the state would answer, had a person sent it."""
        instance = Instance(TRIAGE)
        before = instance.snapshot

        decision = instance.succeed(1, output)

        assert "REJECTED" == decision.disposition
        assert before == instance.snapshot
        assert () == decision.commands

    def test_is_refused_where_nothing_answers_it_now(self) -> None:
        """A guard that says no keeps the model out as it keeps a person out."""
        instance = Instance(TRIAGE)

        decision = instance.succeed(1, chosen("APPROVE", data={"big": True}))

        assert "REJECTED" == decision.disposition
        assert "triage" == instance.value
        assert [1] == list(instance.snapshot.tasks)

    def test_never_fails_the_instance_by_its_data(self) -> None:
        """What an expression cannot work with is refused, and the task waits on."""
        instance = Instance(TRIAGE)

        decision = instance.succeed(1, chosen("COUNT", data={"n": "many"}))

        assert "REJECTED" == decision.disposition
        assert "active" == instance.snapshot.status

    def test_that_leaves_the_state_as_it_is_ends_the_task_all_the_same(self) -> None:
        """The machine has heard it."""
        instance = Instance(TRIAGE)

        instance.succeed(1, chosen("COUNT", data={"n": 3}))

        assert 3 == instance.context["sum"]
        assert {} == instance.snapshot.tasks

    def test_of_an_operator_who_skips_the_task_goes_the_same_way(self) -> None:
        """Nobody gets past the list of events."""
        instance = Instance(TRIAGE)

        assert "REJECTED" == instance.tell(TaskSkipped(ordinal=1, output={})).disposition
        assert "APPLIED" == instance.tell(TaskSkipped(ordinal=1, output=chosen("DENY"))).disposition
        assert "denied" == instance.value

    def test_is_made_again_by_whoever_reads_the_history(self) -> None:
        """Without a model: the history says what was chosen."""
        instance = Instance(TRIAGE)
        instance.succeed(1, chosen("DENY"))

        assert instance.snapshot == instance.folded()
        assert instance.snapshot == instance.reloaded()

    def test_that_comes_after_the_end_is_recorded_and_moves_nothing(self) -> None:
        """A task that nobody waits for may end when its instance has."""
        ask = {"type": "createTask", "params": {"name": "note", "src": "ai", "detached": True}}
        ask["params"]["events"] = ["NOTE"]  # type: ignore[index]  # a dict, as is seen above
        noting = {"entry": ask, "on": {"NOTE": {"actions": assign(noted=True)}, "END": "b"}}
        instance = Instance({"initial": "a", "states": {"a": noting, "b": {"type": "final"}}})
        instance.send("END")

        decision = instance.succeed(1, chosen("NOTE"))

        assert ["TASK_COMPLETED"] == [entry.type for entry in decision.history]
        assert ("done", {}, {}) == (
            instance.snapshot.status,
            instance.snapshot.tasks,
            instance.context,
        )

    @pytest.mark.parametrize(
        ("name", "choice", "disposition"),
        [
            ("decide", "DENY", "APPLIED"),
            ("decide", "PAY", "REJECTED"),
            ("else", "DENY", "REJECTED"),
        ],
    )
    def test_of_a_task_that_was_tried_once_more_is_one_of_its_names_events(
        self, name: str, choice: str, disposition: str
    ) -> None:
        """By its name alone is known what it may choose: what every task of that name may."""
        instance = Instance(TRIAGE)
        instance.tell(Redriven(of=1, name=name, type="AI"))

        assert disposition == instance.succeed(2, chosen(choice)).disposition

    def test_of_one_of_many_is_refused(self) -> None:
        """A group has one outcome, and an event is none."""
        instance = Instance(TRIAGE)
        (task,) = instance.snapshot.tasks.values()
        grouped = replace(instance.snapshot, tasks={1: replace(task, group=1)})

        decision = decide(
            instance.machine, grouped, TaskSucceeded(ordinal=1, output=chosen("DENY")), NOW
        )

        assert "REJECTED" == decision.disposition


class TestASuggestion:
    def test_is_a_human_task_beside_the_ai_task(self) -> None:
        """Nothing has moved: both are open."""
        instance = asked()

        assert "triage" == instance.value
        assert {1: "AI", 2: "HUMAN"} == {n: t.type for n, t in instance.snapshot.tasks.items()}
        (command,) = instance.decision.commands
        assert isinstance(command, CreateTask)
        assert ({"roles": ["desk"]}, {"proposed": "APPROVE"}) == (command.terms, command.input)

    def test_is_made_once(self) -> None:
        """The second finds somebody asked already."""
        instance = asked()

        assert "IGNORED" == instance.tell(Suggested(of=1)).disposition
        assert 2 == len(instance.snapshot.tasks)

    def test_is_refused_where_no_more_tasks_may_be_open(self) -> None:
        """A review is a task like any other, and counts."""
        instance = Instance(TRIAGE)
        (task,) = instance.snapshot.tasks.values()
        full = replace(instance.snapshot, tasks=dict.fromkeys(range(1, 1_001), task))

        refusal = decide(instance.machine, full, Suggested(of=1), NOW).refusal

        assert LimitExceeded("open tasks per instance", 1_001, 1_000) == refusal

    def test_of_one_task_stays_when_another_ends(self) -> None:
        """Only its own AI task takes a review away."""
        instance = asked()
        instance.tell(Redriven(of=1, name="decide", type="AI"))

        instance.succeed(3, chosen("COUNT", data={"n": 1}))

        assert [1, 2] == list(instance.snapshot.tasks)

    @pytest.mark.parametrize("of", [2, 7])
    def test_is_of_an_open_ai_task_only(self, of: int) -> None:
        """Not of a human task, and not of one that is not there."""
        assert "IGNORED" == asked().tell(Suggested(of=of)).disposition

    def test_moves_nothing_when_its_review_ends(self) -> None:
        """Only the AI task's own end does, which says what was chosen."""
        instance = asked()

        instance.succeed(2, {"action": "APPROVE"})

        assert "triage" == instance.value
        assert [1] == list(instance.snapshot.tasks)

    def test_ends_with_the_ai_task(self) -> None:
        """Whoever has the review is told that it is not needed any more."""
        for end in (
            TaskSucceeded(ordinal=1, output=chosen("DENY")),
            TaskFailed(ordinal=1, error=ERROR),
        ):
            instance = asked()

            decision = instance.tell(end)

            assert CancelTask(ordinal=2) in decision.commands
            assert {} == instance.snapshot.tasks

    def test_ends_when_the_state_is_left(self) -> None:
        """An event of somebody else was faster."""
        instance = asked()

        decision = instance.send("DENY")

        assert [CancelTask(ordinal=1), CancelTask(ordinal=2)] == list(decision.commands)

    def test_is_in_the_snapshot_and_in_the_history(self) -> None:
        """It outlives every process that knows of it."""
        instance = asked()

        assert instance.snapshot == instance.reloaded()
        assert instance.snapshot == instance.folded()

    def test_is_not_taken_up_again_with_a_failed_instance(self) -> None:
        """The AI task is begun anew, and comes to a suggestion of its own."""
        spec = {
            **TRIAGE,
            "states": {
                **TRIAGE["states"],  # type: ignore[dict-item]  # a dict, as is seen above
                "triage": {
                    **TRIAGE["states"]["triage"],  # type: ignore[index]
                    "after": {"PT1S": {"actions": assign(sum=expr("event.nothing"))}},
                },
            },
        }
        instance = Instance(spec)
        instance.tell(Suggested(of=1))
        instance.fire(next(iter(instance.snapshot.timers)))
        assert "error" == instance.snapshot.status

        instance.tell(Retried())

        assert ["AI"] == [task.type for task in instance.snapshot.tasks.values()]
