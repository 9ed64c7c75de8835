"""
The names of events: SCXML's, which match by their first tokens, and the engine's.
"""

from dataclasses import dataclass
from typing import Final

OWN_ERRORS: Final = ("error", "error.execution", "error.communication", "error.platform")
"""Descriptors of what a processor of SCXML says when something goes wrong inside of it."""

FAILED_INVOKE: Final = "error.platform."
"""Before an invocation's id: how its failure is written in SCXML, which has no word for it."""

_DONE: Final = {"done.state.": "xstate.done.state.", "done.invoke.": "xstate.done.actor."}
_ERROR: Final = "xstate.error.actor."


def spell_event(name: str, keys: dict[str, str] | None = None) -> str:
    """
    The engine's name of an event of SCXML.

    `keys` gives the key of a state by its id, where that differs.
    """
    for prefix, own in _DONE.items():
        if name.startswith(prefix):
            rest = name.removeprefix(prefix)
            return own + (keys or {}).get(rest, rest)
    if name.startswith(FAILED_INVOKE):
        return _ERROR + name.removeprefix(FAILED_INVOKE)
    return name


def is_own(name: str) -> bool:
    """Whether only the engine sends it."""
    return spell_event(name) != name or name.startswith(("xstate.", "task."))


@dataclass(frozen=True, slots=True)
class Descriptor:
    """
    What a transition answers, by the tokens of the engine's names: those that begin with
    `tokens`, or exactly that one name.
    """

    tokens: tuple[str, ...]
    is_exact: bool = False

    @property
    def written(self) -> str:
        """As the key of a definition's `on`."""
        if not self.tokens:
            return "*"
        name = ".".join(self.tokens)
        return name if self.is_exact else f"{name}.*"

    def covers(self, other: "Descriptor") -> bool:
        """Whether it answers everything that the other does."""
        if self.is_exact:
            return other == self
        return other.tokens[: len(self.tokens)] == self.tokens


def read_descriptors(written: str, keys: dict[str, str], *, whole: bool) -> list[Descriptor]:
    """
    The descriptors of an `event` attribute, but for those of errors that the engine has not.

    With `whole`, a name without `.*` answers that one event and none that begins with it.
    """
    found: dict[Descriptor, None] = {}
    for word in written.split():
        is_open = word.endswith((".*", "."))
        name = word.removesuffix("*").removesuffix(".")
        tokens = tuple(name.split(".")) if name else ()
        if tokens[:2] in {("done", "state"), ("done", "invoke")} and len(tokens) > 2:
            found[Descriptor(tuple(spell_event(name, keys).split(".")), is_exact=True)] = None
        elif name.startswith(FAILED_INVOKE):
            found[Descriptor(tuple(spell_event(name).split(".")), is_exact=True)] = None
        elif tokens == ("done", "state"):
            found[Descriptor(("xstate", "done", "state"))] = None
        elif tokens == ("done", "invoke"):
            found[Descriptor(("xstate", "done", "actor"))] = None
        elif name not in OWN_ERRORS:
            found[Descriptor(tokens, is_exact=whole and not is_open and bool(tokens))] = None
            if tokens == ("done",):
                found[Descriptor(("xstate", "done"))] = None
    return list(found)


def spell_for_scxml(name: str) -> str | None:
    """SCXML's name of an event or a descriptor of the engine; None where it has no such event."""
    if name == "xstate.done.*":
        return "done.*"
    for prefix, own in (*_DONE.items(), (FAILED_INVOKE, _ERROR)):
        if name.startswith(own):
            return prefix + name.removeprefix(own)
    return None if name.startswith(("xstate.", "task.")) else name
