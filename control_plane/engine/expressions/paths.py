"""Reading the scope: names, fields, indexes, and asking whether a field is there."""

from collections.abc import Sequence
from datetime import datetime

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.code import Run, Scope
from control_plane.engine.expressions.errors import ExpressionError, Site
from control_plane.engine.expressions.moments import timestamp_of_datetime
from control_plane.engine.expressions.values import Value, kind_of, stored_key


def path(name: str, keys: Sequence[str], sites: Sequence[Site]) -> Run:
    """
    `name.key.key`, read without a look at anything else: what it costs does not depend on
    how much the scope holds. `sites` has one place for the name and one for each key.
    """
    keys = tuple(keys)

    def no_key(scope: Scope, _budget: Budget) -> Value:
        try:
            return scope[name]
        except KeyError:
            raise _missing(scope, name, keys, sites) from None

    def one_key(scope: Scope, _budget: Budget) -> Value:
        try:
            return scope[name][first]
        except (KeyError, TypeError):
            raise _missing(scope, name, keys, sites) from None

    def two_keys(scope: Scope, _budget: Budget) -> Value:
        try:
            return scope[name][first][second]
        except (KeyError, TypeError):
            raise _missing(scope, name, keys, sites) from None

    def many_keys(scope: Scope, _budget: Budget) -> Value:
        try:
            value = scope[name]
            for key in keys:
                value = value[key]
        except (KeyError, TypeError):
            raise _missing(scope, name, keys, sites) from None
        return value

    # Of what the scope can hold, only a map takes a string between brackets: the rest
    # raise TypeError, and _missing says which it was.
    if not keys:
        return no_key
    first = keys[0]
    if len(keys) == 1:
        return one_key
    second = keys[1]
    return two_keys if len(keys) == 2 else many_keys


def current_time(name: str, site: Site) -> Run:
    """The injected time, which is the one name whose value is not JSON."""

    def run(scope: Scope, _budget: Budget) -> Value:
        moment = scope.get(name)
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise site.error(f"{name} is not available here as a datetime with a time zone")
        return timestamp_of_datetime(moment)

    return run


def select(target: Run, key: str, site: Site) -> Run:
    """`target.key` of anything that is no path."""

    def run(scope: Scope, budget: Budget) -> Value:
        value = target(scope, budget)
        if value.__class__ is dict and key in value:
            return value[key]
        raise _no_field(value, key, site)

    return run


def has(target: Run, key: str, site: Site) -> Run:
    """`has(target.key)`: whether the map has the key, null or not. The map itself must exist."""

    def run(scope: Scope, budget: Budget) -> Value:
        value = target(scope, budget)
        if value.__class__ is dict:
            return key in value
        raise site.error(f"has() asks a map, found {kind_of(value)}; ask for what is before .{key}")

    return run


def index(target: Run, key: Run, site: Site) -> Run:
    """`target[key]`: an element of a list, from 0, or the value of a key of a map."""

    def run(scope: Scope, budget: Budget) -> Value:
        container, wanted = target(scope, budget), key(scope, budget)
        if container.__class__ is dict:
            stored = stored_key(wanted)
            if stored is not None and stored in container:
                return container[stored]
            raise site.error(f"no such key ({kind_of(wanted)}); ask first, with key in map")
        if container.__class__ is not list:
            raise site.no_overload("[]", container, wanted)
        if wanted.__class__ is float and wanted.is_integer():
            wanted = int(wanted)
        if wanted.__class__ is not int:
            raise site.no_overload("[]", container, wanted)
        if 0 <= wanted < len(container):
            return container[wanted]
        raise site.error("no such element; a list is counted from 0 to size(list) - 1")

    return run


def _missing(
    scope: Scope, name: str, keys: Sequence[str], sites: Sequence[Site]
) -> ExpressionError:
    if name not in scope:
        return sites[0].error(f"{name} is not available here")
    value, step = scope[name], 0
    while value.__class__ is dict and keys[step] in value:
        value, step = value[keys[step]], step + 1
    return _no_field(value, keys[step], sites[step + 1])


def _no_field(value: Value, key: str, site: Site) -> ExpressionError:
    if value.__class__ is dict:
        return site.error(f"no such key: {key}; ask first, with has()")
    return site.error(f"{kind_of(value)} has no field {key}; only a map has fields")
