"""Hostile expressions and hostile scopes: every bound holds, and nothing goes round it."""

from typing import Any, Final

import pytest

from control_plane.engine.expressions import Budget, LimitExceeded, compile_expression
from control_plane.engine.expressions.budget import MAX_ITERATIONS, MAX_SIZE
from tests.engine.expressions.cost import is_within_bounds
from tests.engine.expressions.evaluating import NAMES, evaluate, refusal

HOSTILE: Final[dict[str, Any]] = {
    "numbers": list(range(100_000)),
    "words": [f"w{number:06}" for number in range(100_000)],
    "text": "a" * 99_000,
    "rows": [{"a": number, "b": str(number)} for number in range(50_000)],
    "map": {str(number): number for number in range(100_000)},
    "hundred": list(range(100)),
    "thousand": list(range(1_000)),
}


class TestAnExpression:
    @pytest.mark.parametrize(
        "text",
        [
            "1" + " " * 2_000,
            "(" * 41 + "1" + ")" * 41,
            "!" * 41 + "true",
            "-" * 41 + "context.a",
            "1" + " + 1" * 40,
            "context" + "[0]" * 41,
            "context" + ".a" * 41,
            "context" + "['a']" * 41,
            "[" * 41 + "]" * 41,
            "true ? 1 : " * 41 + "1",
            "size([" * 21 + "1" + "])" * 21,
            "(" * 1_900,
            "[1].map(x, [1].map(y, [1].map(z, 1)))",
            "'a'.matches('.{0,300}')",
            "'a'.matches('" + "a" * 501 + "')",
        ],
    )
    def test_that_is_too_large_is_refused_when_compiled(self, text: str) -> None:
        """Before a stack or a parser's time is spent on it."""
        with pytest.raises(LimitExceeded):
            compile_expression(text, NAMES)

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("true" + " && true" * 200, True),
            ("false" + " || false" * 150 + " || true", True),
            ("(" * 38 + "1" + ")" * 38, 1),
            ("1" + " + 1" * 38, 39),
            ("[[1]].map(x, x.map(y, y)).map(x, x.map(y, y)).map(x, x[0])", [1]),
        ],
    )
    def test_that_is_long_or_deep_within_bounds_has_a_value(self, text: str, value: object) -> None:
        """A long chain of conditions is not a deep one, nor are macros one after the other."""
        assert value == evaluate(text)


