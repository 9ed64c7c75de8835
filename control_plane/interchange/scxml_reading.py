"""
SCXML in: a document of the W3C's language for statecharts as a definition.
"""

from collections.abc import Iterator
from typing import Any, Final

from control_plane.interchange.ecmascript import NotSayable
from control_plane.interchange.mapped import DocumentUnreadable, Imported
from control_plane.interchange.scxml_actions import Content, cancelled_ids, required
from control_plane.interchange.scxml_beginnings import Beginnings
from control_plane.interchange.scxml_data import Datamodel
from control_plane.interchange.scxml_outline import Outline, Place
from control_plane.interchange.scxml_transitions import Heard, Transitions, arrange, shortest
from control_plane.interchange.scxml_words import NAMESPACE, Refusals
from control_plane.interchange.to_cel import Vocabulary
from control_plane.interchange.xml_tree import Element, read_xml

TASK_KINDS: Final = ("human", "timer", "http", "email", "ai", "workflow", "system")
"""How the types of invocations begin that are kinds of tasks."""

_DATAMODELS: Final = frozenset({"", "ecmascript", "null"})


def read_scxml(text: str, *, whole_names: bool = False) -> Imported:
    """
    The definition that an SCXML document means, states in document order.

    Descriptors of events match by their first tokens, as in SCXML: `event="a"` becomes `a.*`.
    With `whole_names` it becomes `a`, and answers that one event. Raises DocumentUnreadable for
    a text that is no SCXML; what has no counterpart is left out and named.
    """
    root = read_xml(text)
    if root.name != "scxml" or root.namespace not in {"", NAMESPACE}:
        raise DocumentUnreadable(
            f"{root.place}: the document begins with <{root.name}>, not with <scxml> of {NAMESPACE}"
        )
    return _Reader(root, whole_names=whole_names).read()


