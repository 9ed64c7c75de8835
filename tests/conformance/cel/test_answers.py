"""
The language against answers of the CEL project's own runtime to random expressions. They
are kept in `answers.json`; `make fuzz-cel` asks the runtime itself, and about many more.
"""

from typing import Any, Final

import pytest

from tests.campaigns.cel.answering import answer, is_error
from tests.campaigns.cel.growing import Grower
from tests.campaigns.cel.judging import AGREES, verdict
from tests.campaigns.cel.recording import recorded
from tests.campaigns.cel.shrinking import shrunk
from tests.campaigns.cel.trees import tree

RECORDED: Final = recorded()


class TestTheLanguage:
    @pytest.mark.parametrize(("text", "theirs"), RECORDED, ids=range(len(RECORDED)))
    def test_agrees_with_the_runtime_of_the_cel_project(self, text: str, theirs: Any) -> None:
        """Two implementations that share no code find the same, or it is known why not."""
        assert verdict(text, theirs) is not None, answer(text)

    def test_is_compared_where_there_are_values(self) -> None:
        """Or the errors would be compared, and little else."""
        values = sum(not is_error(theirs) for _, theirs in RECORDED)

        assert values > len(RECORDED) / 2


class TestAVerdict:
    def test_names_the_deviation_that_explains_a_difference(self) -> None:
        """By giving the runtime's own answer, once the language is changed to do as it does."""
        refused = {"error": "whatever it says"}

        assert verdict("1 + 1", {"int": "2"}) == AGREES
        assert verdict("1 + 1.5", refused) == "mixed arithmetic"
        assert verdict("string(1e15)", "1e+15") == "text of a double"

    def test_finds_no_excuse_for_another_answer(self) -> None:
        """A deviation that could be the reason is not one if it gives another value."""
        assert verdict("1 + 1", {"int": "3"}) is None
        assert verdict("1 + 1.5", {"double": (2.0).hex()}) is None
        assert verdict("string(1e15)", "1e15") is None


class TestAGrower:
    def test_grows_the_same_from_the_same_seed(self) -> None:
        """A finding can be had again from the seed that is printed with it."""

        def grown(seed: int) -> list[str]:
            grower = Grower(seed)
            return [grower.expression().text for _ in range(50)]

        assert grown(1) == grown(1)
        assert grown(1) != grown(2)


class TestShrinking:
    def test_ends_in_the_smallest_expression_that_shows_the_difference(self) -> None:
        """What is left is what a person looks at."""
        text = tree("string", "('b' + ", tree("string", "context.name"), ")")
        size = tree("int", "size(", text, ")")
        whole = tree("bool", "(", tree("bool", "context.vip"), " || ", size, " > ", size, ")")

        small = shrunk(whole, lambda one: "size(" in one)

        assert "(true || 0 > size(''))" == small.text
