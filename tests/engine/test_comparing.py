"""What has changed from one machine to another, and what that means for instances."""

import copy
from typing import Any

import pytest

from control_plane.engine import Change, Comparison, compare
from tests.engine.telling import assign, compiled, expr, say

CLAIM: dict[str, Any] = {
    "id": "claim",
    "context": {"amount": 1, "vip": False},
    "guards": {"big": {"when": expr("context.amount > params.limit")}},
    "actions": {"note": assign(noted=True)},
    "initial": "draft",
    "states": {
        "draft": {"on": {"SUBMIT": [{"guard": "big", "target": "review"}, "paid"]}},
        "review": {
            "tags": ["slow"],
            "invoke": {
                "id": "decide",
                "src": "human",
                "input": expr("context.amount"),
                "onDone": {"guard": expr("event.output.ok"), "target": "paid", "actions": "note"},
                "onError": "draft",
            },
            "after": {"P2D": "draft"},
            "entry": say("asked"),
            "on": {"WITHDRAW": "gone"},
        },
        "work": {
            "type": "parallel",
            "states": {
                "l": {"initial": "x", "states": {"x": {"on": {"L": "y"}}, "y": {}}},
                "r": {"on": {"R": {"actions": assign(vip=expr("!context.vip"))}}},
            },
        },
        "paid": {"type": "final"},
        "gone": {"type": "final"},
    },
}


def changed(*path: str | int, to: Any = None) -> Comparison:
    """The comparison of CLAIM with itself, but for one place; None takes that away."""
    after = copy.deepcopy(CLAIM)
    at: Any = after
    for key in path[:-1]:
        at = at[key]
    if to is None:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return compare(compiled(CLAIM), compiled(after))


def written(old: str, new: str) -> Comparison:
    """The comparison of CLAIM with what it is when a word of it is written otherwise."""

    def rewrite(value: Any) -> Any:
        if isinstance(value, dict):
            return {rewrite(key): rewrite(one) for key, one in value.items()}
        if isinstance(value, list):
            return [rewrite(one) for one in value]
        return new if value == old else value

    return compare(compiled(CLAIM), compiled(rewrite(CLAIM)))


def the_one(comparison: Comparison) -> Change:
    (found,) = comparison.changes
    return found


class TestTheSameMachine:
    def test_is_identical_however_it_is_written(self) -> None:
        """Shorthands, key order and meta say nothing that an instance could notice."""
        after = copy.deepcopy(CLAIM)
        after["meta"] = {"colour": "red"}
        after["states"]["review"] = dict(reversed(after["states"]["review"].items()))
        after["states"]["review"]["on"] = {"WITHDRAW": [{"target": "#claim.gone"}]}
        comparison = compare(compiled(CLAIM), compiled(after))

        assert ("IDENTICAL", (), ()) == (
            comparison.compatibility,
            comparison.changes,
            comparison.reasons,
        )


