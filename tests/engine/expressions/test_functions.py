"""Functions of strings, numbers and times."""

import pytest

from tests.engine.expressions.evaluating import evaluate, refusal, typed


class TestStrings:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("size('é😀')", 2),
            ("'abc'.contains('bc')", True),
            ("'abc'.startsWith('ab') && 'abc'.endsWith('bc')", True),
            ("'tacocat'.charAt(7)", ""),
            ("'tacocat'.indexOf('a', 2)", 5),
            ("'tacocat'.lastIndexOf('a', 4)", 1),
            ("'tacocat'.lastIndexOf('at')", 5),
            ("'tacocat'.lastIndexOf('x')", -1),
            ("'tacocat'.lastIndexOf('')", 7),
            ("'tacocat'.lastIndexOf('', 3)", 3),
            ("''.lastIndexOf('')", 0),
            ("'aaa'.lastIndexOf('aa')", 1),
            ("['a', 'b'].join('-')", "a-b"),
            ("' x\\u3000'.trim()", "x"),
            ("'ÄaZ'.lowerAscii() + 'äaz'.upperAscii()", "ÄazäAZ"),
            ("'aaa'.replace('a', 'b', 2)", "bba"),
            ("'ab'.replace('', '-')", "-a-b-"),
            ("'a,b,c'.split(',', 2)", ["a", "b,c"]),
            ("'abc'.split('')", ["a", "b", "c"]),
            ("'abc'.split('', 2)", ["a", "bc"]),
            ("''.split(',')", [""]),
            ("''.split('')", []),
            ("'a'.split(',', 0)", []),
            ("'hello'.substring(1, 3) + 'hello'.substring(4)", "elo"),
            ("'abc'.reverse()", "cba"),
        ],
    )
    def test_have_the_methods_of_cels_library(self, text: str, value: object) -> None:
        """With its meaning, counted in characters and not in bytes."""
        assert typed(value) == typed(evaluate(text))

    @pytest.mark.parametrize(
        "text",
        ["'abc'.charAt(4)", "'abc'.substring(2, 1)", "'abc'.substring(-1)", "['a', 1].join()"],
    )
    def test_refuse_positions_outside_and_parts_of_other_types(self, text: str) -> None:
        """An index that is off is a mistake, not an empty string."""
        refusal(text)


class TestMatches:
    def test_finds_a_pattern_anywhere(self) -> None:
        """As CEL has it; anchors say otherwise."""
        assert evaluate("'order-17'.matches('[0-9]+')") is True
        assert evaluate("'order-17'.matches('^[0-9]+$')") is False
        assert evaluate("matches('é', '^.$')") is True
        assert evaluate(r"'Müller'.matches(r'^\pL+$')") is True
        assert evaluate("context.p.map(p, 'abc'.matches(p))", {"p": ["b", "z"]}) == [True, False]

    def test_refuses_a_pattern_when_the_expression_is_compiled(self) -> None:
        """A look-ahead works elsewhere; RE2 has none, and the author learns it at once."""
        error = refusal("context.nope.matches('a(?=b)')")

        assert "RE2 has no look-around" in error.message
        assert 21 == error.position

    def test_has_no_answer_for_half_a_surrogate_pair(self) -> None:
        """Such strings come out of lenient JSON parsers."""
        assert "surrogate" in refusal("context.a.matches('a')", {"a": "\ud800"}).message


class TestConversions:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("int('-12')", -12),
            ("int(-3.9)", -3),
            ("int(timestamp('1970-01-01T00:01:00Z'))", 60),
            ("double('1e3')", 1000.0),
            ("double(2)", 2.0),
            ("string(1.0)", "1"),
            ("string(1.25)", "1.25"),
            ("string(1e300)", "1e+300"),
            ("string(true)", "true"),
            ("string(0.0 / 0.0)", "NaN"),
            ("string(1.0 / 0.0) + string(-1.0 / 0.0)", "Infinity-Infinity"),
            ("string(timestamp(0))", "1970-01-01T00:00:00Z"),
            ("bool('TRUE')", True),
            ("dyn(1)", 1),
        ],
    )
    def test_go_from_type_to_type(self, text: str, value: object) -> None:
        """The remedy that every type error names has to work."""
        assert typed(value) == typed(evaluate(text))

    @pytest.mark.parametrize(
        "text",
        [
            *("int('1_0')", "int('٣')", "int(' 1')", "int('9223372036854775808')", "int(1e19)"),
            *("int(0.0 / 0.0)", "double('1_0')", "double('')", "bool('yes')", "bool(1)"),
            *("string(null)", "string([1])", "int('" + "9" * 500 + "')"),
        ],
    )
    def test_refuse_what_is_no_such_thing(self, text: str) -> None:
        """Python reads 1_0 and Arabic digits as numbers; JSON and CEL do not."""
        refusal(text)


class TestMath:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("math.greatest(1, 2.5, -3)", 2.5),
            ("math.least([3, 1, 2])", 1),
            ("math.round(-1.5)", -2.0),
            ("math.round(2.5)", 3.0),
            ("math.ceil(1.2) + math.floor(1.8) + math.trunc(-1.8)", 2.0),
            ("math.sign(-3)", -1),
            ("math.abs(-3.5)", 3.5),
            ("math.sqrt(9)", 3.0),
            ("string(math.sqrt(-1))", "NaN"),
            ("string(math.sign(0.0 / 0.0))", "NaN"),
            ("string(math.floor(1.0 / 0.0))", "Infinity"),
            ("math.sign(-0.5)", -1.0),
            ("math.isNaN(0.0 / 0.0) && math.isInf(1.0 / 0.0) && math.isFinite(1.0)", True),
        ],
    )
    def test_has_the_functions_of_cels_library(self, text: str, value: object) -> None:
        """Halves are rounded away from zero, as people expect of amounts."""
        assert typed(value) == typed(evaluate(text))

    def test_refuses_an_empty_list_no_arguments_and_what_is_no_number(self) -> None:
        """There is no greatest of nothing, nor of texts."""
        assert "empty list" in refusal("math.greatest(context.a)", {"a": []}).message
        assert "at least one argument" in refusal("math.greatest()").message
        assert "not defined for (string)" in refusal("math.greatest(1, 'a')").message

    def test_is_no_name_of_its_own(self) -> None:
        """`math` stands before a function's dot; alone it is nothing."""
        assert "unknown name math" in refusal("math").message


class TestACall:
    def test_with_the_wrong_number_of_arguments_is_found_when_compiled(self) -> None:
        """The message counts what stands between the parentheses."""
        assert "contains takes 1 arguments, not 2" in refusal("context.a.contains(1, 2)").message
        assert "size takes 1 arguments, not 0" in refusal("size()").message
        assert "size takes 0 arguments, not 1" in refusal("'a'.size(1)").message
