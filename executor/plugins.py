"""
What other packages bring along for an executor, by the entry points of Python packages:
functions, handlers, and adapters of ports.

Being installed is not enough. A package comes into an environment as the dependency of a
dependency, and what it brings would run with the executor's credentials: so only those are
loaded that FOLIOT_PLUGINS names, and not a line of the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from typing import Any, NoReturn, TypeAlias

from executor.functions import Functions
from executor.handlers import Handler
from shared.errors import InvalidRequest
from shared.tasks import TaskType

FUNCTIONS = "foliot.functions"
HANDLERS = "foliot.handlers"
ADAPTERS = "foliot.adapters."

PORTS = ("email", "http", "llm", "objects", "secrets")
"""The ports that a package may bring an adapter of, in the group `foliot.adapters.<port>`."""

GROUPS = (FUNCTIONS, HANDLERS, *(ADAPTERS + port for port in PORTS))

Opening: TypeAlias = Callable[[], AbstractAsyncContextManager[Any]]
"""Makes an adapter, which is open for as long as the block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """All that the packages bring, without conflicts between them."""

    functions: Functions = field(default_factory=Functions)
    handlers: Sequence[Handler] = ()
    adapters: Mapping[str, Opening] = field(default_factory=dict)
    """By port."""
    brings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """For the log: `<group>:<name>` by package and version."""


def load_plugins(names: Sequence[str]) -> Plugins:
    """
    What the packages bring. Raises InvalidRequest with a remedy for one that is not installed,
    brings nothing, cannot be loaded, or brings what another one brings.
    """
    packages = {found.name: found for found in map(_installed, names)}
    functions = Functions()
    handlers: dict[TaskType, tuple[str, Handler]] = {}
    adapters: dict[str, tuple[str, Opening]] = {}
    brings: dict[str, list[str]] = {}
    for name, package in packages.items():
        for entry in _entries(name, package):
            brings.setdefault(f"{name} {package.version}", []).append(f"{entry.group}:{entry.name}")
            loaded = _loaded(name, entry)
            if entry.group == FUNCTIONS:
                functions = functions.including(_functions(name, entry, loaded))
            elif entry.group == HANDLERS:
                handler = _handler(name, entry, loaded)
                for type_ in filter(handler.can_handle, TaskType):
                    _claim(handlers, type_, name, handler, f"{type_} tasks")
            else:
                port = entry.group.removeprefix(ADAPTERS)
                if not callable(loaded):
                    _refuse(name, entry, "is nothing to call, as what opens an adapter is")
                _claim(adapters, port, name, loaded, f"the port {port}")
    return Plugins(
        functions=functions,
        handlers=tuple(dict.fromkeys(handler for _, handler in handlers.values())),
        adapters={port: opening for port, (_, opening) in adapters.items()},
        brings=brings,
    )


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except (PackageNotFoundError, ValueError):
        raise InvalidRequest(
            f"FOLIOT_PLUGINS names {name!r}, and no package of this name is installed here;"
            " install it into the executor's environment, or take it out of the list",
            field="plugins",
        ) from None


def _entries(name: str, package: Distribution) -> Iterator[EntryPoint]:
    """The package's entry points for us. One in a group that we do not know is a typing error."""
    ours = [entry for entry in package.entry_points if entry.group.startswith("foliot.")]
    if not ours:
        raise InvalidRequest(
            f"the package {name!r} in FOLIOT_PLUGINS brings nothing for an executor: it has no"
            f" entry point in any of {', '.join(GROUPS)}",
            field="plugins",
        )
    for entry in ours:
        if entry.group not in GROUPS:
            close = get_close_matches(entry.group, GROUPS, n=1, cutoff=0.8)
            meant = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(GROUPS)}"
            _refuse(name, entry, f"is in a group that foliot does not know; {meant}")
        yield entry


def _loaded(name: str, entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:
        raise InvalidRequest(
            f"the entry point {entry.group}:{entry.name} of {name!r} cannot be imported from"
            f" {entry.value!r}: {type(error).__name__}: {error}; correct the package, or take it"
            " out of FOLIOT_PLUGINS",
            field="plugins",
        ) from error


def _functions(name: str, entry: EntryPoint, loaded: Any) -> Functions:
    if not isinstance(loaded, Functions):
        _refuse(name, entry, f"is a {type(loaded).__name__}, not executor.functions.Functions")
    return loaded


def _handler(name: str, entry: EntryPoint, loaded: Any) -> Handler:
    """A handler, or what makes one when it is called."""
    if isinstance(loaded, type) or not hasattr(loaded, "execute"):
        if not callable(loaded):
            _refuse(name, entry, "is no handler, and nothing that makes one")
        loaded = loaded()
    handler: Handler = loaded
    if not callable(getattr(handler, "execute", None)) or not callable(
        getattr(handler, "can_handle", None)
    ):
        _refuse(name, entry, "has no execute() or no can_handle(); see executor.handlers.Handler")
    if not any(map(handler.can_handle, TaskType)):
        _refuse(name, entry, f"handles none of {', '.join(TaskType)}")
    return handler


def _claim(taken: dict[Any, Any], what: Any, name: str, it: Any, called: str) -> None:
    if what in taken:
        raise InvalidRequest(
            f"{taken[what][0]!r} and {name!r} in FOLIOT_PLUGINS both bring something for {called};"
            " take one of them out, or run them in executors with different queues",
            field="plugins",
        )
    taken[what] = (name, it)


def _refuse(name: str, entry: EntryPoint, why: str) -> NoReturn:
    raise InvalidRequest(
        f"the entry point {entry.group}:{entry.name} of the package {name!r} {why}", field="plugins"
    )