class TestAChange:
    @pytest.mark.parametrize(
        ("path", "to", "part", "how", "name", "aspects"),
        [
            (
                ("states", "draft", "on", "SUBMIT", 1),
                "gone",
                "transition",
                "changed",
                "SUBMIT",
                ("target",),
            ),
            (("states", "draft", "on", "X"), "gone", "transition", "added", "X", ()),
            (("states", "review", "on", "WITHDRAW"), None, "transition", "removed", "WITHDRAW", ()),
            (
                ("states", "review", "invoke", "onDone", "guard"),
                expr("event.output.yes"),
                "transition",
                "changed",
                "decide done",
                ("guard",),
            ),
            (
                ("states", "work", "states", "r", "on", "R", "actions"),
                assign(vip=True),
                "transition",
                "changed",
                "R",
                ("actions",),
            ),
            (
                ("guards", "big", "when"),
                expr("context.amount > 9"),
                "transition",
                "changed",
                "SUBMIT",
                ("guard",),
            ),
            (
                ("actions", "note"),
                assign(noted=False),
                "transition",
                "changed",
                "decide done",
                ("actions",),
            ),
            (
                ("states", "review", "invoke", "input"),
                expr("context.vip"),
                "task",
                "changed",
                "decide",
                ("input",),
            ),
            (
                ("states", "review", "invoke", "retry"),
                {"maxAttempts": 9},
                "task",
                "changed",
                "decide",
                ("retry",),
            ),
            (("states", "review", "entry"), say("hello"), "entry", "changed", "", ()),
            (("states", "review", "exit"), say("bye"), "exit", "changed", "", ()),
            (("states", "review", "tags"), ["fast"], "annotation", "changed", "tags", ()),
            (("states", "work", "states", "l", "initial"), "y", "initial", "changed", "", ()),
            (("initial",), "review", "initial", "changed", "", ()),
            (("context", "amount"), 2, "context", "changed", "amount", ()),
            (("context", "more"), 2, "context", "added", "more", ()),
            (("unhandled",), "defer", "policy", "changed", "unhandled", ()),
            (("description",), "Of claims", "annotation", "changed", "description", ()),
        ],
        ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
    )
    def test_is_told_with_what_it_is_about(
        self,
        path: tuple[str | int, ...],
        to: Any,
        part: str,
        how: str,
        name: str,
        aspects: tuple[str, ...],
    ) -> None:
        """The piece, what became of it, and in a piece of several parts which."""
        comparison = changed(*path, to=to)
        change = the_one(comparison)

        assert (part, how, name, aspects) == (
            change.part,
            change.how,
            change.name,
            change.aspects,
        )
        assert "COMPATIBLE" == comparison.compatibility

    def test_has_both_wordings_and_both_places(self) -> None:
        """So that a reader, and an editor, can go there."""
        guard = expr("event.output.yes")
        change = the_one(changed("states", "review", "invoke", "onDone", "guard", to=guard))

        assert ("[event.output.ok] / note → paid", "[event.output.yes] / note → paid") == (
            change.before,
            change.after,
        )
        assert "/states/review/invoke/onDone" == change.before_pointer == change.after_pointer

    def test_of_the_order_of_candidates_is_one(self) -> None:
        """The first that may be taken is taken: the order means something."""
        spec = copy.deepcopy(CLAIM)
        spec["states"]["draft"]["on"]["SUBMIT"] = [
            {"guard": {"type": "big", "params": {"limit": limit}}, "target": target}
            for limit, target in ((9, "gone"), (5, "review"))
        ]
        other = copy.deepcopy(spec)
        other["states"]["draft"]["on"]["SUBMIT"].reverse()
        change = the_one(compare(compiled(spec), compiled(other)))

        assert ("order", "SUBMIT") == (change.part, change.name)

    def test_of_the_order_of_regions_is_one(self) -> None:
        """Regions go in the order of the document."""
        regions = dict(reversed(CLAIM["states"]["work"]["states"].items()))
        change = the_one(changed("states", "work", "states", to=regions))

        assert ("order", "work.l, work.r", "work.r, work.l") == (
            change.part,
            change.before,
            change.after,
        )


class TestARenamedState:
    def test_is_known_by_what_it_does(self) -> None:
        """Removed and added would have instances moved that only wait under another name."""
        (renamed,) = written("review", "assessment").renamed

        assert ("review", "assessment", "structure") == (
            renamed.before,
            renamed.after,
            renamed.means,
        )
        assert 0.7 < renamed.confidence < 1

    def test_is_known_by_its_id(self) -> None:
        """An id says it for certain, whatever else has changed."""
        spec = copy.deepcopy(CLAIM)
        spec["states"]["review"]["id"] = "the-review"
        after = copy.deepcopy(spec)
        after["states"]["checking"] = {"id": "the-review", "on": {"WITHDRAW": "gone"}}
        del after["states"]["review"]
        after["states"]["draft"]["on"]["SUBMIT"] = "checking"
        (renamed,) = compare(compiled(spec), compiled(after)).renamed

        assert ("checking", "id", 1.0) == (renamed.after, renamed.means, renamed.confidence)

    def test_takes_what_it_holds_with_it(self) -> None:
        """Its children are found below it."""
        renamed = written("work", "labour").renamed

        assert ["work", "work.l", "work.l.x", "work.l.y", "work.r"] == [
            one.before for one in renamed
        ]
        assert ["structure", "parent", "parent", "parent", "parent"] == [
            one.means for one in renamed
        ]

    def test_changes_nothing_of_what_leads_to_it(self) -> None:
        """A target is the state, not its name."""
        assert () == written("review", "assessment").changes

    def test_is_not_guessed_where_two_are_alike(self) -> None:
        """A wrong guess would send instances to the wrong state; none is made."""

        def spec(*names: str) -> dict[str, Any]:
            states = {name: {"on": {"END": "z"}} for name in names}
            return {
                "id": "m",
                "initial": "s",
                "states": {"s": {}, **states, "z": {}},
            }

        comparison = compare(compiled(spec("aa", "ab")), compiled(spec("ba", "bb")))

        assert (("aa", "ab"), ("ba", "bb"), ()) == (
            comparison.removed,
            comparison.added,
            comparison.renamed,
        )


