"""
SCXML out: a definition as a document of the W3C's language, as far as that goes.
"""

from typing import Any, Final
from xml.etree.ElementTree import Comment, Element, SubElement, indent, tostring

from control_plane.engine.compiling import compile_spec
from control_plane.engine.expressions.parser import parse
from control_plane.engine.spec.findings import Findings, join
from control_plane.engine.spec.outline import Node, read_outline
from control_plane.engine.spec.targets import Targets
from control_plane.interchange.mapped import Exported
from control_plane.interchange.scxml_answers import Answer, Answers
from control_plane.interchange.scxml_content import NOT_XML, ContentWriter, LeftOuts, plain
from control_plane.interchange.scxml_names import ids_of
from control_plane.interchange.scxml_words import NAMESPACE
from control_plane.interchange.to_ecmascript import NotWritable, Scope, is_datum
from control_plane.interchange.tree_names import names_in

_SAYS_NOTHING: Final = ("$schema", "version", "tags", "meta")
_NEEDS_A_STATE: Final = ("on", "always", "after", "entry", "exit", "invoke", "onDone")
_TASK_WORDS: Final = (
    "retry", "timeout", "queue", "priority", "compensation", "forEach", "concurrency", "join",
    "description", "meta",
)  # fmt: skip
_UNHANDLED: Final = "SCXML drops an event that nobody answers, whatever the definition says"
_END: Final = "end"


def write_scxml(spec: dict[str, Any]) -> Exported:
    """
    The SCXML document of a definition, states in document order.

    What SCXML cannot say is left out and named; so is what it says with another meaning. Raises
    SpecInvalid for a spec that is no definition.
    """
    compile_spec(spec)
    return _Writer(spec).write()


