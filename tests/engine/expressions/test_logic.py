"""`&& || ! ?:` and the macros."""

import pytest

from tests.engine.expressions.evaluating import evaluate, refusal


class TestAnErrorInATerm:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("false && context.nope", False),
            ("context.nope && false", False),
            ("true || context.nope", True),
            ("context.nope || true", True),
            ("1 && false", False),
            ("'x' || true", True),
            ("context.nope || 1 / 0 > 1 || true", True),
            ("[1, 0].exists(x, 1 / x == 1)", True),
            ("[0, 1].all(x, 1 / x == 5)", False),
        ],
    )
    def test_is_absorbed_if_another_term_decides(self, text: str, value: object) -> None:
        """So the order of the terms of a guard does not change what it means."""
        assert value is evaluate(text)

    @pytest.mark.parametrize(
        "text",
        [
            "true && context.nope",
            "context.nope && true",
            "false || context.nope",
            "context.nope || false",
            "true && 1",
            "1 && true",
            "false || null",
            "[0, 1].exists(x, 1 / x == 5)",
            "[1, 0].all(x, 1 / x == 1)",
            "[0, 1].exists_one(x, 1 / x == 1)",
            "[1].all(x, 1)",
            "[1].filter(x, null)",
            "[1].map(x, 0, x)",
        ],
    )
    def test_stands_if_none_does(self, text: str) -> None:
        """An error is never false."""
        refusal(text)

    def test_of_a_condition_is_the_conditionals(self) -> None:
        """And the branch that is not chosen is not run."""
        assert 1 == evaluate("true ? 1 : 1 / 0")
        assert "no such key" in refusal("context.nope ? 1 : 2").message


class TestMacros:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("[1, 2].all(x, x > 0)", True),
            ("[].all(x, false)", True),
            ("[].exists(x, true)", False),
            ("[1, 2, 2].exists_one(x, x == 2)", False),
            ("[1, 2, 2].exists_one(x, x == 1)", True),
            ("[1, 2, 3].map(x, x * x)", [1, 4, 9]),
            ("[1, 2, 3].map(x, x > 1, x * x)", [4, 9]),
            ("[1, 2, 3].filter(x, x % 2 == 1)", [1, 3]),
            ("{'a': 1, 'b': 2}.map(key, key)", ["a", "b"]),
            ("{true: 1, 2: 1}.map(key, string(key))", ["true", "2"]),
            ("{true: 1}.map(key, key)", [True]),
            ("{true: 1}.all(key, key)", True),
            ("{'b': 1, 'a': 2}.filter(key, true)", ["a", "b"]),
            ("{3: 1, 2: 2}.map(key, key)", [2, 3]),
            ("context.items.map(i, i.price * i.count)", [3.0, 10]),
            ("context.items.filter(i, i.count > 1).map(i, i.sku)", ["y"]),
            ("[[1, 2], [3]].map(row, row.map(x, x + row[0]))", [[2, 3], [6]]),
            ("[1].map(context, context)", [1]),
            ("[[1]].map(x, x.map(x, x + 1))", [[2]]),
        ],
    )
    def test_go_through_lists_and_keys(self, text: str, value: object) -> None:
        """The variable hides a name of the scope, inside the macro only."""
        items = [{"sku": "x", "price": 3.0, "count": 1}, {"sku": "y", "price": 5, "count": 2}]

        assert value == evaluate(text, {"items": items})

    def test_leave_no_variable_behind(self) -> None:
        """A variable is known in its macro's body, and nowhere else."""
        assert "unknown name x" in refusal("[1].all(x, x > 0) && x > 0").message
