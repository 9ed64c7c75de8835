"""What is known of an expression without evaluating it, and that evaluating is pure."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from timeit import repeat
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.engine.expressions import Budget, ExpressionError, Json, compile_expression
from tests.engine.expressions.evaluating import NAMES, NOW

JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=12,
)

PIECES: Final = (
    *("context", "context.a", "context.b", "context.a.b", "context.a[0]", "x", "now", "'a'"),
    *("1", "0", "-1.5", "true", "null", "[1, 2]", "{'a': 1}", "duration('1s')", "'2030'"),
    *("9223372036854775807", "'^a+'", "''"),
)

OPERATORS: Final = ("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in")
FUNCTIONS: Final = (
    *("!", "-", "int", "string", "double", "bool", "size", "timestamp", "duration", "dyn"),
    *("math.greatest", "math.abs", "math.round"),
)
METHODS: Final = (
    *("contains", "matches", "split", "join", "indexOf", "charAt", "substring", "getHours"),
    *("replace", "startsWith", "size", "trim"),
)
MACROS: Final = ("all", "exists", "exists_one", "map", "filter")

TEXTS: Final[st.SearchStrategy[str]] = st.recursive(
    st.sampled_from(PIECES),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("{}({})".format, st.sampled_from(FUNCTIONS), inner),
        st.builds("{}.{}({})".format, inner, st.sampled_from(METHODS), inner),
        st.builds("{}.{}(x, {})".format, inner, st.sampled_from(MACROS), inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("has({}.b)".format, inner),
    ),
    max_leaves=8,
)


class TestWhatAnExpressionReads:
    @pytest.mark.parametrize(
        ("text", "reads", "asks"),
        [
            ("context.amount > 100 && context.vip", ["context.amount", "context.vip"], []),
            ("context['a'].b", ["context.a.b"], []),
            ("context.items[0].price", ["context.items"], []),
            ("context.items[context.index]", ["context.items", "context.index"], []),
            ("context", ["context"], []),
            ("has(context.vip) && context.vip", ["context", "context.vip"], ["context.vip"]),
            ("has(context.a.b)", ["context.a"], ["context.a.b"]),
            ("context.items.all(x, x.price > event.limit)", ["context.items", "event.limit"], []),
            ("[1].all(context, context.a == 1)", [], []),
            ("now", ["now"], []),
            ("1 + 1", [], []),
        ],
    )
    def test_is_known_as_far_as_it_is_written_out(
        self, text: str, reads: list[str], asks: list[str]
    ) -> None:
        """A validator warns of keys that no state ever sets."""
        expression = compile_expression(text, NAMES)

        assert {tuple(path.split(".")) for path in reads} == expression.reads
        assert {tuple(path.split(".")) for path in asks} == expression.asks


class TestTheTypeOfAResult:
    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("context.a > 1", "bool"),
            ("context.a", None),
            ("1 + 1", "int"),
            ("1 + 1.0", "double"),
            ("1 + context.a", None),
            ("'a' + 'b'", "string"),
            ("[1] + [2]", "list"),
            ("{}", "map"),
            ("null", "null"),
            ("now", "timestamp"),
            ("now - now", "duration"),
            ("now + duration('1s')", "timestamp"),
            ("context.a ? 1 : 2", "int"),
            ("context.a ? 1 : 'a'", None),
            ("size(context)", "int"),
            ("context.map(x, x)", "list"),
            ("-context.a", None),
            ("context.a && context.b", "bool"),
            ("'a' - 1", None),
        ],
    )
    def test_is_known_where_the_operators_tell(self, text: str, kind: str | None) -> None:
        """A guard that can never be a bool is refused when its definition is created."""
        assert kind == compile_expression(text, NAMES).result


class TestAnExpression:
    def test_cannot_be_changed(self) -> None:
        """One compiled machine serves every instance of its definition."""
        expression = compile_expression("1", NAMES)

        with pytest.raises(FrozenInstanceError):
            expression.text = "2"  # type: ignore[misc]  # what is being tested

    def test_is_evaluated_by_several_threads_at_once(self) -> None:
        """Variables of macros are each evaluation's own."""
        expression = compile_expression("context.map(x, context.map(y, x + y)[0])", NAMES)

        def run(base: int) -> Json:
            numbers: list[Json] = [base + offset for offset in range(50)]
            return expression.evaluate({"context": numbers}, Budget())

        with ThreadPoolExecutor(8) as threads:
            results = list(threads.map(run, range(200)))

        assert [[2 * base + offset for offset in range(50)] for base in range(200)] == results

    def test_takes_no_longer_for_a_larger_context(self) -> None:
        """The scope is read in place and never converted: a guard reads what it names."""
        guard = compile_expression("context.amount > 100 && context.vip", NAMES)
        budget = Budget()

        def seconds(size: int) -> float:
            context: dict[str, Json] = {str(key): [key] for key in range(size)}
            scope: dict[str, Any] = {"context": {**context, "amount": 150, "vip": True}}
            return min(repeat(lambda: guard.evaluate(scope, budget), number=2_000, repeat=7))

        assert seconds(100_000) < 5 * seconds(1)


class TestEvaluating:
    @given(text=TEXTS, context=st.dictionaries(st.sampled_from("ab"), JSON))
    @settings(max_examples=300, deadline=None)
    def test_ends_in_json_or_in_an_error_and_in_the_same_one_again(
        self, text: str, context: dict[str, Any]
    ) -> None:
        """Nothing else comes out, whatever goes in; and replay can rely on it."""
        one, another = outcome(text, context), outcome(text, context)

        assert repr(one) == repr(another)
        assert is_json(one) or 0 <= one[1] <= len(text)

    @given(text=st.text(max_size=60) | st.text("()[]{}.,?:&|!=<>+-*/%'\"`\\ru01eax ", max_size=60))
    @settings(max_examples=300, deadline=None)
    def test_of_any_text_ends_in_json_or_in_an_error(self, text: str) -> None:
        """The parser is given what anybody may type."""
        result = outcome(text, {})

        assert is_json(result) or 0 <= result[1] <= len(text)


def outcome(text: str, context: dict[str, Any]) -> Any:
    try:
        scope: dict[str, Any] = {"context": context, "now": NOW}
        return compile_expression(text, NAMES).evaluate(scope, Budget())
    except ExpressionError as error:
        return error.message, error.position


def is_json(value: Any) -> bool:
    match value:
        case None | bool() | int() | float() | str():
            return True
        case list():
            return all(is_json(item) for item in value)
        case dict():
            return all(isinstance(key, str) and is_json(item) for key, item in value.items())
    return False
