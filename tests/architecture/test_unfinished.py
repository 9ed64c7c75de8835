"""Nothing is left for later in the tree: it is done, or it is not there."""

import ast
import io
import re
import tokenize
from pathlib import Path

from tests.architecture.tree import parsed, production_files, shown, written_files

LATER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def comments(path: Path) -> list[tokenize.TokenInfo]:
    lines = io.StringIO(path.read_text("utf-8")).readline
    return [token for token in tokenize.generate_tokens(lines) if token.type == tokenize.COMMENT]


def swallows(handler: ast.ExceptHandler) -> bool:
    """Whether it catches everything and does nothing about it."""
    catches_all = handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}
    )
    return catches_all and all(
        isinstance(statement, ast.Pass | ast.Continue)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in handler.body
    )


class TestTheCode:
    def test_leaves_nothing_for_later(self) -> None:
        """A note to oneself is an issue, a changelog line, or done now."""
        notes = [
            f"{shown(path)}:{comment.start[0]}"
            for path in written_files()
            for comment in comments(path)
            if LATER.search(comment.string)
        ]

        assert [] == notes

    def test_implements_what_it_offers(self) -> None:
        """A promise that raises is found by whoever believed it."""
        hollow = [
            f"{shown(path)}:{node.lineno}"
            for path in production_files()
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.Name) and node.id == "NotImplementedError"
        ]

        assert [] == hollow

    def test_swallows_no_error_whole(self) -> None:
        """Catch what you can answer; what nobody expected has to be seen by somebody."""
        swallowed = [
            f"{shown(path)}:{node.lineno}"
            for path in written_files()
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.ExceptHandler) and swallows(node)
        ]

        assert [] == swallowed
