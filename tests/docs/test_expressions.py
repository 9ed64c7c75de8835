"""The page of expressions: every example has the result that stands beside it."""

import json
import re
from datetime import datetime
from typing import Any

import pytest

from control_plane.engine.expressions import (
    Budget,
    ExpressionError,
    Json,
    budget,
    compile_expression,
    conversions,
    moments,
    parser,
    patterns,
    vocabulary,
)
from control_plane.engine.expressions.values import KINDS
from control_plane.engine.spec.values import NAMES
from tests.docs.pages import blocks, page, rows, section

PAGE = page("docs/expressions.md")
SCOPE: dict[str, Any] = next(json.loads(one.text) for one in blocks(PAGE) if one.word == "scope")
SCOPE["now"] = datetime.fromisoformat(SCOPE["now"])

LIMITS = {
    "characters of an expression": budget.MAX_CHARACTERS,
    "levels of operators, calls and parentheses": budget.MAX_DEPTH,
    "macros inside each other": budget.MAX_NESTED_MACROS,
    "elements that macros visit in a macrostep": budget.MAX_ITERATIONS,
    "elements and characters that are built in a macrostep": budget.MAX_SIZE,
    "elements and characters that are handed back in a macrostep": budget.MAX_SIZE,
    "levels of a value that is compared or handed back": budget.MAX_VALUE_DEPTH,
    "characters of a pattern": patterns.MAX_PATTERN_CHARACTERS,
    "instructions of a pattern, as RE2 counts them": patterns.MAX_PROGRAM,
    "instructions of all the patterns of an expression": patterns.MAX_PROGRAMS,
    "characters of a text that is read as a number": conversions.MAX_NUMBER_CHARACTERS,
    "characters of a text that is read as a timestamp or duration": moments.MAX_TEXT,
}


def written(cell: str) -> str:
    """What stands between the backticks of a cell."""
    found = re.fullmatch(r"(`+) ?(.*?) ?\1", cell.replace("\\|", "|"))
    assert found, cell
    return found[2]


def evaluate(text: str) -> Json:
    """The value over the page's own scope."""
    return compile_expression(text, NAMES).evaluate(SCOPE, Budget())


def refusal(text: str) -> tuple[str, str]:
    """When there is an error, and what it says."""
    when = "created"
    try:
        expression = compile_expression(text, NAMES)
        when = "evaluated"
        expression.evaluate(SCOPE, Budget())
    except ExpressionError as error:
        return when, error.message
    return "never", ""


ROWS = rows(PAGE)
ERRORS = rows(section(PAGE, "## Errors"))
EXAMPLES = [
    (written(row[0]), written(row[1]))
    for row in ROWS
    if len(row) == 2 and row[0].startswith("`") and re.fullmatch(r"`.*`", row[1])
]


class TestAnExample:
    @pytest.mark.parametrize(("text", "result"), EXAMPLES, ids=[text for text, _ in EXAMPLES])
    def test_has_the_result_beside_it(self, text: str, result: str) -> None:
        """Whoever copies one gets what was promised, to the type of its numbers."""
        assert result == json.dumps(evaluate(text), ensure_ascii=False)

    def test_is_there_for_every_function_macro_and_operator(self) -> None:
        """What the page leaves out, nobody finds."""
        texts = "\n".join(text for text, _ in EXAMPLES)
        called = set(re.findall(r"([A-Za-z_]\w*)\(", texts))
        there = {name.rpartition(".")[2] for name in (*vocabulary.FUNCTIONS, *vocabulary.METHODS)}

        assert set() == (there | parser.MACROS.keys()) - called
        assert [] == [one for one in parser.PRECEDENCE if f" {one} " not in f" {texts} "]

    def test_sees_every_name_that_there_is(self) -> None:
        """And no other."""
        first = PAGE.partition("| name | what it is |")[2].partition("\n\n")[0]
        told = [written(row[0]) for row in rows(f"| name | what it is |{first}")]

        assert sorted(NAMES) == sorted(told) == sorted(SCOPE)


class TestAnError:
    @pytest.mark.parametrize(("cell", "when", "message"), ERRORS, ids=[row[0] for row in ERRORS])
    def test_says_what_the_page_says_when_it_says(self, cell: str, when: str, message: str) -> None:
        """Found when the definition is created if it can be found then."""
        assert (when, message.replace("\\|", "|")) == refusal(written(cell))


class TestThePage:
    def test_tells_the_limits_that_are_kept(self) -> None:
        """Reaching a limit is an error; nobody should first hear of it then."""
        told = {row[0]: row[1] for row in rows(section(PAGE, "## Limits"))}

        assert {what: f"{most:,}" for what, most in LIMITS.items()} == told

    def test_tells_the_types_there_are(self) -> None:
        """By the names that errors call them."""
        told = {row[0] for row in rows(section(PAGE, "## Types")) if len(row) == 3}

        assert set(KINDS.values()) == told
