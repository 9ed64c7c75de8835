"""Arithmetic, comparison, containers: what values do, by type."""

import pytest

from tests.engine.expressions.evaluating import evaluate, refusal, typed


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("7 / 2", 3),
            ("-7 / 2", -3),
            ("-7 % 3", -1),
            ("7 % -3", 1),
            ("1 + 2.0", 3.0),
            ("3 * 0.5", 1.5),
            ("1.0 - 1", 0.0),
            ("1 / 2.0", 0.5),
            ("1 == 1.0", True),
            ("1 < 1.5 && 1.5 < 2", True),
            ("2 in [1.0, 2.0]", True),
            ("9223372036854775807 == 9223372036854775808.0", True),
            ("0.0 / 0.0 == 0.0 / 0.0", False),
            ("1.0 / 0.0 > 1e308", True),
            ("2.5 < 3 && 3 > 2.5", True),
            ("2.0 == 2", True),
            ("context.two == 2.0 && 2.0 == context.two", True),
            ("context.two < context.two + 1", True),
            ("[5, 6][1.0]", 6),
            ("[1, 2] < [3] || 1 < 2", True),
            ("-(0.5)", -0.5),
            ("--2.5", 2.5),
        ],
    )
    def test_mix_by_promotion_to_double(self, text: str, value: object) -> None:
        """JSON writes 1250 and 1250.50 for the same field; both must compute."""
        assert typed(value) == typed(evaluate(text, {"two": 2}))

    @pytest.mark.parametrize(
        "text",
        [
            "9223372036854775807 + 1",
            "-9223372036854775808 - 1",
            "9223372036854775807 * 2",
            "-9223372036854775808 / -1",
            "-9223372036854775808 % -1",
            "-(-9223372036854775807 - 1)",
            "math.abs(-9223372036854775808)",
        ],
    )
    def test_that_overflow_are_an_error(self, text: str) -> None:
        """A sum that wraps round would be a wrong amount that nobody notices."""
        assert "overflows 64 bits" in refusal(text).message

    @pytest.mark.parametrize("text", ["1 / 0", "1 % 0"])
    def test_divided_by_zero_are_an_error(self, text: str) -> None:
        """Of ints: doubles have infinity."""
        assert "by zero" in refusal(text).message

    @pytest.mark.parametrize("text", ["1.0 / 0.0", "[0.0 / 0.0]", "{'a': -1.0 / 0.0}"])
    def test_that_json_cannot_hold_are_no_results(self, text: str) -> None:
        """They may occur on the way; a snapshot cannot hold them."""
        assert "JSON cannot hold" in refusal(text).message


class TestTypes:
    @pytest.mark.parametrize(
        ("text", "kinds"),
        [
            ("1 + 'a'", "+ is not defined for (int, string)"),
            ("true + true", "+ is not defined for (bool, bool)"),
            ("'a' - 1", "- is not defined for (string, int)"),
            ("'a' * 2", "* is not defined for (string, int)"),
            ("[1] / 2", "/ is not defined for (list, int)"),
            ("context.pin[0]", "[] is not defined for (int, int)"),
            ("null < 1", "< is not defined for (null, int)"),
            ("[1] < [2]", "< is not defined for (list, list)"),
            ("1.5 % 2.0", "% is not defined for (double, double)"),
            ("!1", "! is not defined for (int)"),
            ("-'a'", "- is not defined for (string)"),
            ("1 in 'abc'", "in is not defined for (int, string)"),
            ("'a' ? 1 : 2", "?: is not defined for (string)"),
            ("size(1)", "size is not defined for (int)"),
            ("'secret'.matches(context.pin)", "matches is not defined for (string, int)"),
            ("context.pin.matches('a')", "matches is not defined for (int, string)"),
            ("'secret'.matches(1)", "matches is not defined for (string, int)"),
            ("1.all(x, true)", "all is not defined for (int)"),
        ],
    )
    def test_that_do_not_fit_are_named_and_values_are_not(self, text: str, kinds: str) -> None:
        """The message travels to the sender and into logs; what it is about may be secret."""
        error = refusal(text, {"pin": 4711})

        assert error.message.startswith(kinds)
        assert "4711" not in str(error)
        assert "secret" not in error.message

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1 == 'a'", False),
            ("null == null", True),
            ("true == 1", False),
            ("[true] == [1]", False),
            ("1 in [true]", False),
            ("true in [1, true]", True),
            ("{'a': 1} == {'a': 1.0}", True),
            ("[1, [2]] == [1, [2.0]]", True),
            ("{1: 'a', true: 'b'}[true]", "b"),
            ("{1: 'a'}[1.0]", "a"),
            ("[false] != [0]", True),
            ("[0.0 / 0.0] == [0.0 / 0.0]", False),
            ("[1] == [1, 2]", False),
            ("{'a': 1} == {'b': 1}", False),
            ("{'a': 1} == {'a': 1, 'b': 2}", False),
            ("[1] in [[2], [1.0]]", True),
            ("{'a': [1]} in [1, {'a': [1]}]", True),
            ("now in [1, now]", True),
            ("now in [duration('1s')]", False),
            ("timestamp(0) == duration('0s')", False),
            ("'a' < 'b' && 'b' > 'a'", True),
            ("null in {'a': 1}", False),
        ],
    )
    def test_are_kept_apart_by_equality(self, text: str, value: object) -> None:
        """Python takes True for 1; the language does not."""
        assert typed(value) == typed(evaluate(text))


