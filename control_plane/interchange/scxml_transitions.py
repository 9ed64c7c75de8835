"""
Transitions of SCXML: in which order they are asked, and what they leave.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from control_plane.engine.limits import MAX_TRANSITIONS
from control_plane.interchange.ecmascript import NotSayable
from control_plane.interchange.event_names import (
    OWN_ERRORS,
    Descriptor,
    read_descriptors,
)
from control_plane.interchange.mapped import DocumentUnreadable
from control_plane.interchange.scxml_actions import Content
from control_plane.interchange.scxml_outline import Outline, Place
from control_plane.interchange.scxml_words import Refusals
from control_plane.interchange.to_cel import Answered
from control_plane.interchange.xml_tree import Element

_KEPT_BY_ENTERING = ("onentry", "onexit", "invoke")


@dataclass(frozen=True, slots=True)
class Heard:
    """A transition as a definition says it, and what it answers; nothing if it is eventless."""

    descriptors: tuple[Descriptor, ...]
    body: dict[str, Any]
    has_targets: bool
    element: Element


@dataclass(frozen=True, slots=True)
class Transitions:
    """Reads transitions. `referred` gathers the keys that have to be ids as well."""

    outline: Outline
    content: Content
    refusals: Refusals
    referred: set[str]
    whole_names: bool

    def heard(self, place: Place) -> list[Heard]:
        """The transitions of a state, in document order."""
        found: list[Heard] = []
        for element in place.parts_named("transition"):
            try:
                found.append(self._transition(place, element))
            except NotSayable as error:
                self.refusals.refuse(element, error)
        return found

    def _transition(self, place: Place, element: Element) -> Heard:
        descriptors = self._descriptors(element)
        answered = _answered(descriptors)
        body: dict[str, Any] = {}
        targets = self.outline.find(element.attributes.get("target", ""))
        if targets:
            body["target"] = self.targets(place, targets)
            if self._leaves_itself(place, targets, element):
                body["reenter"] = True
        condition = element.attributes.get("cond", "true")
        if condition.strip() != "true":
            body["guard"] = self.content.guard(element, condition, answered)
        actions = self.content.actions(element, answered)
        if actions:
            body["actions"] = actions
        if not descriptors and not body:
            raise NotSayable("it says neither when nor whereto", "add event, cond or target")
        return Heard(tuple(descriptors), body, bool(targets), element)

    def _descriptors(self, element: Element) -> list[Descriptor]:
        written = element.attributes.get("event", "")
        found = self.answers(element)
        for word in written.split():
            if word.removesuffix("*").removesuffix(".") in OWN_ERRORS:
                error = NotSayable(
                    "an error inside is no event here: a sender's event is refused, and an "
                    "instance that fails says where",
                    "guard against it with has(…), or answer a task's onError",
                    f"event {word!r}",
                )
                if not found:
                    raise error
                self.refusals.refuse(element, error)
        return found

    def answers(self, element: Element) -> list[Descriptor]:
        """What a transition answers, without a word about what it cannot."""
        written = element.attributes.get("event", "")
        return read_descriptors(written, self.outline.keys, whole=self.whole_names)

    def targets(self, source: Place, targets: Sequence[Place]) -> str | list[str]:
        """The targets as a definition writes them."""
        found = [self._target(source, target) for target in targets]
        return found[0] if len(found) == 1 else found

    def _target(self, source: Place, target: Place) -> str:
        if target.parent is source.parent:
            return target.key
        if target.parent is source:
            return f".{target.key}"
        self.referred.add(target.key)
        return f"#{target.key}"

    def _leaves_itself(self, place: Place, targets: Sequence[Place], element: Element) -> bool:
        """
        Whether the source is left where a definition would stay inside of it; and, of a
        transition that SCXML has leave a parallel state too, a word about that.
        """
        is_inside = all(target is place or target.is_below(place) for target in targets)
        is_internal = element.attributes.get("type") == "internal"
        if is_internal and place.is_compound and all(one.is_below(place) for one in targets):
            return False
        common = _nearest_above([place, *targets])
        lost = [one for one in _parallels_from(common) if _notices(one)]
        if lost:
            name = lost[0].element.attributes.get("id", lost[0].key)
            self.refusals.differ(
                element,
                f"target {element.attributes['target']!r}",
                f"it goes from one region of parallel state {name!r} to another: SCXML leaves "
                f"and enters {name!r} itself, a definition its regions only",
                f"move the onentry, onexit and invoke of {name!r} to its regions",
            )
        return is_inside


def arrange(heard: Iterable[Heard]) -> dict[str, Any]:
    """
    The `on` of a state, so that transitions are asked in document order.

    A definition asks the longest descriptor first, then shorter ones. So a transition with a
    shorter one, that stands before one with a longer one, is repeated there.
    """
    listed = [one for one in heard if one.descriptors]
    found: dict[str, Any] = {}
    count = 0
    for descriptor in dict.fromkeys(own for one in listed for own in one.descriptors):
        last = max(at for at, one in enumerate(listed) if descriptor in one.descriptors)
        bodies = [
            one.body
            for one in listed[: last + 1]
            if any(own.covers(descriptor) for own in one.descriptors)
        ]
        count += len(bodies)
        if count > MAX_TRANSITIONS:
            raise DocumentUnreadable(
                f"{listed[0].element.place}: the transitions of this state answer events in so "
                f"many ways that a definition would need more than {MAX_TRANSITIONS} of them; "
                "put those that answer `*` last"
            )
        found[descriptor.written] = shortest(bodies)
    return found


def shortest(bodies: list[dict[str, Any]]) -> Any:
    """One transition by itself, several as a list; a target alone where there is no more."""
    several = [
        body["target"] if body.keys() == {"target"} and isinstance(body["target"], str) else body
        for body in bodies
    ]
    return several[0] if len(several) == 1 else several


def _answered(descriptors: Iterable[Descriptor]) -> Answered:
    kinds = {descriptor.tokens[:2] for descriptor in descriptors}
    if kinds == {("xstate", "done")}:
        return "output"
    return "error" if kinds == {("xstate", "error")} else "sent"


def _nearest_above(places: Sequence[Place]) -> Place:
    """The nearest state that all of these are properly below."""
    return next(
        above for above in places[0].above() if all(one.is_below(above) for one in places[1:])
    )


def _parallels_from(place: Place) -> list[Place]:
    """A parallel state and those it is a region of."""
    found: list[Place] = []
    climbing: Place | None = place
    while climbing is not None and climbing.kind == "parallel":
        found.append(climbing)
        climbing = climbing.parent
    return found


def _notices(place: Place) -> bool:
    """Whether it makes a difference that a state is left and entered."""
    return any(place.parts_named(name) for name in _KEPT_BY_ENTERING)
