"""
How a bug is put into the product for the length of a block: a function's own text with one
place changed, a statement's, or an SQL function's. A place that is not there any more is an
error, so that a table of bugs cannot go stale.
"""

import ast
import inspect
import textwrap
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Protocol

import asyncpg

import migrations
from control_plane.adapters.postgres import write_batch

SQL = Path(migrations.__file__).parent / "sql"


class Mutation(Protocol):
    async def apply(self, owner: asyncpg.Connection) -> None: ...

    async def restore(self, owner: asyncpg.Connection) -> None: ...


class Code:
    """A function, wherever it was imported to: its code is exchanged in place."""

    def __init__(self, function: Callable[..., Any], *places: tuple[str, str]) -> None:
        assert isinstance(function, FunctionType)
        self._function = function
        self._was = function.__code__
        self._changed = _compiled(function, changed(_source(function), *places))

    async def apply(self, owner: asyncpg.Connection) -> None:
        self.put_in()

    def put_in(self) -> None:
        """Into this process."""
        self._function.__code__ = self._changed

    async def restore(self, owner: asyncpg.Connection) -> None:
        self._function.__code__ = self._was


class Statement:
    """A statement that a module keeps as a constant."""

    def __init__(self, module: ModuleType, name: str, *places: tuple[str, str]) -> None:
        self._module = module
        self._name = name
        self._was = getattr(module, name)
        self._changed = changed(self._was, *places)

    async def apply(self, owner: asyncpg.Connection) -> None:
        self.put_in()

    def put_in(self) -> None:
        """Into this process."""
        setattr(self._module, self._name, self._changed)

    async def restore(self, owner: asyncpg.Connection) -> None:
        setattr(self._module, self._name, self._was)


class TurnStatement:
    """What the statement of a turn is put together from. Each place is in one of its texts."""

    def __init__(self, *places: tuple[str, str]) -> None:
        self._was = write_batch.PARTS
        self._changed = dict(self._was)
        for place in places:
            [(name, text)] = [
                (name, text)
                for name, part in self._changed.items()
                for text in ("judging", "keeping", "claimable")
                if place[0] in getattr(part, text)
            ]
            part = self._changed[name]
            rewritten: Any = {text: changed(getattr(part, text), place)}
            self._changed[name] = replace(part, **rewritten)

    async def apply(self, owner: asyncpg.Connection) -> None:
        self.put_in()

    def put_in(self) -> None:
        """Into this process."""
        write_batch.PARTS = self._changed
        write_batch.text_of.cache_clear()

    async def restore(self, owner: asyncpg.Connection) -> None:
        write_batch.PARTS = self._was
        write_batch.text_of.cache_clear()


class SqlFunction:
    """A function of the database, by its file in migrations/sql."""

    def __init__(self, file: str, *places: tuple[str, str]) -> None:
        text = (SQL / file).read_text("utf-8")
        self._was = _replacing(text)
        self._changed = _replacing(changed(text, *places))

    async def apply(self, owner: asyncpg.Connection) -> None:
        await owner.execute(self._changed)

    async def restore(self, owner: asyncpg.Connection) -> None:
        await owner.execute(self._was)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """What somebody might have got wrong, and what must notice it."""

    mutations: Sequence[Mutation]
    caught_by: str
    """`reference`, or the invariant that the doctor finds broken."""
    often: Sequence[str] = ()
    """Moves on which it shows, where the usual ones would take long to come by them."""


@asynccontextmanager
async def with_bug(bug: Bug, owner: asyncpg.Connection) -> AsyncIterator[None]:
    """The product with the bug, until the block is left."""
    async with AsyncExitStack() as exits:
        for mutation in bug.mutations:
            exits.push_async_callback(mutation.restore, owner)
            await mutation.apply(owner)
        yield


def changed(text: str, *places: tuple[str, str]) -> str:
    """The text with each of its places changed, which must be there once."""
    for old, new in places:
        assert 1 == text.count(old), f"{old!r} is there {text.count(old)} times; rewrite the bug"
        text = text.replace(old, new)
    return text


def _source(function: FunctionType) -> str:
    return textwrap.dedent(inspect.getsource(function))


def _compiled(function: FunctionType, source: str) -> CodeType:
    tree = ast.parse(source)
    [definition] = tree.body
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    definition.decorator_list = []
    made: dict[str, Any] = {}
    exec(compile(tree, function.__code__.co_filename, "exec"), function.__globals__, made)
    code: CodeType = made[function.__name__].__code__
    return code


def _replacing(text: str) -> str:
    return text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
