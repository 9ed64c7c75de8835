"""
SCXML in: a document of the W3C's language for statecharts as a definition.
"""

from collections.abc import Iterator
from typing import Any, Final

from control_plane.interchange.ecmascript import NotSayable
from control_plane.interchange.mapped import DocumentUnreadable, Imported
from control_plane.interchange.scxml_actions import Content, literal_text, required
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
        self._data = self._declared()
        vocabulary = Vocabulary(
            data=frozenset(self._data),
            conditions=frozenset(
                name
                for name, (_, element) in self._data.items()
                if element.attributes.get("expr", element.text).strip() in {"true", "false"}
            ),
            keys=self._outline.keys,
            machine_name=root.attributes.get("name", ""),
            referred=set(),
        )
        self._vocabulary = vocabulary
        self._content = Content(vocabulary, self._refusals, _cancelled(root))
        self._referred = vocabulary.referred
        self._transitions = Transitions(
            self._outline, self._content, self._refusals, self._referred, whole_names
        )
        self._histories: dict[str, Any] = {}
        self._initials: dict[str, Any] = {}

    def read(self) -> Imported:
        root = self._outline.root
        element = root.element
        datamodel = element.attributes.get("datamodel", "")
        if datamodel not in _DATAMODELS:
            error = NotSayable(
                "expressions are read as ECMAScript", "translate them", f"datamodel {datamodel!r}"
            )
            self._refusals.refuse(element, error)
        context, assigns = self._context()
        states = {child.key: self._state(child) for child in root.children}
        spec: dict[str, Any] = {}
        name = element.attributes.get("name", "")
        if name and name not in states and name not in self._referred and name.isidentifier():
            spec["id"] = name
        if context:
            spec["context"] = context
        # In SCXML, an event that nobody answers is dropped without a word.
        spec["unhandled"] = "ignore"
        initial = self._initial(root)
        if initial is not None:
            spec["initial"] = initial
        if assigns:
            spec["entry"] = assigns
        spec["states"] = {**states, **self._histories}
        if any(child.kind == "final" and "output" in states[child.key] for child in root.children):
            spec["output"] = {"@expr": "event.output"}
        self._name_states(root, spec["states"])
        refusals = self._refusals
        return Imported(
            spec=spec, refused=tuple(refusals.refused), differs=tuple(refusals.differs)
        )

    def _declared(self) -> dict[str, tuple[Place, Element]]:
        """The data of the whole document: they are one namespace, and all there from the start."""
        found: dict[str, tuple[Place, Element]] = {}
        is_late = self._outline.root.element.attributes.get("binding") == "late"
        for place in self._outline.root.walk():
            for model in place.parts_named("datamodel"):
                for element in self._refusals.check_words(model):
                    try:
                        name = required(element, "id")
                        if name in found:
                            raise NotSayable(f"{name!r} is declared twice", "rename one of them")
                        if name == "@expr" or not name.isidentifier():
                            raise NotSayable(f"{name!r} is no name", "rename it")
                        if is_late and place.parent is not None:
                            raise NotSayable(
                                "late binding gives it a value when its state is first entered",
                                "bind early, and assign it in onentry",
                            )
                    except NotSayable as error:
                        self._refusals.refuse(element, error)
                        continue
                    found[name] = (place, element)
        return found

    def _context(self) -> tuple[dict[str, Any], list[Any]]:
        """
        The values data begin with. Those that are worked out from other data are assigned when
        the machine is entered, in document order, before anything else happens.
        """
        context: dict[str, Any] = {}
        assigns: list[Any] = []
        for name, (_, element) in self._data.items():
            self._refusals.check_words(element)
            text = element.attributes.get("expr")
            context[name] = None
            try:
                if text is None:
                    context[name] = literal_text(element) if element.text.strip() else None
                    continue
                value = self._content.value(element, "expr")
                if self._vocabulary.reads_data(text):
                    assigns.append({"type": "@assign", "context": {name: value}})
                else:
                    context[name] = value
            except NotSayable as error:
                self._refusals.refuse(element, error)
        return context, assigns

    def _state(self, place: Place) -> dict[str, Any]:
        """One state. Its id is taken out again where nothing refers to it."""
        state: dict[str, Any] = {"id": place.key}
        if place.kind == "history":
            return {**state, **self._history(place)}
        if place.kind == "final":
            state["type"] = "final"
        elif place.kind == "parallel" and place.states:
            state["type"] = "parallel"
        elif place.states and (initial := self._initial(place)) is not None:
            state["initial"] = initial
        for word, name in (("entry", "onentry"), ("exit", "onexit")):
            actions = [
                action
                for part in place.parts_named(name)
                for action in self._content.actions(part)
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

    def _initial(self, place: Place) -> Any:
        """The child that comes first, with what is done on the way. Worked out once."""
        if place.key not in self._initials:
            self._initials[place.key] = self._read_initial(place)
        return self._initials[place.key]

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
            is_default = above.kind == "parallel" or self._initial(above) == climbing.key
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
            self._referred.add(target.key)
        names = [f"#{target.key}" for target in targets]
        self._histories[key] = {
            "id": key,
            "type": "history",
            "target": names[0] if len(names) == 1 else names,
        }
        return Place(place.element, key, place)

    def _history(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "history"}
        if place.element.attributes.get("type") == "deep":
            found["history"] = "deep"
        for transition in place.parts_named("transition"):
            try:
                targets = self._outline.find(required(transition, "target"))
                found["target"] = self._transitions.targets(place, targets)
                if self._content.actions(transition):
                    raise NotSayable(
                        "a history's default has no actions", "move them to the state it names"
                    )
            except NotSayable as error:
                self._refusals.refuse(transition, error)
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
            kind = element.attributes.get("type", "")
            try:
                if kind.partition(".")[0] not in TASK_KINDS:
                    raise NotSayable(
                        "it invokes something that is no task",
                        f"one of {', '.join(TASK_KINDS)} can be invoked",
                        f"type {kind!r}",
                    )
                given = self._content.data_of(element)
            except NotSayable as error:
                self._refusals.refuse(element, error)
                continue
            found: dict[str, Any] = {"src": kind}
            if "id" in element.attributes:
                found = {"id": element.attributes["id"], **found}
            yield {**found, "input": given} if given else found

    def _look_at_regions(self, place: Place, heard: list[Heard]) -> None:
        """
        SCXML asks each active leaf by itself, a definition the states above only when no region
        answers. It makes a difference for what leaves nothing, above a parallel state.
        """
        if all(one.has_targets or not one.descriptors for one in heard):
            return
        inside = [
            descriptor
            for below in place.walk()
            if _is_in_region_under(place, below)
            for element in below.parts_named("transition")
            for descriptor in self._transitions.answers(element)
        ]
        for one in heard:
            if one.has_targets or not one.descriptors:
                continue
            if any(
                mine.covers(other) or other.covers(mine)
                for mine in one.descriptors
                for other in inside
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
        for key in self._histories if place.parent is None else ():
            del states[key]["id"]


def _child_above(place: Place, target: Place) -> Place:
    return target if target.parent is place else next(
        one for one in target.above() if one.parent is place
    )


def _is_in_region_under(place: Place, below: Place) -> bool:
    """Whether there is a parallel state between, or `place` is one."""
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


def _cancelled(root: Element) -> frozenset[str] | None:
    """The ids that some `<cancel>` names; None when one of them works its id out."""
    found: set[str] = set()
    waiting = [root]
    while waiting:
        element = waiting.pop()
        waiting.extend(element.children)
        if element.name == "cancel":
            if "sendidexpr" in element.attributes:
                return None
            found.add(element.attributes.get("sendid", ""))
    return frozenset(found)
