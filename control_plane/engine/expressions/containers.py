"""List and map literals."""

from collections.abc import Sequence

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.code import Run, Scope
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.values import Value, kind_of, stored_key


def list_of(items: Sequence[Run], site: Site) -> Run:
    """`[item, item]`."""
    items = tuple(items)
    count = len(items)

    def run(scope: Scope, budget: Budget) -> Value:
        budget.build(count, site)
        return [item(scope, budget) for item in items]

    return run


def map_of(entries: Sequence[tuple[Run, Run]], site: Site) -> Run:
    """`{key: value, key: value}`. Keys are strings, ints or bools, each of them once."""
    entries = tuple(entries)
    count = len(entries)

    def run(scope: Scope, budget: Budget) -> Value:
        budget.build(count, site)
        built: dict[Value, Value] = {}
        for key, value in entries:
            written = key(scope, budget)
            stored = None if written.__class__ is float else stored_key(written)
            if stored is None:
                raise site.error(
                    f"a map's key is a string, an int or a bool, found {kind_of(written)}"
                )
            if stored in built:
                raise site.error("a key stands twice in the map; leave one out")
            built[stored] = value(scope, budget)
        return built

    return run