class _Writer:
    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        # The spec was compiled: nothing will be found that has not been looked for.
        self._nodes = read_outline(spec, Findings())
        self._targets = Targets(self._nodes, Findings())
        self._ids = ids_of(self._nodes)
        self._left_out = LeftOuts()
        self._content = ContentWriter(
            actions=spec.get("actions", {}),
            guards=spec.get("guards", {}),
            delays=spec.get("delays", {}),
            targets=self._targets,
            root=self._nodes[0],
            ids=self._ids,
            left_out=self._left_out,
        )
        self._declared = frozenset(spec.get("context", {}))
        self._scope = Scope(self._declared)
        self._answers = Answers(
            self._nodes, self._targets, self._ids, self._content, self._left_out, self._scope
        )

    def write(self) -> Exported:
        root = self._nodes[0]
        document = Element("scxml", xmlns=NAMESPACE, version="1.0", datamodel="ecmascript")
        if "id" in self._spec:
            document.set("name", self._ids[root.index])
        self._words(document, root)
        if self._spec.get("unhandled") != "ignore":
            self._left_out.add("/unhandled", _UNHANDLED)
        if "onCancel" in self._spec:
            self._left_out.add("/onCancel", "SCXML knows no compensation")
        if "guardrails" in self._spec:
            self._left_out.add("/guardrails", "SCXML knows no AI tasks")
        self._datamodel(document)
        if self._needs_a_state(root):
            self._inside_of_one(document, root)
        else:
            if root.kind == "compound":
                begin = root.child(_target_of(root.body["initial"]))
                assert begin is not None  # the spec was compiled
                document.set("initial", self._begin(begin))
            for child in root.children:
                if child.kind != "history":
                    self._state(document, child)
            self._output()
        indent(document)
        text = tostring(document, encoding="unicode", short_empty_elements=True)
        return Exported(
            text=f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n',
            left_out=tuple(self._left_out.found),
        )

    def _needs_a_state(self, root: Node) -> bool:
        """Whether the root has something that `<scxml>` cannot have."""
        body = root.body
        histories = {child.index for child in root.children if child.kind == "history"}
        return (
            root.kind == "parallel"
            or any(body.get(word) for word in _NEEDS_A_STATE)
            or isinstance(body.get("initial"), dict)
            or any(index in self._answers.targeted for index in {root.index, *histories})
        )

    def _inside_of_one(self, document: Element, root: Node) -> None:
        """The root as a state, whose end is the document's."""
        own = self._ids[root.index]
        document.set("initial", own)
        state = self._state(document, root)
        end = f"{own}_{_END}"
        if root.kind == "parallel" or any(child.kind == "final" for child in root.children):
            SubElement(state, "transition", event=f"done.state.{own}", target=end)
            SubElement(document, "final", id=end)
        if "output" in self._spec:
            self._left_out.add("/output", "the root is a state among others there")

    def _output(self) -> None:
        """What a document gives back is what its final state says."""
        output = self._spec.get("output")
        if output is not None and output != {"@expr": "event.output"}:
            self._left_out.add("/output", "SCXML gives back what the final state says itself")

    def _begin(self, begin: Node) -> str:
        if begin.kind != "history":
            return self._ids[begin.index]
        found = self._targets.resolve(begin, begin.body["target"], "")
        return " ".join(self._ids[one.index] for one in found)

    def _datamodel(self, document: Element) -> None:
        """Everything the context begins with, and what is assigned later as null."""
        context: dict[str, Any] = self._spec.get("context", {})
        model = Element("datamodel")
        for key, value in context.items():
            pointer = join("/context", key)
            if not is_datum(key):
                self._left_out.add(pointer, f"{key!r} cannot be the name of a datum")
                continue
            datum = SubElement(model, "data", id=key)
            if _reads_event(value):
                why = "SCXML gives the input of a start to data of the same names"
                self._left_out.add(pointer, why)
                continue
            try:
                datum.set("expr", plain(self._scope.write(value)))
            except NotWritable as error:
                self._left_out.add(pointer, str(error))
        for key in sorted(self._answers.assigned - context.keys()):
            if is_datum(key):
                SubElement(model, "data", id=key, expr="null")
        if len(model):
            document.append(model)

    def _state(self, parent: Element, node: Node) -> Element:
        name = node.kind if node.kind in {"parallel", "final", "history"} else "state"
        element = SubElement(parent, name, id=self._ids[node.index])
        if node.parent is not None:
            self._words(element, node)
        if node.kind == "history":
            self._history(element, node)
            return element
        if node.kind == "compound":
            self._initial(element, node)
        answers = self._answers.of(node)
        self._actions(element, node, "entry", answers)
        self._actions(element, node, "exit", answers)
        if node.kind == "final":
            self._donedata(element, node)
            return element
        self._invokes(element, node)
        for answer in answers:
            self._answers.write(element, node, answer)
        for child in node.children:
            self._state(element, child)
        return element

    def _words(self, element: Element, node: Node) -> None:
        """A description becomes a comment; a comment holds no two hyphens in a row."""
        description = node.body.get("description")
        if description:
            text = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", description)
            element.append(Comment(f" {text} ".replace("-", "\N{HYPHEN}")))
        for word in _SAYS_NOTHING:
            if node.body.get(word):
                self._left_out.add(join(node.pointer, word), "SCXML has no place for it")

    def _initial(self, element: Element, node: Node) -> None:
        initial = node.body["initial"]
        child = node.child(_target_of(initial))
        assert child is not None  # the spec was compiled
        if not isinstance(initial, dict) or not initial.get("actions"):
            element.set("initial", self._ids[child.index])
            return
        transition = SubElement(
            SubElement(element, "initial"), "transition", target=self._ids[child.index]
        )
        pointer = join(join(node.pointer, "initial"), "actions")
        self._content.write(transition, initial["actions"], pointer, self._scope)

    def _history(self, element: Element, node: Node) -> None:
        element.set("type", "deep" if node.body.get("history") == "deep" else "shallow")
        found = self._targets.resolve(node, node.body.get("target"), "")
        if not found and node.parent is not None:
            # SCXML's histories say where they lead at first; ours to where their parent begins.
            parent = node.parent
            child = parent.child(_target_of(parent.body.get("initial", "")))
            found = [child] if child is not None else parent.states
        target = " ".join(self._ids[one.index] for one in found)
        SubElement(element, "transition", target=target)

    def _actions(self, element: Element, node: Node, word: str, answers: list[Answer]) -> None:
        """The author's own actions, then the timers of the state: armed here, disarmed there."""
        made = Element("onentry" if word == "entry" else "onexit")
        self._content.write(made, node.body.get(word), join(node.pointer, word), self._scope)
        timed = {answer.descriptor: answer for answer in answers if answer.delay is not None}
        for answer in timed.values():
            if word == "exit":
                SubElement(made, "cancel", sendid=answer.descriptor)
                continue
            send = Element("send", event=answer.descriptor, id=answer.descriptor)
            try:
                self._content.set_delay(send, answer.delay, self._scope)
            except NotWritable as error:
                self._left_out.add(answer.pointer, str(error))
                continue
            made.append(send)
        if len(made):
            element.append(made)

    def _donedata(self, element: Element, node: Node) -> None:
        if "output" not in node.body:
            return
        pointer = join(node.pointer, "output")
        is_top = node.parent is not None and node.parent.parent is None
        if is_top and not self._needs_a_state(self._nodes[0]) and "output" not in self._spec:
            self._left_out.add(pointer, "the definition's root has no output, so nothing reads it")
            return
        try:
            content = Element("content", expr=plain(self._scope.write(node.body["output"])))
        except NotWritable as error:
            self._left_out.add(pointer, str(error))
            return
        SubElement(element, "donedata").append(content)

    def _invokes(self, element: Element, node: Node) -> None:
        for invoke, own, pointer in self._answers.invokes(node):
            made = Element("invoke", type=plain(invoke["src"]), id=plain(own))
            for word in _TASK_WORDS:
                if word in invoke:
                    self._left_out.add(join(pointer, word), "SCXML has no place for it")
            given = invoke.get("input", {})
            if not isinstance(given, dict) or "@expr" in given:
                self._left_out.add(
                    join(pointer, "input"), "only an input by keys can be written, as <param>s"
                )
                given = {}
            try:
                self._content.params(made, given, self._scope)
            except NotWritable as error:
                self._left_out.add(join(pointer, "input"), str(error))
            element.append(made)


def _target_of(initial: Any) -> str:
    return str(initial["target"] if isinstance(initial, dict) else initial)


def _reads_event(value: Any) -> bool:
    """Whether a value of the context is worked out from the input of the start."""
    if isinstance(value, dict):
        if "@expr" in value:
            return "event" in names_in(parse(value["@expr"]))
        return any(map(_reads_event, value.values()))
    return isinstance(value, list) and any(map(_reads_event, value))
