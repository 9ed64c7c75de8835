"""
The tree of states of an SCXML document, and how each is called in a definition.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Final

from control_plane.engine.limits import MAX_STATES, MAX_TRANSITIONS
from control_plane.interchange.ecmascript import NotSayable
from control_plane.interchange.mapped import DocumentUnreadable
from control_plane.interchange.scxml_words import STATES, Refusals
from control_plane.interchange.xml_tree import Element

_NOT_IN_KEYS: Final = re.compile(r"[.#\x00-\x1f\x7f]")
_INTEGER: Final = re.compile(r"[0-9]+")


@dataclass(slots=True, eq=False)
class Place:
    """A state of the document. `parts` are its other children, as far as they are SCXML."""

    element: Element
    key: str
    parent: "Place | None"
    children: list["Place"] = field(default_factory=list)
    parts: list[Element] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.element.name

    @property
    def is_compound(self) -> bool:
        """Whether exactly one child of it is active; the whole document is one, too."""
        return self.kind == "scxml" or (self.kind == "state" and bool(self.states))

    @property
    def states(self) -> list["Place"]:
        """The children that can be active."""
        return [child for child in self.children if child.kind != "history"]

    def above(self) -> Iterator["Place"]:
        """The proper ancestors, nearest first."""
        place = self.parent
        while place is not None:
            yield place
            place = place.parent

    def is_below(self, other: "Place") -> bool:
        return any(place is other for place in self.above())

    def parts_named(self, name: str) -> list[Element]:
        return [part for part in self.parts if part.name == name]

    def walk(self) -> Iterator["Place"]:
        """This and everything below, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()


class Outline:
    """All states by their ids. Keys are unique in the whole document, as ids are."""

    def __init__(self, root: Element, refusals: Refusals) -> None:
        self._refusals = refusals
        _check_size(root)
        self._taken: set[str] = {
            one for element in _below(root, STATES) if (one := element.attributes.get("id"))
        }
        self.by_id: dict[str, Place] = {}
        self.root = Place(root, "", None)
        self._fill(self.root)
        self.keys = {own: place.key for own, place in self.by_id.items()}
        """The key of each state that has an id."""

    def find(self, ids: str) -> list[Place]:
        """The states that a list of ids names. Raises NotSayable for one that names none."""
        found: list[Place] = []
        for one in ids.split():
            if one not in self.by_id:
                raise NotSayable(f"no state has the id {one!r}", "correct the id")
            found.append(self.by_id[one])
        return found

    def _fill(self, place: Place) -> None:
        for element in self._refusals.check_words(place.element):
            if element.name not in STATES:
                place.parts.append(element)
                continue
            own = element.attributes.get("id", "")
            if own in self.by_id:
                error = NotSayable(f"the id {own!r} is taken", "give it another id")
                self._refusals.refuse(element, error)
                continue
            child = Place(element, self._key(element, own), place)
            place.children.append(child)
            if own:
                self.by_id[own] = child
            self._fill(child)

    def _key(self, element: Element, own: str) -> str:
        """The id, where it can be a key; else one that is near it and free."""
        wanted = _NOT_IN_KEYS.sub("_", own) or element.name
        if _INTEGER.fullmatch(wanted):
            wanted = f"_{wanted}"
        if wanted == own:
            return own
        key, number = wanted, 1
        while key in self._taken:
            number += 1
            key = f"{wanted}{number}"
        self._taken.add(key)
        if own:
            self._refusals.differ(
                element,
                f"id {own!r}",
                f"keys of states hold no dots and are no numbers: it is called {key!r}",
                "use that name, or choose another id",
            )
        return key


def _check_size(root: Element) -> None:
    """A definition has bounds; far beyond them, reading would only take time."""
    states = sum(1 for _ in _below(root, STATES))
    if states > MAX_STATES:
        raise DocumentUnreadable(
            f"the document has {states} states; a definition has at most {MAX_STATES}"
        )
    answers = sum(
        len(one.attributes.get("event", "*").split()) for one in _below(root, {"transition"})
    )
    if answers > MAX_TRANSITIONS:
        raise DocumentUnreadable(
            f"the document has {answers} transitions, counted once for each event they answer; "
            f"a definition has at most {MAX_TRANSITIONS}"
        )


def _below(root: Element, names: Container[str]) -> Iterator[Element]:
    waiting = [root]
    while waiting:
        element = waiting.pop()
        waiting.extend(element.children)
        if element.name in names:
            yield element