class _Reader:
    def __init__(self, root: Element, *, whole_names: bool) -> None:
        self._refusals = Refusals()
        self._outline = Outline(root, self._refusals)
        self._datamodel = Datamodel(self._outline, self._refusals)
        vocabulary = Vocabulary(
            data=self._datamodel.names,
            conditions=self._datamodel.conditions,
            keys=self._outline.keys,
            machine_name=root.attributes.get("name", ""),
            referred=set(),
        )
        self._content = Content(vocabulary, self._refusals, cancelled_ids(root))
        self._referred = vocabulary.referred
        self._beginnings = Beginnings(self._outline, self._content, self._refusals)
        self._transitions = Transitions(
            self._outline, self._content, self._refusals, self._referred, whole_names
        )

    def read(self) -> Imported:
        root = self._outline.root
        element = root.element
        datamodel = element.attributes.get("datamodel", "")
        if datamodel not in _DATAMODELS:
            error = NotSayable(
                "expressions are read as ECMAScript", "translate them", f"datamodel {datamodel!r}"
            )
            self._refusals.refuse(element, error)
        context, assigns = self._datamodel.context(self._content)
        states = {child.key: self._state(child) for child in root.children}
        spec: dict[str, Any] = {}
        name = element.attributes.get("name", "")
        if name and name not in states and name not in self._referred and name.isidentifier():
            spec["id"] = name
        if context:
            spec["context"] = context
        # In SCXML, an event that nobody answers is dropped without a word.
        spec["unhandled"] = "ignore"
        initial = self._beginnings.of(root)
        if initial is not None:
            spec["initial"] = initial
        if assigns:
            spec["entry"] = assigns
        self._name_states(root, states)
        spec["states"] = {**states, **self._beginnings.histories}
        if any(child.kind == "final" and "output" in states[child.key] for child in root.children):
            spec["output"] = {"@expr": "event.output"}
        return Imported(
            spec=spec,
            refused=tuple(self._refusals.refused),
            differs=tuple(self._refusals.differs),
        )

    def _state(self, place: Place) -> dict[str, Any]:
        """One state. Its id is taken out again where nothing refers to it."""
        state: dict[str, Any] = {"id": place.key}
        if place.kind == "history":
            return {**state, **self._history(place)}
        if place.kind == "final":
            state["type"] = "final"
        elif place.kind == "parallel" and place.states:
            state["type"] = "parallel"
        elif place.states and (initial := self._beginnings.of(place)) is not None:
            state["initial"] = initial
        for word, name in (("entry", "onentry"), ("exit", "onexit")):
            actions = [
                action for part in place.parts_named(name) for action in self._content.actions(part)
            ]
            if actions:
                state[word] = actions
        if place.kind == "final":
            self._donedata(place, state)
            return state
        invokes = list(self._invokes(place))
        if invokes:
            state["invoke"] = invokes if len(invokes) > 1 else invokes[0]
        heard = self._transitions.heard(place)
        self._look_at_regions(place, heard)
        always = [one.body for one in heard if not one.descriptors]
        if always:
            state["always"] = shortest(always)
        on = arrange(heard)
        done = f"xstate.done.state.{place.key}"
        if done in on:
            self._referred.add(place.key)
            if _can_be_done(place):
                state["onDone"] = on.pop(done)
        for descriptor in on:
            self._referred.add(descriptor.removeprefix("xstate.done.state."))
        for invoke in invokes:
            for word, ending in (("onDone", "done"), ("onError", "error")):
                if (name := f"xstate.{ending}.actor.{invoke.get('id')}") in on:
                    invoke[word] = on.pop(name)
        if on:
            state["on"] = on
        if place.children:
            state["states"] = {child.key: self._state(child) for child in place.children}
        return state

    def _history(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "history"}
        if place.element.attributes.get("type") == "deep":
            found["history"] = "deep"
        for transition in place.parts_named("transition"):
            try:
                targets = self._outline.find(required(transition, "target"))
                found["target"] = self._transitions.targets(place, targets)
            except NotSayable as error:
                self._refusals.refuse(transition, error)
            if self._content.actions(transition):
                no_actions = NotSayable(
                    "a history's default has no actions", "move them to the state it names"
                )
                self._refusals.refuse(transition, no_actions)
        return found

    def _donedata(self, place: Place, state: dict[str, Any]) -> None:
        for element in place.parts_named("donedata"):
            try:
                contents = [one for one in element.children if one.name == "content"]
                state["output"] = (
                    self._content.content(contents[0])
                    if contents
                    else self._content.data_of(element)
                )
            except NotSayable as error:
                self._refusals.refuse(element, error)

    def _invokes(self, place: Place) -> Iterator[dict[str, Any]]:
        for element in place.parts_named("invoke"):
            try:
                yield self._invoke(element)
            except NotSayable as error:
                self._refusals.refuse(element, error)

    def _invoke(self, element: Element) -> dict[str, Any]:
        kind = element.attributes.get("type", "")
        if kind.partition(".")[0] not in TASK_KINDS:
            raise NotSayable(
                "it invokes something that is no task",
                f"one of {', '.join(TASK_KINDS)} can be invoked",
                f"type {kind!r}",
            )
        given = self._content.data_of(element)
        found: dict[str, Any] = {"src": kind}
        if "id" in element.attributes:
            found = {"id": element.attributes["id"], **found}
        return {**found, "input": given} if given else found

    def _look_at_regions(self, place: Place, heard: list[Heard]) -> None:
        """
        SCXML asks each active leaf by itself, a definition the states above only when no region
        answers. Where one of the two leaves nothing, SCXML runs both.
        """
        inside = [
            (descriptor, "target" in element.attributes)
            for below in place.walk()
            if _is_in_region_under(place, below)
            for element in below.parts_named("transition")
            for descriptor in self._transitions.answers(element)
        ]
        for one in heard:
            if any(
                (mine.covers(other) or other.covers(mine)) and not (one.has_targets and has_targets)
                for mine in one.descriptors
                for other, has_targets in inside
            ):
                self._refusals.differ(
                    one.element,
                    f"event {one.element.attributes['event']!r}",
                    "a region below answers the same event: SCXML runs both where another region "
                    "does not answer, a definition only the region's",
                    "put it into a region of its own",
                )

    def _name_states(self, place: Place, states: dict[str, Any]) -> None:
        for child in place.children:
            state = states[child.key]
            if child.key not in self._referred:
                del state["id"]
            self._name_states(child, state.get("states", {}))


def _is_in_region_under(place: Place, below: Place) -> bool:
    """Whether it is below a parallel state that is `place`, or is below that."""
    if below is place:
        return False
    for above in below.above():
        if above.kind == "parallel":
            return True
        if above is place:
            return False
    return False


def _can_be_done(place: Place) -> bool:
    if place.kind == "parallel":
        return bool(place.states) and all(_can_be_done(region) for region in place.states)
    return any(child.kind == "final" for child in place.children)
