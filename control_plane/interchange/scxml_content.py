"""
Actions and guards of a definition as SCXML's executable content and conditions.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement

from control_plane.engine.durations import parse_duration
from control_plane.engine.expressions.syntax import Call, Literal, Logic, Node, Unary
from control_plane.engine.spec.findings import join
from control_plane.engine.spec.outline import Node as State
from control_plane.engine.spec.targets import Targets
from control_plane.engine.spec.vocabulary import builtin
from control_plane.interchange.mapped import MAX_NAMED, LeftOut
from control_plane.interchange.printing import print_expression
from control_plane.interchange.to_ecmascript import (
    NotWritable,
    Scope,
    is_datum,
    kind_of_expression,
)
from control_plane.interchange.tree_names import names_in

NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTERNAL: Final = "#_internal"
MAX_ACTIONS_WRITTEN = 20_000
"""Actions of one document: names that stand for others may multiply them."""


@dataclass(slots=True)
class LeftOuts:
    """Collects what SCXML cannot say."""

    found: list[LeftOut] = field(default_factory=list)

    def add(self, pointer: str, why: str) -> None:
        if len(self.found) < MAX_NAMED:
            self.found.append(LeftOut(json_pointer=pointer, why=why))


@dataclass(slots=True)
class ContentWriter:
    """
    Writes actions, guards and values. `actions`, `guards` and `delays` are the root's named
    ones, which SCXML has no place for: they are written where they are used.
    """

    actions: Mapping[str, Any]
    guards: Mapping[str, Any]
    delays: Mapping[str, Any]
    targets: Targets
    root: State
    ids: Mapping[int, str]
    left_out: LeftOuts
    written: int = 0

    def write(self, parent: Element, value: Any, pointer: str, scope: Scope) -> None:
        """An action or a list of them, appended to an element."""
        several = value if isinstance(value, list) else [] if value is None else [value]
        for at, action in enumerate(several):
            place = join(pointer, at) if isinstance(value, list) else pointer
            self.written += 1
            if self.written > MAX_ACTIONS_WRITTEN:
                self.left_out.add(place, f"a document has at most {MAX_ACTIONS_WRITTEN:,} actions")
                return
            made = Element("made")
            try:
                self._action(made, action, place, scope)
            except NotWritable as error:
                self.left_out.add(place, str(error))
                continue
            parent.extend(made)

    def _action(self, parent: Element, action: Any, pointer: str, scope: Scope) -> None:
        kind = action if isinstance(action, str) else action["type"]
        word = builtin(kind)
        if kind in {"createTask", "compensate"}:
            raise NotWritable("SCXML knows no tasks that outlive a state")
        if word is None:
            body = self.actions[kind]
            inner = _with_params(action, scope, once=isinstance(body, list) and len(body) > 1)
            self.write(parent, body, join("/actions", kind), inner)
            return
        write: dict[str, Callable[[Element, dict[str, Any], str, Scope], None]] = {
            "assign": self._assign,
            "raise": self._raise,
            "cancel": self._cancel,
            "log": self._log,
            "if": self._if,
        }
        if word not in write:
            raise NotWritable(f"SCXML has no counterpart of @{word}")
        write[word](parent, action, pointer, scope)

    def _assign(self, parent: Element, action: dict[str, Any], _: str, scope: Scope) -> None:
        """Values are worked out together here and one after the other there, so order matters."""
        waiting = {key: scope.tree(value) for key, value in action["context"].items()}
        for key in waiting:
            if not is_datum(key):
                raise NotWritable(f"{key!r} cannot be the name of a datum")
        while waiting:
            read_by_others = {
                key: any(key in names_in(tree) for other, tree in waiting.items() if other != key)
                for key in waiting
            }
            free = next((key for key, is_read in read_by_others.items() if not is_read), None)
            if free is None:
                raise NotWritable("its values depend on each other, and are set one by one there")
            text = plain(print_expression(waiting.pop(free)))
            SubElement(parent, "assign", location=free, expr=text)

    def _raise(self, parent: Element, action: dict[str, Any], _: str, scope: Scope) -> None:
        event = action["event"]
        if "@expr" in event:
            raise NotWritable("an event that is worked out as a whole has no counterpart")
        kind, data = event["type"], {key: at for key, at in event.items() if key != "type"}
        if "delay" not in action and not data and isinstance(kind, str):
            SubElement(parent, "raise", event=event_name(kind))
            return
        if isinstance(kind, str):
            send = SubElement(parent, "send", event=event_name(kind))
        else:
            send = SubElement(parent, "send", eventexpr=scope.write(kind))
        if "delay" not in action:
            send.set("target", _INTERNAL)
        else:
            self.set_delay(send, action["delay"], scope)
        if "id" in action:
            if not isinstance(action["id"], str):
                raise NotWritable("an id that is worked out has no counterpart")
            send.set("id", plain(action["id"]))
        self.params(send, data, scope)

    def set_delay(self, element: Element, delay: Any, scope: Scope) -> None:
        """A delay in milliseconds, or as an expression with its unit. Raises NotWritable."""
        if isinstance(delay, str) and delay in self.delays:
            delay = self.delays[delay]
        if isinstance(delay, dict):
            if kind_of_expression(delay["@expr"]) not in {"int", "double"}:
                raise NotWritable("a delay must be seen to be worked out as a number")
            written = print_expression(scope.tree(delay))
            element.set("delayexpr", f"({written}) + 'ms'")
            return
        length = parse_duration(delay)
        if length is None or length.months:
            raise NotWritable("months have no fixed length, and SCXML's delays have one")
        element.set("delay", f"{round(length.exact.total_seconds() * 1000, 3):.15g}ms")

    def params(self, element: Element, data: dict[str, Any], scope: Scope) -> None:
        """What an event or a task is given, a `<param>` each."""
        for key, value in data.items():
            SubElement(element, "param", name=plain(key), expr=plain(scope.write(value)))

    def _cancel(self, parent: Element, action: dict[str, Any], _: str, scope: Scope) -> None:
        if isinstance(action["id"], str):
            SubElement(parent, "cancel", sendid=plain(action["id"]))
        else:
            SubElement(parent, "cancel", sendidexpr=scope.write(action["id"]))

    def _log(self, parent: Element, action: dict[str, Any], _: str, scope: Scope) -> None:
        log = Element("log")
        if isinstance(action.get("label"), str):
            log.set("label", plain(action["label"]))
        value = action.get("args", action.get("value"))
        if value is not None:
            log.set("expr", plain(scope.write(value)))
        parent.append(log)

    def _if(self, parent: Element, action: dict[str, Any], pointer: str, scope: Scope) -> None:
        made: Element | None = None
        for at, branch in enumerate(action["branches"]):
            place = join(join(pointer, "branches"), at)
            guard = branch.get("guard")
            condition = None if guard is None else self.condition(guard, scope)
            if condition is not None and "In(" in condition:
                raise NotWritable("inside of actions, In() asks during the step and not before it")
            if made is None:
                made = SubElement(parent, "if", cond="true" if condition is None else condition)
            elif condition is None:
                SubElement(made, "else")
            else:
                SubElement(made, "elseif", cond=condition)
            self.write(made, branch.get("actions"), join(place, "actions"), scope)
            if condition is None:
                return

    def condition(self, guard: Any, scope: Scope) -> str:
        """A guard as an expression. Raises NotWritable."""
        return plain(print_expression(self._guard(guard, scope)))

    def _guard(self, guard: Any, scope: Scope) -> Node:
        if isinstance(guard, dict) and "@expr" in guard:
            return scope.tree(guard)
        kind = guard if isinstance(guard, str) else guard["type"]
        match builtin(kind):
            case "and" | "or" as word:
                terms = tuple(self._guard(one, scope) for one in guard["guards"])
                return Logic(0, "&&" if word == "and" else "||", terms)
            case "not":
                return Unary(0, "!", self._guard(guard["guard"], scope))
            case "stateIn":
                return self._state_in(guard["state"])
        return self._guard(self.guards[kind]["when"], _with_params(guard, scope))

    def _state_in(self, state: Any) -> Node:
        if not isinstance(state, str):
            raise NotWritable("a state value is written as several In()")
        found = (
            self.targets.by_id(state, "")
            if state.startswith("#")
            else self.targets.below(self.root, state, "")
        )
        assert found is not None  # the spec was compiled
        return Call(0, "In", None, (Literal(0, self.ids[found.index]),))


def event_name(kind: str) -> str:
    """An event's name, which SCXML ends at a space. Raises NotWritable."""
    if kind.split() != [kind]:
        raise NotWritable(f"an event's name cannot hold spaces, as {kind!r} does")
    return plain(kind)


def plain(text: str) -> str:
    """Text that XML can hold. Raises NotWritable."""
    if NOT_XML.search(text):
        raise NotWritable("it holds a character that XML cannot")
    return text


def _with_params(call: Any, scope: Scope, *, once: bool = False) -> Scope:
    """
    The scope of what a name stands for: its parameters are written where they are used. `once`
    says that they are worked out before several actions, and so must be constants.
    """
    given = {} if isinstance(call, str) else call.get("params", {})
    if "@expr" in given or (once and '"@expr"' in json.dumps(given)):
        raise NotWritable("parameters are worked out before the actions they are for")
    return replace(scope, params={key: scope.tree(value) for key, value in given.items()})
