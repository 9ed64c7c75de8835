"""ECMAScript's expressions as a definition says them: what they become, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from control_plane.engine.expressions import Budget, compile_expression
from control_plane.interchange.ecmascript import NotSayable, read_expression
from control_plane.interchange.to_cel import Answered, Vocabulary
from control_plane.interchange.to_ecmascript import NotWritable, Scope
from shared.json import Json

WORDS = Vocabulary(
    data=frozenset({"x", "y", "vip", "in"}),
    conditions=frozenset({"vip"}),
    keys={"s": "s", "b.1": "b_1"},
    machine_name="m",
    referred=set(),
)
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def value(text: str, answered: Answered = "sent") -> Any:
    return WORDS.value(text, answered)


class TestAnExpression:
    @pytest.mark.parametrize(
        ("text", "cel"),
        [
            ("x + 1", "context.x + 1"),
            ("x === y", "context.x == context.y"),
            ("x !== y", "context.x != context.y"),
            ("x == null", "context.x == null"),
            ("x <= 2 && !(y > 3) || vip", "context.x <= 2 && !(context.y > 3) || context.vip"),
            ("(x || y) && vip", "(context.x || context.y) && context.vip"),
            ("x - (y - 1)", "context.x - (context.y - 1)"),
            ("(x + 1) * 2", "(context.x + 1) * 2"),
            ("-x", "-context.x"),
            ("- -x", "-(-context.x)"),
            ("x - -1", "context.x - -1"),
            ("x % 2", "context.x % 2"),
            ("x / 2", "double(context.x) / 2"),
            ("7 / x", "7.0 / context.x"),
            ("x === 1 === true", "(context.x == 1) == true"),
            ("x < y === true", "(context.x < context.y) == true"),
            ("x ? 1 : y ? 2 : 3", "context.x ? 1 : context.y ? 2 : 3"),
            ("(x ? 1 : 2) ? 3 : 4", "(context.x ? 1 : 2) ? 3 : 4"),
            ("x.a.b[0]['c d']", 'context.x.a.b[0]["c d"]'),
            ("x['a']", "context.x.a"),
            ("x.length > 1", "size(context.x) > 1"),
            ("x.a['length'] + 1", "size(context.x.a) + 1"),
            ("_event.data.length", "event.length"),
            ("x.in", 'context.x["in"]'),
            ("'n: ' + x", '"n: " + string(context.x)'),
            ("x + ', ' + y", 'string(context.x) + ", " + string(context.y)'),
            ("[x, 1]", "[context.x, 1]"),
            ("{a: x, 'b c': 1,}", '{"a": context.x, "b c": 1}'),
            ("_event.name == 'done.state.s'", 'event.type == "xstate.done.state.s"'),
            ("_event.name", "event.type"),
            ("_event.data.a.b", "event.a.b"),
            ("_event.data['a']", "event.a"),
            ("_event.data", "event.data"),
            ("typeof x === 'undefined'", "context.x == null"),
            ("typeof x !== 'undefined'", "context.x != null"),
            ("x == undefined", "context.x == null"),
            ("typeof x.a == 'undefined'", "!has(context.x.a)"),
            ("'undefined' != typeof _event.data.a", "has(event.a)"),
            ("typeof _event.data['a b'] !== 'undefined'", '"a b" in event'),
        ],
    )
    def test_says_the_same_in_cel(self, text: str, cel: str) -> None:
        """Operators keep their binding, names get their places."""
        assert {"@expr": cel} == value(text)

    @pytest.mark.parametrize(
        ("text", "json"),
        [
            ("1", 1),
            ("-1.5e3", -1500.0),
            (".5", 0.5),
            ("9007199254740993", 9007199254740992.0),
            ("'it\\'s \\u00e4 \\x41 \\n'", "it's ä A \n"),
            ('"a"', "a"),
            ("null", None),
            ("true", True),
            ("[1, [2], {a: 'b'}]", [1, [2], {"a": "b"}]),
            ("_name", "m"),
        ],
    )
    def test_that_is_a_constant_is_json(self, text: str, json: Any) -> None:
        """A definition needs no expression for what is known."""
        found = value(text)

        assert (json, type(json)) == (found, type(found))

    def test_that_makes_an_object_of_an_expression_stays_one(self) -> None:
        """A key that means an expression to a definition is a mere key in ECMAScript."""
        assert {"@expr": '{"@expr": "context.secret"}'} == value("{'@expr': 'context.secret'}")

    @pytest.mark.parametrize(
        ("answered", "cel"),
        [("sent", "event.a"), ("output", "event.output.a"), ("error", "event.error.a")],
    )
    def test_finds_the_data_of_what_is_answered(self, answered: Answered, cel: str) -> None:
        """Done events and failures have theirs under a word of their own."""
        assert {"@expr": cel} == value("_event.data.a", answered)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("f(x)", "it calls f()"),
            ("Math.pow(x, 2)", "it calls Math.pow()"),
            ("x++", "it uses '++'"),
            ("x = 1", "it uses '='"),
            ("x += 1", "it uses '+='"),
            ("x | 1", "it uses '|'"),
            ("x << 1", "it uses '<<'"),
            ("x ** 2", "it uses '**'"),
            ("x => 1", "it uses '=>'"),
            ("x ?? 1", "it uses '??'"),
            ("`a`", "it uses '`'"),
            ("x; y", "it uses ';'"),
            ("1 // one", "it uses '//'"),
            ("1 /* one */", "it uses '/*'"),
            ("function() {}", "it uses 'function'"),
            ("new Date()", "it uses 'new'"),
            ("'a' in x", "it uses 'in'"),
            ("x instanceof Array", "it uses 'instanceof'"),
            ("/a/", "it uses a regular expression"),
            ("+x", "it uses '+' to make a number"),
            ("typeof x === 'number'", "it uses typeof otherwise"),
            ("undefined", "it uses undefined as a value"),
            ("_event", "it uses _event as a whole"),
            ("_event.origin", "it uses _event.origin"),
            ("_event.data.type", "it reads a datum named 'type'"),
            ("_sessionid", "it uses _sessionid"),
            ("z", "it uses z, which is not in the datamodel"),
            ("x && In('s')", "it uses In() inside of another expression"),
            ("1 +", "it cannot be read: its end"),
            ("1 2", "it cannot be read: '2'"),
            ("", "it cannot be read: its end"),
            ("'\\ud800'", "the escape '\\\\ud800' is half of a character"),
            ("(" * 31 + "1" + ")" * 31, "it is nested deeper than 30 levels"),
            ("!" * 31 + "x", "it has more than 30 operators in a row"),
            ("x" * 2_001, "it is longer than 2,000 characters"),
        ],
    )
    def test_beyond_the_subset_is_refused_by_name(self, text: str, why: str) -> None:
        """What is not understood is never guessed at."""
        with pytest.raises(NotSayable) as raised:
            value(text)

        assert raised.value.why.startswith(why)


class TestACondition:
    @pytest.mark.parametrize(
        ("text", "guard"),
        [
            ("In('s')", {"type": "@stateIn", "state": "#s"}),
            ("!In('b.1')", {"type": "@not", "guard": {"type": "@stateIn", "state": "#b_1"}}),
            (
                "In('s') && x > 1",
                {
                    "type": "@and",
                    "guards": [
                        {"type": "@stateIn", "state": "#s"},
                        {"@expr": "context.x > 1"},
                    ],
                },
            ),
            (
                "vip || In('s')",
                {
                    "type": "@or",
                    "guards": [{"@expr": "context.vip"}, {"type": "@stateIn", "state": "#s"}],
                },
            ),
            ("false", {"@expr": "false"}),
            ("!vip", {"@expr": "!context.vip"}),
        ],
    )
    def test_is_a_guard(self, text: str, guard: Any) -> None:
        """In() is a guard of its own, so what is around it becomes guards too."""
        assert guard == WORDS.guard(text)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("x", "it takes the value of x for true or false"),
            ("vip && !x", "it takes the value of x for true or false"),
            ("'foo'", "it gives a value of type string"),
            ("x + 1 == 2 ? 1 : 0", "it gives a value of type int"),
            ("In('z')", "In('z') names no state"),
        ],
    )
    def test_must_be_true_or_false(self, text: str, why: str) -> None:
        """A definition takes no other value for one of them, so the import says it at once."""
        with pytest.raises(NotSayable) as raised:
            WORDS.guard(text)

        assert raised.value.why.startswith(why)


class TestADefinitionsExpression:
    @pytest.mark.parametrize(
        ("cel", "text"),
        [
            ("context.n + 1", "n + 1"),
            ("context.a.b[0].c", "a.b[0].c"),
            ("event.amount > 100", "_event.data.amount > 100"),
            ("event.type == 'a'", '_event.name === "a"'),
            ("context.n == null || context.n != 2", "n === null || n !== 2"),
            (
                "has(event.a) && has(context.a.b)",
                'typeof _event.data.a !== "undefined" && typeof a.b !== "undefined"',
            ),
            ("has(context.n)", "true"),
            ("has(context.later)", "later !== null"),
            ("double(context.n) / 2", "n / 2"),
            ("context.n / 2.0", "n / 2.0"),
            ("'n: ' + string(context.n)", '"n: " + n'),
            ("context.n > 1 ? [1] : {'a': 2}", 'n > 1 ? [1] : {"a": 2}'),
            ("-(context.n - 1) * 2", "-(n - 1) * 2"),
        ],
    )
    def test_says_the_same_in_ecmascript(self, cel: str, text: str) -> None:
        """As far as the languages share their meaning."""
        written = Scope(frozenset({"n", "a"})).write({"@expr": cel})

        assert text == written

    @pytest.mark.parametrize(
        "cel",
        [
            "context.n / 2",
            "size(context.a) > 1",
            "context.a.exists(x, x > 1)",
            "now",
            "context",
            "event",
            "1 in context.a",
            "context.a.startsWith('b')",
            "9007199254740993",
            "context['n']['new'] == instance.definition",
        ],
    )
    def test_without_a_counterpart_is_not_written(self, cel: str) -> None:
        """A quotient that is an integer here and none there is no counterpart either."""
        with pytest.raises(NotWritable):
            Scope(frozenset({"n", "a"})).write({"@expr": cel})

    @pytest.mark.parametrize(
        "text",
        ["x - (y - 1) * 2", "x / 2 + y", "-x % 3", "'a' + x", "x < y ? x : y", "[x, {k: y}]"],
    )
    def test_means_the_same_after_both_ways(self, text: str) -> None:
        """To CEL, to ECMAScript and back is where it was."""
        there = value(text)["@expr"]
        back = value(Scope(frozenset({"x", "y"})).write({"@expr": there}))["@expr"]
        scope: dict[str, Json | datetime] = {"context": {"x": 7, "y": 3}, "event": {}, "now": NOW}
        names = frozenset({"context", "event"})

        assert compile_expression(there, names).evaluate(scope, Budget()) == compile_expression(
            back, names
        ).evaluate(scope, Budget())


class TestReading:
    @pytest.mark.parametrize("text", ["a.b.c", "[1,2,]", "{}", "'\\\\'", "x\n&&\ty"])
    def test_takes_what_ecmascript_takes(self, text: str) -> None:
        """White space, trailing commas and empty objects."""
        assert read_expression(text) == read_expression(f" {text} ")