class TestAnInstance:
    @pytest.mark.parametrize(
        ("path", "to", "message"),
        [
            (("states", "gone"), None, "it is gone"),
            (("states", "paid"), {}, "it was final and is atomic now"),
            (("states", "work", "states", "m"), {}, "are not in the new region 'm'"),
        ],
    )
    def test_of_a_state_that_is_not_there_needs_a_mapping(
        self, path: tuple[str, ...], to: Any, message: str
    ) -> None:
        """Somebody has to say where it goes on."""
        spec = copy.deepcopy(CLAIM)
        del spec["states"]["review"]["on"]
        after = copy.deepcopy(spec)
        at: Any = after
        for key in path[:-1]:
            at = at[key]
        if to is None:
            del at[path[-1]]
        else:
            at[path[-1]] = to
        comparison = compare(compiled(spec), compiled(after))

        assert "NEEDS_MAPPING" == comparison.compatibility
        assert message in comparison.reasons[0].message

    @pytest.mark.parametrize(
        ("path", "to", "message"),
        [
            (("states", "review", "after"), {"P3D": "draft"}, "'after P2D' would fire without"),
            (("states", "review", "after"), {"P3D": "draft"}, "have not armed its new timer"),
            (("states", "draft", "after"), {"P3D": "gone"}, "have not armed its new timer"),
            (("states", "review", "invoke"), None, "open task 'decide' would end without"),
            (("states", "draft", "invoke"), {"id": "t", "src": "human", "onDone": "gone"}, "'t'"),
            (("id",), "claims", "'after P2D' has another id now"),
        ],
    )
    def test_that_waits_for_something_else_cannot_go_on(
        self, path: tuple[str, ...], to: Any, message: str
    ) -> None:
        """It would wait for ever, or miss what the new machine relies on."""
        comparison = changed(*path, to=to)

        assert "BREAKING" == comparison.compatibility
        assert any(message in one.message for one in comparison.reasons), comparison.reasons

    def test_that_lacks_what_is_read_cannot_go_on(self) -> None:
        """A missing key is an error of the expression, and would end it."""
        before = copy.deepcopy(CLAIM)
        del before["context"]["vip"], before["states"]["work"]["states"]["r"]["on"]
        after = copy.deepcopy(before)
        after["context"]["limit"] = 5
        after["states"]["draft"]["on"]["X"] = {"guard": expr("context.limit > 1"), "target": "gone"}
        comparison = compare(compiled(before), compiled(after))

        assert ["expressions read context.limit, which instances that run do not have"] == [
            one.message for one in comparison.reasons
        ]

    def test_that_remembers_how_to_undo_cannot_go_on_with_other_tasks(self) -> None:
        """What it remembers are numbers of tasks, and those must mean the same."""

        def spec(*tasks: str) -> dict[str, Any]:
            return {
                "id": "saga",
                "initial": tasks[0],
                "states": {
                    name: {
                        "invoke": {
                            "id": name,
                            "src": f"system.{name}",
                            "compensation": {"src": f"system.undo_{name}"},
                            "onDone": "end",
                            "onError": "end",
                        }
                    }
                    for name in tasks
                }
                | {"end": {"type": "final"}},
            }

        comparison = compare(compiled(spec("a", "b")), compiled(spec("b", "a")))

        assert "BREAKING" == comparison.compatibility
        assert any(
            "remember how to go on with task 'a'" in one.message for one in comparison.reasons
        )

    def test_in_a_renamed_state_takes_its_timers_and_tasks_with_it(self) -> None:
        """Mapping the state maps what belongs to it: that is no reason of its own."""
        comparison = written("review", "assessment")

        assert ["it is called 'assessment' now"] == [one.message for one in comparison.reasons]
        assert "NEEDS_MAPPING" == comparison.compatibility
