"""What is an expression, and where an error says it is not."""

import pytest

from control_plane.engine.expressions import ExpressionError, compile_expression
from tests.engine.expressions.evaluating import NAMES, evaluate, refusal


class TestOperators:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1 + 2 * 3", 7),
            ("(1 + 2) * 3", 9),
            ("10 - 3 - 2", 5),
            ("-2 * -3", 6),
            ("--2", 2),
            ("!!true", True),
            ("true || false && false", True),
            ("1 < 2 == true", True),
            ("false ? 1 : true ? 2 : 3", 2),
            ("1 + 1 in [2]", True),
            ("-9223372036854775808", -(2**63)),
        ],
    )
    def test_bind_as_in_cel(self, text: str, value: object) -> None:
        """Precedence decides what a guard without parentheses means."""
        assert value == evaluate(text)


class TestLiterals:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("0x1F", 31),
            ("1e3", 1000.0),
            (".5", 0.5),
            (r"'a\n\t\\\'\x41\u00e9\U0001F600\101'", "a\n\t\\'Aé😀A"),
            (r"r'\d+'", r"\d+"),
            ('"""two\nlines"""', "two\nlines"),
            ("[1, 2,]", [1, 2]),
            ("{'a': 1, 'b': [null],}", {"a": 1, "b": [None]}),
            ("1 // the rest of the line\n + 1", 2),
        ],
    )
    def test_are_those_of_cel(self, text: str, value: object) -> None:
        """Expressions are copied from CEL's documentation; they must mean the same here."""
        assert value == evaluate(text)

    @pytest.mark.parametrize(
        ("text", "position", "remedy"),
        [
            ("1u", 0, "write 1"),
            ("1 + b'x'", 4, "without the b"),
            ("rr'x'", 0, "at most one prefix"),
            ("9223372036854775808", 0, "1e20"),
            ("'open", 0, "not closed"),
            ("'a\nb'", 0, "three quotes"),
            (r"'\ud800'", 1, "surrogates"),
            (r"'\q'", 1, "backslash"),
            ("{'a': 1, 'a': 2}", 0, "twice"),
            ("{1.5: 1}", 0, "double"),
        ],
    )
    def test_that_json_cannot_hold_are_refused_with_a_remedy(
        self, text: str, position: int, remedy: str
    ) -> None:
        """Who writes strict CEL learns what to write instead, and where."""
        error = refusal(text)

        assert position == error.position
        assert remedy in error.message


class TestASyntaxError:
    @pytest.mark.parametrize(
        ("text", "position", "words"),
        [
            ("", 0, "the end of the expression"),
            ("1 +", 3, "expected a value"),
            ("context.amount > > 1", 17, "found >"),
            ("(1", 2, "expected )"),
            ("1 1", 2, "found 1"),
            ("context.", 8, "field"),
            ("true ? 1", 8, "expected :"),
            ("!-context.a && true", 1, "found -"),
            ("a#b", 1, "no meaning"),
            ("if", 0, "reserved"),
            ("context.in", 8, "field"),
            ("has(context)", 0, "has(context.vip)"),
            ("[1].map(1, 2)", 4, "name of a variable"),
            ("[1].all(x)", 4, "a name and an expression"),
            ("context.a === 1", 12, "compare with == or !="),
            ("context.a = 1", 10, "compare with == or !="),
            ("true & false", 5, "write && for and"),
            ("true | false", 5, "write || for or"),
            ("true and false", 5, "write && for it"),
            ("true or false", 5, "write || for it"),
        ],
    )
    def test_says_where_and_what_was_expected(self, text: str, position: int, words: str) -> None:
        """The position becomes the caret under the author's expression."""
        error = refusal(text)

        assert (position, text) == (error.position, error.text)
        assert words in error.message


class TestNames:
    def test_that_are_unknown_are_refused_with_the_likely_one(self) -> None:
        """A typo is found when the definition is created, not when an order is stuck."""
        assert "did you mean context?" in refusal("contxt.a").message
        assert "did you mean startsWith?" in refusal("'a'.startWith('a')").message
        assert "did you mean size?" in refusal("sizes([])").message

    def test_of_other_languages_are_refused_with_those_of_this_one(self) -> None:
        """Nobody comes without habits."""
        assert "write ! before a bool" in refusal("not(true)").message
        assert "write size()" in refusal("len([])").message
        assert "write null" in refusal("event.a == None").message

    def test_are_counted_from_one_where_people_read(self) -> None:
        """As editors count, and as the lines and columns of the file around them are."""
        assert str(refusal("nope")).endswith("(at character 1 of the expression)")

    def test_are_those_the_expression_was_compiled_for(self) -> None:
        """An event is not at hand everywhere; where it is not, its name is unknown."""
        with pytest.raises(ExpressionError, match="unknown name event"):
            compile_expression("event.data", NAMES - {"event"})

    def test_may_be_quoted_and_reserved_after_a_dot(self) -> None:
        """JSON has keys that are no identifiers."""
        context = {"content-type": "text", "package": 1}

        assert "text" == evaluate("context.`content-type`", context)
        assert 1 == evaluate("context.package", context)

    def test_may_begin_with_a_dot(self) -> None:
        """In CEL that names the outermost one; here there is no other."""
        assert 1 == evaluate(".context.a", {"a": 1})
