"""
Where states of an SCXML document begin: there anywhere inside, here with one of the children.
"""

from typing import Any

from control_plane.interchange.ecmascript import NotSayable
from control_plane.interchange.scxml_actions import Content, required
from control_plane.interchange.scxml_outline import Outline, Place
from control_plane.interchange.scxml_words import Refusals


class Beginnings:
    """Works out each state's `initial`. `histories` are states that the root needs for its own."""

    def __init__(self, outline: Outline, content: Content, refusals: Refusals) -> None:
        self._outline = outline
        self._content = content
        self._refusals = refusals
        self._found: dict[str, Any] = {}
        self.histories: dict[str, Any] = {}

    def of(self, place: Place) -> Any:
        """The child that comes first, with what is done on the way. Worked out once."""
        if place.key not in self._found:
            self._found[place.key] = self._read_initial(place)
        return self._found[place.key]

    def _read_initial(self, place: Place) -> Any:
        first = next((child for child in place.children if child.kind != "history"), None)
        written = place.element.attributes.get("initial", "")
        element = place.element
        actions: list[Any] = []
        try:
            for part in place.parts_named("initial"):
                for transition in self._refusals.check_words(part):
                    element = transition
                    written = required(transition, "target")
                    actions = self._content.actions(transition)
            targets = self._outline.find(written)
            if targets:
                first = self._first(place, targets)
        except NotSayable as error:
            self._refusals.refuse(element, error)
        if first is None:
            return None
        return {"target": first.key, "actions": actions} if actions else first.key

    def _first(self, place: Place, targets: list[Place]) -> Place:
        """The child to begin with, so that these become active."""
        if any(not target.is_below(place) for target in targets):
            raise NotSayable(
                "it names a state outside", "name a state inside", "attribute 'initial'"
            )
        children = {_child_above(place, target).key: target for target in targets}
        if len(targets) == 1 and targets[0].parent is place:
            return targets[0]
        if place.parent is None:
            return self._history_of_start(place, targets)
        (child, *more) = [_child_above(place, target) for target in targets]
        climbing, is_default = targets[0], not more and len(children) == 1
        while is_default and climbing is not child:
            above = climbing.parent
            assert above is not None  # a child of `place` is above every target
            is_default = above.kind == "parallel" or self.of(above) == climbing.key
            climbing = above
        if is_default:
            return child
        raise NotSayable(
            "a state begins with one of its own children, which begins as it says itself",
            "name the child, and let it begin with the state that is wanted",
            "attribute 'initial'",
        )

    def _history_of_start(self, place: Place, targets: list[Place]) -> Place:
        """
        The root begins anywhere by way of a history state, that never has anything to remember
        as the root is never left.
        """
        key = "start"
        while key in self._outline.by_id or any(child.key == key for child in place.walk()):
            key = f"_{key}"
        for target in targets:
            self._content.vocabulary.referred.add(target.key)
        names = [f"#{target.key}" for target in targets]
        self.histories[key] = {
            "type": "history",
            "target": names[0] if len(names) == 1 else names,
        }
        return Place(place.element, key, place)


def _child_above(place: Place, target: Place) -> Place:
    return (
        target
        if target.parent is place
        else next(one for one in target.above() if one.parent is place)
    )
