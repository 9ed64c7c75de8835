"""
The elements and attributes of SCXML, and those of a document that are none of them.
"""

from dataclasses import dataclass, field
from typing import Final

from control_plane.interchange.ecmascript import NotSayable
from control_plane.interchange.mapped import MAX_NAMED, Refused
from control_plane.interchange.xml_tree import Element

NAMESPACE: Final = "http://www.w3.org/2005/07/scxml"
_IGNORED_NAMESPACES: Final = frozenset(
    {"http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2001/XMLSchema-instance"}
)

STATES: Final = frozenset({"state", "parallel", "final", "history"})
_ACTIONS: Final = frozenset({"raise", "if", "foreach", "log", "assign", "script", "send", "cancel"})
_INSIDE: Final = frozenset({"onentry", "onexit", "transition", "datamodel", "invoke"})

CHILDREN: Final = {
    "scxml": frozenset({"state", "parallel", "final", "datamodel", "script"}),
    "state": STATES | _INSIDE | {"initial"},
    "parallel": (STATES - {"final"}) | _INSIDE,
    "final": frozenset({"onentry", "onexit", "donedata"}),
    "history": frozenset({"transition"}),
    "initial": frozenset({"transition"}),
    "transition": _ACTIONS,
    "onentry": _ACTIONS,
    "onexit": _ACTIONS,
    "if": _ACTIONS | {"elseif", "else"},
    "datamodel": frozenset({"data"}),
    "donedata": frozenset({"content", "param"}),
    "send": frozenset({"content", "param"}),
    "invoke": frozenset({"content", "param", "finalize"}),
}
ATTRIBUTES: Final = {
    "scxml": frozenset({"initial", "name", "version", "datamodel", "binding"}),
    "state": frozenset({"id", "initial"}),
    "parallel": frozenset({"id"}),
    "final": frozenset({"id"}),
    "history": frozenset({"id", "type"}),
    "transition": frozenset({"event", "cond", "target", "type"}),
    "raise": frozenset({"event"}),
    "if": frozenset({"cond"}),
    "elseif": frozenset({"cond"}),
    "log": frozenset({"label", "expr"}),
    "data": frozenset({"id", "expr"}),
    "assign": frozenset({"location", "expr"}),
    "content": frozenset({"expr"}),
    "param": frozenset({"name", "expr", "location"}),
    "send": frozenset(
        {
            *("event", "eventexpr", "target", "targetexpr", "type", "typeexpr"),
            *("id", "delay", "delayexpr", "namelist"),
        }
    ),
    "cancel": frozenset({"sendid", "sendidexpr"}),
    "invoke": frozenset({"type", "id", "namelist"}),
}
_HOLDS_A_VALUE: Final = frozenset({"data", "content", "assign"})
"""Elements whose text is a value, so that elements inside of them are XML as data."""

_WITHOUT_COUNTERPART: Final = {
    "script": ("a definition holds no programs", "say it with assigns, or with a task"),
    "foreach": ("a definition has no loops", "use an expression over the list, or a task"),
    "finalize": ("what a task gives back is read where it is answered", "move it to the handler"),
    "src": ("nothing is read from other places during an import", "put the content in its place"),
    "srcexpr": ("nothing is read from other places during an import", "write it down"),
    "idlocation": ("ids are known before", "write an id"),
    "autoforward": ("a task gets no events", "leave it out"),
    "typeexpr": ("the kind of a task is known before", "write a type"),
}


@dataclass(slots=True)
class Refusals:
    """Collects what has no place in a definition, and what means something else there."""

    refused: list[Refused] = field(default_factory=list)
    differs: list[Refused] = field(default_factory=list)

    def refuse(self, element: Element, error: NotSayable) -> None:
        """An element is left out for this reason."""
        what = f"<{element.name}>" + (f" {error.what}" if error.what else "")
        _add(self.refused, what, element, error.why, error.remedy)

    def differ(self, element: Element, what: str, why: str, remedy: str) -> None:
        """An element is taken over, with another meaning in a corner."""
        _add(self.differs, f"<{element.name}> {what}".rstrip(), element, why, remedy)

    def check_words(self, element: Element) -> list[Element]:
        """
        The children that may stand in an element; everything else about it that has no
        counterpart is refused by its name.
        """
        known = ATTRIBUTES.get(element.name, frozenset())
        for name in element.attributes:
            if name not in known:
                self.refuse(element, _no_word(name, f"attribute {name!r}"))
        for namespace, name in element.foreign:
            if namespace not in _IGNORED_NAMESPACES:
                what = f"attribute {name!r} of {namespace}"
                self.refuse(element, NotSayable("it is not SCXML's", "leave it out", what))
        found: list[Element] = []
        if element.name in _HOLDS_A_VALUE:
            return found
        for child in element.children:
            if child.namespace not in {"", NAMESPACE}:
                what = f"of {child.namespace}"
                self.refuse(child, NotSayable("it is not SCXML's", "leave it out", what))
            elif child.name not in CHILDREN.get(element.name, frozenset()):
                self.refuse(child, _no_word(child.name, f"in <{element.name}>"))
            elif child.name in _WITHOUT_COUNTERPART:
                self.refuse(child, _no_word(child.name))
            else:
                found.append(child)
        if element.text.strip():
            self.refuse(element, NotSayable("text has no meaning there", "leave it out", "text"))
        return found


def _no_word(name: str, what: str = "") -> NotSayable:
    why, remedy = _WITHOUT_COUNTERPART.get(
        name, ("SCXML has no such word there", "correct it, or leave it out")
    )
    return NotSayable(why, remedy, what)


def _add(found: list[Refused], what: str, element: Element, why: str, remedy: str) -> None:
    if len(found) < MAX_NAMED:
        found.append(Refused(what=what, place=element.place, why=why, remedy=remedy))
