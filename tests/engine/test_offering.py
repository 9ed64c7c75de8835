"""Whom a human task is offered to, until when, and by what form it is filled in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from control_plane.engine import CreateTask, ExpressionFailed, Started, TaskSkipped, decide
from control_plane.engine.instants import write_instant
from tests.engine.telling import NOW, Instance, compiled, expr

END = datetime(9999, 12, 31, tzinfo=UTC)


def asking(**people: Any) -> dict[str, Any]:
    invoke = {"id": "ask", "src": "human", "onDone": "b", "onError": "b", **people}
    return {"initial": "a", "states": {"a": {"invoke": invoke}, "b": {"type": "final"}}}


def created(it: Instance) -> CreateTask:
    (one,) = it.created
    return one


class TestAHumanTask:
    def test_is_offered_to_whom_the_definition_and_the_data_name(self) -> None:
        """A definition seldom knows a person, and often a role."""
        spec = asking(
            candidates={"users": ["ada", expr("event.input.boss")], "roles": ["cook", "cook"]}
        )

        assert {"users": ["ada", "bo"], "roles": ["cook"]} == created(
            Instance(spec, input={"boss": "bo"})
        ).terms

    def test_may_be_offered_to_a_list_that_is_worked_out(self) -> None:
        """Who is on duty stands in the data."""
        spec = asking(candidates={"roles": expr("event.input")})

        assert {"roles": ["x", "y"]} == created(Instance(spec, input=["x", "y"])).terms

    @pytest.mark.parametrize("boss", [None, "", 7, "x" * 129, ["bo"]])
    def test_is_not_created_for_somebody_without_a_name(self, boss: Any) -> None:
        """It would lie where nobody looks."""
        it = Instance(asking(candidates={"users": [expr("event.input")]}), input=boss)

        assert isinstance(it.decision.refusal, ExpressionFailed)
        assert "/states/a/invoke/candidates/users" == it.decision.refusal.json_pointer

    def test_is_offered_to_fifty_at_most(self) -> None:
        """Users and roles together."""
        spec = asking(candidates={"users": expr("event.input"), "roles": ["cook"]})

        refusals = [
            Instance(spec, input=[f"u{n}" for n in range(count)]).decision.refusal
            for count in (49, 50)
        ]

        assert [True, False] == [one is None for one in refusals]

    @pytest.mark.parametrize("length", ["PT8H", expr("'PT' + event.input + 'H'")])
    def test_is_due_after_its_length(self, length: Any) -> None:
        """From its creation on."""
        it = Instance(asking(dueIn=length), input="8")

        assert NOW + timedelta(hours=8) == created(it).due

    def test_without_any_of_it_says_nothing(self) -> None:
        """What most tasks do not have costs them nothing."""
        one = created(Instance(asking()))

        assert (None, None) == (one.terms, one.due)

    def test_says_by_what_form_and_whether_it_may_be_skipped(self) -> None:
        """It goes along with the task, so that whoever draws it needs no definition."""
        it = Instance(asking(form={"type": "object"}, skippable=True))

        assert {"form": {"type": "object"}, "skippable": True} == created(it).terms


class TestATaskWithDuties:
    def test_says_how_many_must_agree_and_who_may_not(self) -> None:
        """Worked out when it is created: what a case is worth says how many it takes."""
        quorum = {"approvals": expr("event.input > 100 ? 2 : 1"), "of": 3}
        not_by = {"tasks": ["ask"], "starter": True, "users": [expr("'u' + string(event.input)")]}
        spec = asking(candidates={"roles": ["boss"]}, quorum=quorum, notBy=not_by)

        assert {
            "roles": ["boss"],
            "quorum": {"approvals": 2, "of": 3},
            "notBy": {"tasks": ["ask"], "starter": True, "users": ["u200"]},
        } == created(Instance(spec, input=200)).terms

    @pytest.mark.parametrize(
        ("not_by", "kept"),
        [
            ({"tasks": ["ask"]}, {"tasks": ["ask"]}),
            ({"starter": True}, {"starter": True}),
            ({"users": ["ada"]}, {"users": ["ada"]}),
        ],
    )
    def test_says_of_who_may_not_decide_it_what_the_definition_does(
        self, not_by: dict[str, Any], kept: dict[str, Any]
    ) -> None:
        """Each way to keep duties apart stands by itself."""
        spec = asking(candidates={"roles": ["boss"]}, notBy=not_by)

        assert {"roles": ["boss"], "notBy": kept} == created(Instance(spec)).terms

    @pytest.mark.parametrize(
        ("approvals", "pointer"),
        [(0, "/approvals"), (21, "/approvals"), ("2", "/approvals"), (4, "")],
    )
    def test_is_not_created_if_nobody_could_decide_it(self, approvals: Any, pointer: str) -> None:
        """More than may vote, or no number at all."""
        quorum = {"approvals": expr("event.input"), "of": 3}
        spec = asking(candidates={"roles": ["boss"]}, quorum=quorum)
        refusal = Instance(spec, input=approvals).decision.refusal

        assert isinstance(refusal, ExpressionFailed)
        assert f"/states/a/invoke/quorum{pointer}" == refusal.json_pointer

    def test_says_what_its_time_brings_in_order(self) -> None:
        """By its creation and by when it is due; what would be past by then never comes."""
        spec = asking(
            dueIn="PT2H",
            reminders=[{"after": "PT1H", "event": "LATE"}, {"before": "PT3H"}],
            escalations=[
                {"unclaimedFor": "PT1H", "addCandidates": {"users": [expr("event.input")]}},
                {"overdue": "PT30M", "assignTo": expr("event.input"), "priority": 7},
                {"openFor": "P1D", "fail": True},
            ],
        )
        terms = created(Instance(spec, input="bo")).terms or {}

        assert [
            {"at": _in(hours=1), "unclaimed": True, "users": ["bo"]},
            {"at": _in(hours=2.5), "assignTo": "bo", "priority": 7},
            {"at": _in(hours=3), "reminder": True, "event": "LATE"},
            {"at": _in(hours=24), "fail": True},
        ] == terms["nudges"]

    @pytest.mark.parametrize(
        ("now", "brings"),
        [
            (NOW, {"dueIn": "PT2H", "reminders": [{"before": "PT3H"}]}),
            (END, {"escalations": [{"openFor": "P2D", "fail": True}]}),
        ],
    )
    def test_says_nothing_of_what_never_comes(self, now: datetime, brings: dict[str, Any]) -> None:
        """It would be past already, or is after the end of the calendar."""
        machine = compiled(asking(candidates={"roles": ["boss"]}, **brings))
        (command,) = decide(machine, None, Started(), now).commands

        assert isinstance(command, CreateTask)
        assert {"roles": ["boss"]} == command.terms

    def test_is_offered_to_nobody_else_where_the_data_names_nobody(self) -> None:
        """An escalation whose names are worked out may find none."""
        more = {"users": expr("event.input")}
        spec = asking(escalations=[{"openFor": "PT1H", "addCandidates": more, "priority": 9}])

        assert {"nudges": [{"at": _in(hours=1), "priority": 9}]} == created(
            Instance(spec, input=[])
        ).terms

    def test_is_not_assigned_to_somebody_without_a_name(self) -> None:
        """It is said before anybody waits for it."""
        spec = asking(escalations=[{"openFor": "PT1H", "assignTo": expr("event.input")}])
        refusal = Instance(spec, input=5).decision.refusal

        assert isinstance(refusal, ExpressionFailed)
        assert "/states/a/invoke/escalations/0/assignTo" == refusal.json_pointer


def _in(*, hours: float) -> str:
    return write_instant(NOW + timedelta(hours=hours))


class TestAFanOutOfHumanTasks:
    SPEC = asking(
        forEach=expr("event.input"),
        concurrency=1,
        candidates={"users": [expr("item")]},
        dueIn=expr("60000"),
    )

    def test_offers_each_to_its_own(self) -> None:
        """Also those created when another has ended, whose time begins then."""
        it = Instance(self.SPEC, input=["ada", "bo"])
        first, kept = created(it), it.reloaded() == it.snapshot
        it.now += timedelta(hours=1)
        it.succeed(1)
        second = created(it)

        assert kept
        assert [{"users": ["ada"]}, {"users": ["bo"]}] == [first.terms, second.terms]
        assert [NOW + timedelta(minutes=1), NOW + timedelta(minutes=61)] == [first.due, second.due]


class TestASkippedTask:
    def test_lets_the_instance_go_on_with_the_output(self) -> None:
        """As if it had succeeded, and the history says that it did not."""
        spec = asking()
        spec["output"] = expr("event.output")
        it = Instance(spec)
        it.tell(TaskSkipped(ordinal=1, output={"n": 1}))

        assert "done" == it.snapshot.status
        assert {"output": {"n": 1}} == it.entry("TASK_SKIPPED").payload
        assert it.folded() == it.snapshot

    def test_has_nothing_to_undo(self) -> None:
        """What was not done needs no compensation."""
        spec = asking(compensation={"src": "http"})
        spec["states"]["b"] = {}
        it = Instance(spec)
        it.tell(TaskSkipped(ordinal=1))

        assert () == it.snapshot.undo