class TestFieldsAndIndexes:
    def test_read_maps_and_lists(self) -> None:
        """By dot, by key, by position, however deep."""
        context = {"a": {"b": {"c": [{"d": 1}, 2]}}, "x-y": 3}

        assert 1 == evaluate("context.a.b.c[0].d", context)
        assert 2 == evaluate('context["a"]["b"].c[1]', context)
        assert 3 == evaluate("context['x-y']", context)

    @pytest.mark.parametrize(
        ("text", "words", "position"),
        [
            ("context.vip", "no such key: vip; ask first, with has()", 8),
            ("context.a.b.c", "no such key: b", 10),
            ("context.n.b", "null has no field b", 10),
            ("context.l.b", "list has no field b", 10),
            ("context.l[2]", "no such element", 9),
            ("context.l[-1]", "no such element", 9),
            ("context.l['x']", "list has no field x", 10),
            ("context.l[1.5]", "[] is not defined for (list, double)", 9),
            ("context.a[context.key]", "no such key (string)", 9),
            ("event.type", "event is not available here", 0),
        ],
    )
    def test_that_are_missing_are_an_error_at_their_place(
        self, text: str, words: str, position: int
    ) -> None:
        """A missing key is never false, or a typo in a guard would be a decision."""
        error = refusal(text, {"a": {}, "n": None, "l": [1, 2], "key": "private"})

        assert words in error.message
        assert position == error.position
        assert "private" not in error.message

    def test_of_a_name_that_is_not_given_are_none_at_all(self) -> None:
        """The name alone is an error too, with its place."""
        assert "event is not available here" in refusal("1 == 2 || event == 1").message

    def test_are_asked_for_with_has(self) -> None:
        """A key that is there with null is there."""
        context = {"a": {"b": None}}

        assert [True, False] == evaluate("[has(context.a.b), has(context.a.c)]", context)
        assert "has() asks a map, found null" in refusal("has(context.a.b.c)", context).message
        assert "no such key" in refusal("has(context.x.y)", context).message

    @pytest.mark.parametrize(
        "key", ["__class__", "__init__", "__dict__", "__globals__", "get", "items", "keys"]
    )
    def test_never_reach_a_python_object(self, key: str) -> None:
        """Names that mean something to Python are plain keys, there or not."""
        assert 7 == evaluate(f"context.{key}", {key: 7})
        assert "no such key" in refusal(f"context.{key}").message
        assert "no field" in refusal(f"context.text.{key}", {"text": ""}).message
        assert "no field" in refusal(f"now.{key}").message
        assert "unknown name" in refusal(key).message


class TestAResult:
    def test_is_the_callers_own(self) -> None:
        """Who keeps a result and changes it changes neither scope nor expression."""
        context = {"items": [{"a": [1]}]}
        result = evaluate("{'items': context.items, 'constant': [1, 2]}", context)
        assert isinstance(result, dict)
        assert isinstance(result["items"], list)

        result["items"].append(2)

        assert {"items": [{"a": [1]}]} == context

    def test_has_strings_for_keys(self) -> None:
        """Other keys are of use inside an expression, and are not JSON."""
        assert "keys of a result are strings, found int" in refusal("{1: 2}").message
        assert "found bool" in refusal("{true: 2}").message

    def test_is_an_error_for_a_scope_that_is_not_json(self) -> None:
        """The caller's mistake has a message too, and is no crash."""
        assert "not JSON" in refusal("context.a", {"a": (1, 2)}).message
        assert "beyond 64 bits" in refusal("context.a", {"a": 2**70}).message
        assert "beyond 64 bits" in refusal("context.a < 1.0", {"a": 10**400}).message
