"""States that remember where their parent was."""

from typing import Any

from tests.engine.telling import Instance, say


def player(history: dict[str, Any]) -> dict[str, Any]:
    return {
        "initial": "off",
        "states": {
            "off": {"on": {"RESUME": "on.memory", "START": "on"}},
            "on": {
                "initial": {"target": "a", "actions": say("initial")},
                "on": {"OFF": "off"},
                "states": {
                    "a": {"on": {"NEXT": "b"}},
                    "b": {
                        "initial": "x",
                        "states": {"x": {"on": {"NEXT": "y"}}, "y": {}},
                    },
                    "memory": {"type": "history", **history},
                },
            },
        },
    }


def resumed(history: dict[str, Any], *events: str) -> Instance:
    it = Instance(player(history))
    for event in ("START", *events, "OFF", "RESUME"):
        it.send(event)
    return it


class TestAShallowHistory:
    def test_brings_back_the_child_that_was_active(self) -> None:
        """The child begins anew: only its key is remembered."""
        assert {"on": {"b": "x"}} == resumed({}, "NEXT", "NEXT").value

    def test_is_recorded_in_the_snapshot_by_path(self) -> None:
        """A snapshot outlives the process, so it holds no numbers of states."""
        it = resumed({}, "NEXT")

        assert {"on.memory": ("on.b",)} == it.snapshot.history
        assert it.snapshot == it.reloaded()


class TestADeepHistory:
    def test_brings_back_the_leaves_that_were_active(self) -> None:
        """All the way down."""
        assert {"on": {"b": "y"}} == resumed({"history": "deep"}, "NEXT", "NEXT").value

    def test_is_recorded_anew_at_every_exit(self) -> None:
        """The last stay counts."""
        it = resumed({"history": "deep"}, "NEXT", "NEXT")
        it.send("OFF")
        it.send("START")
        it.send("OFF")
        it.send("RESUME")

        assert {"on": "a"} == it.value

    def test_brings_back_every_region(self) -> None:
        """One leaf a region."""
        it = Instance(
            {
                "initial": "p",
                "states": {
                    "p": {
                        "type": "parallel",
                        "on": {"OUT": "off"},
                        "states": {
                            "l": {"initial": "a", "states": {"a": {"on": {"L": "b"}}, "b": {}}},
                            "r": {"initial": "a", "states": {"a": {"on": {"R": "b"}}, "b": {}}},
                            "memory": {"type": "history", "history": "deep"},
                        },
                    },
                    "off": {"on": {"BACK": "p.memory"}},
                },
            }
        )
        for event in ("R", "OUT", "BACK"):
            it.send(event)

        assert {"p": {"l": "a", "r": "b"}} == it.value
        assert ("p.l.a", "p.r.b") == it.snapshot.history["p.memory"]


class TestAHistoryWithoutARecord:
    def test_leads_to_the_initial_state_of_its_parent(self) -> None:
        """As if the parent had been named; its `initial` actions run."""
        it = Instance(player({}))
        it.send("RESUME")

        assert ({"on": "a"}, ["initial"]) == (it.value, it.said)

    def test_leads_to_its_target_if_it_has_one(self) -> None:
        """`target` is relative to the parent."""
        it = Instance(player({"target": "b"}))
        it.send("RESUME")

        assert {"on": {"b": "x"}} == it.value

    def test_leads_to_all_regions_of_a_parallel_parent(self) -> None:
        """There is no single initial state to go to."""
        it = Instance(
            {
                "initial": "off",
                "states": {
                    "off": {"on": {"BACK": "p.memory"}},
                    "p": {
                        "type": "parallel",
                        "states": {"l": {}, "r": {}, "memory": {"type": "history"}},
                    },
                },
            }
        )
        it.send("BACK")

        assert {"p": {"l": {}, "r": {}}} == it.value


class TestATransitionToTheHistoryOfAnotherRegionsParent:
    def test_never_leads_to_two_active_children_of_one_state(self) -> None:
        """
        One region goes to the history while the other leaves the parallel state: XState
        enters both and is in an illegal configuration; here one of them is preempted.
        """
        it = Instance(
            {
                "id": "m",
                "initial": "p",
                "states": {
                    "p": {
                        "type": "parallel",
                        "states": {
                            "l": {
                                "initial": "a",
                                "states": {
                                    "a": {"on": {"GO": "b"}},
                                    "b": {},
                                    "memory": {"type": "history"},
                                },
                            },
                            "r": {"on": {"GO": "#m.p.l.memory"}},
                        },
                    },
                },
            }
        )
        it.send("GO")

        assert 2 == len(it.snapshot.configuration)
        assert it.snapshot == it.reloaded()


class TestATransitionToAHistoryAboveItsSource:
    def test_leaves_the_other_regions_as_they_are(self) -> None:
        """
        The history has no record, and leads back into its source's own region. The region
        beside it is not left, so it is not entered by default as well.
        """
        it = Instance(
            {
                "id": "m",
                "initial": "p",
                "states": {
                    "p": {
                        "type": "parallel",
                        "states": {
                            "l": {
                                "initial": "a",
                                "on": {"BACK": "#m.memory"},
                                "states": {"a": {}, "b": {}},
                            },
                            "r": {"initial": "a", "states": {"a": {"on": {"R": "b"}}, "b": {}}},
                        },
                    },
                    "memory": {"type": "history", "target": "p.l.b"},
                },
            }
        )
        it.send("R")
        it.send("BACK")

        assert {"p": {"l": "b", "r": "b"}} == it.value
        assert ("p.l.b", "p.r.b") == it.snapshot.configuration


class TestAHistoryAsTheInitialState:
    def test_leads_to_its_default_when_its_parent_is_entered_for_the_first_time(self) -> None:
        """There is nothing to remember yet."""
        it = Instance(
            {
                "initial": "memory",
                "states": {"memory": {"type": "history", "target": "b"}, "a": {}, "b": {}},
            }
        )

        assert "b" == it.value

    def test_brings_back_what_was_active_whenever_its_parent_is_entered(self) -> None:
        """Nobody who leads there has to know of it."""
        inside = {
            "memory": {"type": "history", "target": "a"},
            "a": {"on": {"NEXT": "b"}},
            "b": {},
        }
        it = Instance(
            {
                "initial": "on",
                "states": {
                    "on": {"initial": "memory", "states": inside, "on": {"OFF": "off"}},
                    "off": {"on": {"ON": "on"}},
                },
            }
        )
        first = it.value
        for event in ("NEXT", "OFF", "ON"):
            it.send(event)

        assert ({"on": "a"}, {"on": "b"}) == (first, it.value)
