"""States that are active side by side."""

from typing import Any

from tests.engine.telling import Instance, say


def region(name: str) -> dict[str, Any]:
    return {
        "entry": say(f"+{name}"),
        "exit": say(f"-{name}"),
        "initial": "one",
        "states": {"one": {"on": {f"{name}.next": "two"}}, "two": {}},
    }


SPEC: dict[str, Any] = {
    "initial": "p",
    "states": {
        "p": {
            "id": "p",
            "type": "parallel",
            "entry": say("+p"),
            "exit": say("-p"),
            "states": {
                "left": {**region("left"), "on": {"CROSS": "#p.right.two", "OWN": ".two"}},
                "right": region("right"),
            },
            "on": {"BOTH": {"target": [".left.two", ".right.two"]}, "OUT": "off"},
        },
        "off": {"on": {"IN": "p", "ONE": "p.right.two"}},
    },
}


class TestRegions:
    def test_are_all_entered_in_the_order_of_the_document(self) -> None:
        """Parent first, then each region."""
        it = Instance(SPEC)

        assert ["+p", "+left", "+right"] == it.said
        assert {"p": {"left": "one", "right": "one"}} == it.value
        assert ("p.left.one", "p.right.one") == it.snapshot.configuration

    def test_move_on_by_themselves(self) -> None:
        """A transition inside of one region leaves the other alone."""
        it = Instance(SPEC)
        it.send("right.next")

        assert {"p": {"left": "one", "right": "two"}} == it.value

    def test_are_left_in_reverse_order(self) -> None:
        """Last region first, the parallel state at the end."""
        it = Instance(SPEC)
        it.send("OUT")

        assert ["-right", "-left", "-p"] == it.said

    def test_are_completed_when_only_one_is_targeted(self) -> None:
        """The others begin by default."""
        it = Instance(SPEC)
        it.send("OUT")
        it.send("ONE")

        assert {"p": {"left": "one", "right": "two"}} == it.value

    def test_can_be_targeted_together(self) -> None:
        """A list of targets names a state in each region."""
        it = Instance(SPEC)
        it.send("BOTH")

        assert {"p": {"left": "two", "right": "two"}} == it.value

    def test_all_restart_when_a_transition_goes_from_one_to_another(self) -> None:
        """The domain is the parallel state itself, which is not left (XState; not SCXML)."""
        it = Instance(SPEC)
        it.send("CROSS")

        assert ["-right", "-left", "+left", "+right"] == it.said
        assert {"p": {"left": "one", "right": "two"}} == it.value

    def test_without_states_of_their_own_have_an_empty_value(self) -> None:
        """XState writes `{}` for an atomic region."""
        it = Instance({"type": "parallel", "states": {"a": {}, "b": {}}})

        assert {"a": {}, "b": {}} == it.value

    def test_may_be_final_themselves(self) -> None:
        """A region that is done from the beginning; the others have to follow."""
        it = Instance(
            {
                "initial": "p",
                "states": {
                    "p": {
                        "type": "parallel",
                        "onDone": "off",
                        "states": {
                            "done": {"type": "final"},
                            "work": {
                                "initial": "x",
                                "states": {"x": {"on": {"END": "y"}}, "y": {"type": "final"}},
                            },
                        },
                    },
                    "off": {},
                },
            }
        )
        before = it.value
        it.send("END")

        assert ({"p": {"done": {}, "work": "x"}}, "off") == (before, it.value)
