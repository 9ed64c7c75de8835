"""
What a state of a definition answers, in the order in which SCXML has to be asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.etree.ElementTree import Element

from control_plane.engine.spec.findings import join
from control_plane.engine.spec.outline import Node
from control_plane.engine.spec.targets import Targets
from control_plane.interchange.event_names import spell_for_scxml
from control_plane.interchange.scxml_content import ContentWriter, LeftOuts, event_name
from control_plane.interchange.to_ecmascript import NotWritable, Scope

_DONE = "xstate.done."
_ERROR = "xstate.error."


@dataclass(frozen=True, slots=True)
class Answer:
    """A transition: `descriptor` is empty if it is eventless; `delay` is that of an `after`."""

    descriptor: str
    body: dict[str, Any]
    pointer: str
    delay: Any = None


class Answers:
    """
    All transitions of a definition. `targeted` are the states that some of them name, and
    `assigned` the keys of the context that some action sets.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        targets: Targets,
        ids: Mapping[int, str],
        content: ContentWriter,
        left_out: LeftOuts,
        scope: Scope,
    ) -> None:
        self._root = nodes[0]
        self._targets = targets
        self._ids = ids
        self._content = content
        self._left_out = left_out
        self._scope = scope
        self._ids_of_done = {node.id: ids[node.index] for node in nodes}
        self._by_node = {node.index: list(self._read(node)) for node in nodes}
        self.targeted = {
            target.index
            for node in nodes
            for answer in self._by_node[node.index]
            for target in self._targets_of(node, answer)
        }
        self.assigned = _assigned(nodes[0].body)
        self._names = {
            answer.descriptor.removesuffix(".*")
            for answers in self._by_node.values()
            for answer in answers
        }

    def of(self, node: Node) -> list[Answer]:
        """
        The transitions of a state. SCXML asks them as they are written, so what answers a
        longer name stands first, and what answers one name before what answers many.
        """
        return sorted(self._by_node[node.index], key=_rank)

    def invokes(self, node: Node) -> Iterator[tuple[dict[str, Any], str, str]]:
        """The state's invocations, each with its id in SCXML and its JSON pointer."""
        written = node.body.get("invoke", [])
        pointer = join(node.pointer, "invoke")
        for at, invoke in enumerate(written if isinstance(written, list) else [written]):
            own = invoke.get("id", f"{self._ids[node.index]}_{at}")
            yield invoke, own, join(pointer, at) if isinstance(written, list) else pointer

    def write(self, element: Element, node: Node, answer: Answer) -> None:
        """A transition, unless its condition or its event cannot be said."""
        scope = replace(self._scope, answered=_data_of(answer.descriptor))
        made = Element("transition")
        body = answer.body
        try:
            if answer.descriptor:
                name = spell_for_scxml(answer.descriptor)
                if name is None:
                    self._left_out.add(answer.pointer, "SCXML has no such event")
                    return
                made.set("event", event_name(name))
            if "guard" in body:
                made.set("cond", self._content.condition(body["guard"], scope))
        except NotWritable as error:
            self._left_out.add(answer.pointer, str(error))
            return
        self._whereto(made, node, answer)
        self._look_at_name(answer)
        pointer = join(answer.pointer, "actions")
        self._content.write(made, body.get("actions"), pointer, scope)
        for word in ("description", "meta"):
            if word in body:
                self._left_out.add(join(answer.pointer, word), "SCXML has no place for it")
        if not answer.descriptor and "target" not in made.attrib and made.find("assign") is None:
            # Here it is taken once when it changes nothing.
            self._left_out.add(answer.pointer, "SCXML takes it again, for as long as it may")
            if "cond" not in made.attrib and made.find(".//assign") is None:
                return
        element.append(made)

    def _whereto(self, made: Element, node: Node, answer: Answer) -> None:
        """The targets, so that as much is left and entered as in the definition."""
        targets = self._targets_of(node, answer)
        if not targets:
            return
        is_inside = all(one is node or one.is_below(node) for one in targets)
        if is_inside and not answer.body.get("reenter"):
            targets = self._staying(made, node, targets, answer)
        else:
            self._look_at_regions(node, targets, answer)
        if targets:
            made.set("target", " ".join(self._ids[one.index] for one in targets))

    def _staying(
        self, made: Element, node: Node, targets: list[Node], answer: Answer
    ) -> list[Node]:
        """The targets of a transition that does not leave its source."""
        if node in targets:
            targets = self._within(node, answer)
        elif node.kind == "parallel":
            self._left_out.add(
                answer.pointer, "SCXML leaves a parallel state that goes to one of its own"
            )
        if targets and node.kind == "compound":
            made.set("type", "internal")
        return targets

    def _within(self, node: Node, answer: Answer) -> list[Node]:
        """A state that goes to itself stays, and its children begin again."""
        if node.kind == "compound":
            initial = node.body["initial"]
            child = node.child(initial if isinstance(initial, str) else initial["target"])
            assert child is not None  # the spec was compiled
            if isinstance(initial, dict) and initial.get("actions"):
                self._left_out.add(answer.pointer, "the actions of `initial` do not run there")
            return [child]
        if node.kind == "parallel":
            self._left_out.add(answer.pointer, "its regions do not begin again there")
        return []

    def _look_at_regions(self, node: Node, targets: list[Node], answer: Answer) -> None:
        root = self._root
        if (
            node is not root
            and root in targets
            and (root.body.get("exit") or root.body.get("invoke"))
        ):
            self._left_out.add(answer.pointer, "SCXML leaves what it enters: the root, too")
        places = [node, *targets]
        common = next(
            (
                above
                for above in places[0].above()
                if all(one.is_below(above) for one in places[1:])
            ),
            None,
        )
        if common is not None and common.kind == "parallel":
            noticed = [
                word for word in ("entry", "exit", "invoke", "after") if common.body.get(word)
            ]
            if noticed:
                self._left_out.add(
                    answer.pointer,
                    f"SCXML leaves and enters parallel state {self._ids[common.index]!r} itself, "
                    "the definition its regions only",
                )

    def _look_at_name(self, answer: Answer) -> None:
        """A name answers there whatever begins with it."""
        name = answer.descriptor
        if not name or name.endswith("*") or name.startswith("xstate.") or answer.delay is not None:
            return
        longer = sorted(one for one in self._names if one.startswith(f"{name}."))
        if longer:
            self._left_out.add(
                answer.pointer, f"in SCXML, {name!r} also answers {', '.join(map(repr, longer))}"
            )

    def _in_scxml(self, descriptor: str) -> str:
        """A descriptor with the state's id in SCXML, where it is about a state being done."""
        done = f"{_DONE}state."
        own = descriptor.removeprefix(done)
        return done + self._ids_of_done.get(own, own) if own != descriptor else descriptor

    def _targets_of(self, node: Node, answer: Answer) -> list[Node]:
        return self._targets.resolve(node, answer.body.get("target"), "")

    def _read(self, node: Node) -> Iterator[Answer]:
        body, pointer = node.body, node.pointer
        yield from _listed("", body.get("always"), join(pointer, "always"))
        for descriptor, value in body.get("on", {}).items():
            place = join(join(pointer, "on"), descriptor)
            yield from _listed(self._in_scxml(descriptor), value, place)
        own = self._ids[node.index]
        if "onDone" in body:
            done = f"{_DONE}state.{own}"
            yield from _listed(done, body["onDone"], join(pointer, "onDone"))
        for invoke, invoke_id, place in self.invokes(node):
            for word, name in (("onDone", f"{_DONE}actor."), ("onError", f"{_ERROR}actor.")):
                if word in invoke:
                    yield from _listed(name + invoke_id, invoke[word], join(place, word))
        for delay, value in body.get("after", {}).items():
            name = f"after.{delay}.{own}".replace(" ", "_")
            place = join(join(pointer, "after"), delay)
            for answer in _listed(name, value, place):
                yield replace(answer, delay=delay)


def _listed(descriptor: str, value: Any, pointer: str) -> Iterator[Answer]:
    if value is None:
        return
    for at, one in enumerate(value if isinstance(value, list) else [value]):
        body = {"target": one} if isinstance(one, str) else one
        yield Answer(descriptor, body, join(pointer, at) if isinstance(value, list) else pointer)


def _rank(answer: Answer) -> tuple[bool, int]:
    descriptor = answer.descriptor
    return descriptor.endswith("*"), -len(descriptor)


def _data_of(descriptor: str) -> str:
    if descriptor.startswith(_DONE):
        return "output"
    return "error" if descriptor.startswith(_ERROR) else ""


def _assigned(value: Any) -> set[str]:
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if one.get("type") in ("@assign", "@xstate.assign"):
                found.update(one["context"])
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return found