class TestABomb:
    @pytest.mark.parametrize(
        "text",
        [
            "context.numbers.map(x, [x, x, x])",
            "context.numbers.map(x, context.text + 'x')",
            "context.numbers + context.numbers",
            "context.text + context.text",
            "context.text.split('')",
            "context.text.replace('a', 'aa')",
            "context.text.replace('', 'a')",
            "context.words.join(context.text)",
            "[context.text, context.text]",
            "[context.numbers, context.numbers]",
            "{'a': context.rows}",
            "context.thousand.map(x, context.hundred.map(y, [x, y]))",
            "context.thousand.all(x, context.thousand.all(y, true))",
            "context.words.all(x, x in context.words)",
            "context.numbers.all(x, context.numbers == context.numbers)",
            "context.numbers.all(x, context.text.contains('b') || x >= 0)",
            "context.numbers.all(x, context.text.matches('(a|aa)+$'))",
            "context.thousand.all(x, 'a'.matches('((a{0,9}){0,9})' + string(x)) || true)",
            "context.numbers.all(x, context.nope || x >= 0)",
            "context.numbers.all(x, timestamp('2030-01-31T12:00:00Z') > timestamp(x))",
            "context.numbers.all(x, timestamp(x).getHours('Europe/Berlin') >= 0)",
            "context.numbers.all(x, duration('1.123456789h') > duration('1ns'))",
            f"context.numbers.all(x, {' + '.join(['x'] * 38)} >= 0)",
            f"context.numbers.all(x, [{', '.join(['x * x'] * 150)}][0] >= 0)",
            "context.text.matches('(a?){100}a{100}b')",
            "[[0]]" + ".map(x, [x, x])" * 30,
        ],
    )
    def test_is_stopped_in_time(self, text: str) -> None:
        """By a bound with a name, whatever it is made of, and before the memory is used."""

        def stopped() -> None:
            with pytest.raises(LimitExceeded):
                evaluate(text, HOSTILE)

        assert is_within_bounds(stopped)

    @pytest.mark.parametrize(
        "text",
        [
            "context.numbers.all(x, x >= 0)",
            "context.numbers.map(x, x)",
            "context.numbers.filter(x, x % 2 == 0)",
            "context.numbers == context.numbers",
            "context.map.all(key, context.map[key] >= 0)",
            "context.thousand.all(x, context.hundred.exists(y, y == 96))",
            "context.text.matches('(x+x+)+y')",
            "math.greatest(context.numbers) == 99999",
        ],
    )
    def test_is_not_what_just_fits(self, text: str) -> None:
        """The bounds are there to be used: what is within them ends, in time."""
        assert is_within_bounds(lambda: evaluate(text, HOSTILE))

    def test_is_not_hidden_by_an_alternative(self) -> None:
        """`||` absorbs errors, and not the end of the budget."""
        error = refusal("context.numbers.all(x, x + x + x >= 0) || true", HOSTILE)

        assert isinstance(error, LimitExceeded)
        assert "iterations in one macrostep" in error.message

    @pytest.mark.parametrize("operator", ["&&", "||"])
    def test_is_not_absorbed_on_either_side(self, operator: str) -> None:
        """Or a guard would go on where the budget has ended."""
        bomb = "context.numbers.all(x, x + x + x >= 0)"
        value = "false" if operator == "&&" else "true"

        assert isinstance(refusal(f"{bomb} {operator} {value}", HOSTILE), LimitExceeded)
        assert isinstance(refusal(f"{bomb} {operator} {bomb}", HOSTILE), LimitExceeded)

    def test_in_long_texts_is_counted_when_they_are_compared(self) -> None:
        """Two texts of 99,000 characters take as long to compare as 96 numbers."""
        budget = Budget()

        assert evaluate("context.text == [context.text][0]", HOSTILE, budget) is True
        assert 99_000 // 1_024 == budget.iterations
        assert evaluate("context.text <= [context.text][0]", HOSTILE, budget) is True
        assert 2 * (99_000 // 1_024) == budget.iterations

    def test_may_be_shared_values_and_is_still_counted(self) -> None:
        """Two references to one list are two lists once they are JSON."""
        error = refusal("[0]" + ".map(x, [x, x])" * 20, HOSTILE)

        assert f"more than {MAX_SIZE:,} elements and characters" in error.message

    def test_in_depth_is_stopped_wherever_it_is_looked_into(self) -> None:
        """Python's stack is not the bound: it depends on who calls."""
        deep: Any = 1
        for _ in range(5_000):
            deep = [deep]

        assert "nested deeper" in refusal("context.deep", {"deep": deep}).message
        assert (
            "nested deeper" in refusal("context.deep == [context.deep][0]", {"deep": deep}).message
        )


class TestABudget:
    def test_is_shared_by_the_expressions_of_a_macrostep(self) -> None:
        """A thousand guards of a hundredth of the bound each are ten times the bound."""
        budget = Budget()
        expression = compile_expression("context.all(x, x >= 0)", NAMES)
        scope: dict[str, Any] = {"context": list(range(1_000))}

        for _ in range(MAX_ITERATIONS // 1_000):
            expression.evaluate(scope, budget)
        with pytest.raises(LimitExceeded):
            expression.evaluate(scope, budget)

        assert MAX_ITERATIONS + 1 == budget.iterations

    def test_counts_the_same_every_time(self) -> None:
        """Or a replay might stop elsewhere: what is kept from earlier calls does not show."""
        text = "context.all(x, string(x).matches('^' + string(x) + '$'))"

        def used() -> tuple[int, int, int]:
            budget = Budget()
            assert evaluate(text, list(range(20)), budget) is True
            return budget.iterations, budget.built, budget.returned

        assert used() == used()
