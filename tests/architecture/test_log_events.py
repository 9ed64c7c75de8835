"""Log events are an interface: each is in the table, and the table has no others."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from shared.telemetry.log_fields import OF_EVERY_LINE, OF_THE_WORK, LogField
from shared.telemetry.names import LogEvent
from tests.architecture.tree import ROOT, parsed, production_files, shown

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
OF_NO_EVENT = {"exc_info"}
"""What a logger takes for itself."""

TABLE = ROOT / "shared" / "telemetry" / "names.py"


def logger_calls(path: Path) -> Iterator[ast.Call]:
    """Calls of a logger: `_log.info(…)`, `self._log.info(…)`, `get_logger(…).info(…)`."""
    for node in ast.walk(parsed(path)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in LEVELS
            and _called(node.func.value).endswith(("log", "logger"))
        ):
            yield node


def _called(expression: ast.expr) -> str:
    """The last name of the expression."""
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Attribute):
        return expression.attr
    if isinstance(expression, ast.Call):
        return _called(expression.func)
    return ""


def members(tree: ast.AST) -> set[str]:
    """The members of LogEvent that the code names."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "LogEvent"
    }


class TestALogEvent:
    def test_is_one_of_the_table(self) -> None:
        """A string made up on the spot is found by no dashboard, and changes unnoticed."""
        strays = [
            f"{shown(path)}:{call.lineno}"
            for path in production_files()
            for call in logger_calls(path)
            if not call.args or not members(call.args[0])
        ]

        assert [] == strays

    def test_of_the_table_is_emitted_somewhere(self) -> None:
        """An alert on an event that nothing emits is never heard."""
        emitted = {
            name
            for path in production_files()
            if path != TABLE
            for call in logger_calls(path)
            if call.args
            for name in members(call.args[0])
        }

        assert set(LogEvent.__members__) == emitted

    def test_is_logged_with_the_fields_that_it_has_in_the_table(self) -> None:
        """Each call with no other fields, and all calls together with every one."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        strays = []
        for path in production_files():
            for call in logger_calls(path):
                fields = {keyword.arg for keyword in call.keywords} - OF_NO_EVENT
                for name in members(call.args[0]):
                    if not fields <= set(LogEvent[name].fields):
                        strays.append(f"{shown(path)}:{call.lineno}: {name}")
                    found[name] |= {str(field) for field in fields}

        assert [] == strays
        assert {event.name: set(event.fields) for event in LogEvent if event.fields} == {
            name: fields for name, fields in found.items() if fields
        }

    def test_has_all_its_fields_in_the_schema(self) -> None:
        """What is called one thing is called so everywhere; a field nobody has is no field."""
        used = {field for event in LogEvent for field in event.fields}

        assert set(LogField) == used | {*OF_EVERY_LINE, *OF_THE_WORK}
