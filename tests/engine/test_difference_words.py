"""What people read of a comparison of two definitions."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from control_plane.engine import compare, difference_words
from tests.engine.telling import compiled, expr

ORDER: dict[str, Any] = {
    "id": "order",
    "context": {"sum": 1},
    "initial": "open",
    "states": {
        "open": {"on": {"PAY": {"target": "paid", "guard": expr("event.sum > 5")}}},
        "paid": {"id": "settled", "on": {"SEND": "packing"}},
        "packing": {
            "initial": "box",
            "states": {"box": {"on": {"TAPED": "sealed"}}, "sealed": {}},
            "on": {"LEFT": "sent"},
        },
        "sent": {"type": "final"},
    },
}


@pytest.fixture
def after() -> dict[str, Any]:
    """The definition as it will be, for a test to change."""
    return copy.deepcopy(ORDER)


def told(after: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every line of what is said, with its sign."""
    comparison = compare(compiled(ORDER), compiled(after))
    return ((line.sign, line.text) for line in difference_words(comparison))


class TestNoDifference:
    def test_is_told_in_one_line(self, after: dict[str, Any]) -> None:
        """Silence could be taken for a failure to look."""
        assert [("verdict", "IDENTICAL: nothing differs")] == list(told(after))


class TestAState:
    def test_that_is_new_is_told_with_what_leads_to_it(self, after: dict[str, Any]) -> None:
        """Differences of one state stand together, under its name."""
        after["states"]["lost"] = {}
        after["states"]["paid"]["on"]["LOSE"] = "lost"

        assert [
            ("+", "+ state lost"),
            ("title", "state paid"),
            ("+", "    + transition LOSE"),
            ("+", "        + → lost"),
            ("verdict", "COMPATIBLE: every instance can go on in the states it is in"),
        ] == list(told(after))

    def test_that_is_gone_is_told_with_the_instances_that_are_in_it(
        self, after: dict[str, Any]
    ) -> None:
        """What somebody has to decide stands last, where it is read."""
        after["states"]["packing"]["states"] = {"box": {}}

        assert [
            ("-", "- state packing.sealed"),
            ("title", "state packing.box"),
            ("-", "    - transition TAPED"),
            ("-", "        - → packing.sealed"),
            (
                "verdict",
                (
                    "NEEDS_MAPPING: somebody has to say where the instances in some states go on;"
                    " all others can"
                ),
            ),
            (
                "reason",
                "    packing.sealed: it is gone; say in which state its instances go on",
            ),
        ] == list(told(after))

    def test_that_has_another_name_is_told_with_how_that_is_known(
        self, after: dict[str, Any]
    ) -> None:
        """An id is certain; likeness is a guess, and says how good it is."""
        states = after["states"]
        packing = states.pop("packing")
        paid, sent = states.pop("paid"), states.pop("sent")
        states |= {"done": paid, "packed": packing, "sent": sent}
        states["open"]["on"]["PAY"]["target"] = "done"
        paid["on"]["SEND"] = "packed"
        lines = [text for sign, text in told(after) if sign == "~"]

        assert [
            "~ state paid → done (by its id)",
            "~ state packing → packed (by its structure, 92% alike)",
        ] == lines

    def test_inside_a_renamed_one_is_not_told_of(self, after: dict[str, Any]) -> None:
        """That `packing.box` is `packed.box` now says nothing new."""
        states = after["states"]
        states |= {"packed": states.pop("packing"), "sent": states.pop("sent")}
        states["paid"]["on"]["SEND"] = "packed"

        assert not any("box" in text for _, text in told(after))


class TestTheDefinition:
    def test_is_told_of_by_that_name(self, after: dict[str, Any]) -> None:
        """The root has no name that an author gave it."""
        after["context"]["vip"] = False
        after["unhandled"] = "ignore"
        after["states"]["open"]["on"]["PAY"]["guard"] = expr("event.sum > 9 && context.vip")

        assert [
            ("title", "the definition"),
            ("+", "    + context vip"),
            ("+", "        + false"),
            ("~", "    ~ policy unhandled"),
            ("-", "        - reject"),
            ("+", "        + ignore"),
            ("title", "state open"),
            ("~", "    ~ transition PAY (guard)"),
            ("-", "        - [event.sum > 5] → paid"),
            ("+", "        + [event.sum > 9 && context.vip] → paid"),
            (
                "verdict",
                "BREAKING: there are states in which an instance of the old one cannot just go on",
            ),
            (
                "reason",
                (
                    "    the definition: expressions read context.vip,"
                    " which instances that run do not have"
                ),
            ),
        ] == list(told(after))
