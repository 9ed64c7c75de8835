"""
The tables of a machine, from the outline of its states.
"""

from typing import Any

import orjson

from control_plane.engine.actions import Action
from control_plane.engine.delays import Delay
from control_plane.engine.guards import Guard
from control_plane.engine.invocations import Invocation
from control_plane.engine.limits import (
    MAX_CONTEXT_BYTES,
    MAX_JSON_DEPTH,
    MAX_NAME_LENGTH,
    MAX_TASKS_PER_TRANSITION,
    MAX_TRANSITIONS,
)
from control_plane.engine.naming import state_words
from control_plane.engine.sizing import depth_of
from control_plane.engine.spec.acting import Actions
from control_plane.engine.spec.calling import check_count
from control_plane.engine.spec.findings import EnoughFound, Findings, join, quote
from control_plane.engine.spec.guarding import Guards
from control_plane.engine.spec.outline import NAME, Node, is_name, unknown_keys, wrong_type
from control_plane.engine.spec.restricting import Restrictions
from control_plane.engine.spec.targets import Targets
from control_plane.engine.spec.tasking import Tasks
from control_plane.engine.spec.values import Values
from control_plane.engine.spec.vocabulary import INVOKE, TRANSITION
from control_plane.engine.states import NO_STATE, State, Timed, Transition
from control_plane.engine.templates import Constant, Template


class Assembler:
    """Makes the states of a machine, one after the other, in document order."""

    def __init__(self, nodes: list[Node], findings: Findings) -> None:
        self._nodes = nodes
        self._findings = findings
        self.targets = Targets(nodes, findings)
        self.values = Values(findings)
        self.tasks = Tasks(self.values, findings, Restrictions(nodes[0].body, findings))
        self.guards = Guards(nodes[0], nodes, self.targets, self.values, findings)
        self.actions = Actions(
            nodes[0].body.get("actions", {}), self.guards, self.tasks, self.values, findings
        )
        self.transitions: list[Transition] = []
        self._count = 0

    def states(self) -> tuple[State, ...]:
        """All states. Meaningless when something was found to be wrong."""
        self._named_delays()
        self.guards.compile_named()
        self.actions.compile_named()
        return tuple(self._state(node) for node in self._nodes)

    def _named_delays(self) -> None:
        named = self._nodes[0].body.get("delays", {})
        if not isinstance(named, dict):
            wrong_type(self._findings, "/delays", named, "an object of named delays")
            return
        check_count(named, "delay", "/delays", self._findings)
        found: dict[str, Delay] = {}
        for name, value in named.items():
            delay = self.values.delay(value, join("/delays", name))
            if delay is not None:
                found[name] = delay
        self.values.delays = found

    def _state(self, node: Node) -> State:
        body, pointer = node.body, node.pointer
        invokes = self._invokes(node)
        timed, after = self._after(node)
        output = None
        if "output" in body:
            output = self.values.template(body["output"], join(pointer, "output"))
        initial, initial_actions = self._initial(node)
        tags = body.get("tags", [])
        return State(
            index=node.index,
            key=node.key,
            path=node.path,
            id=node.id,
            kind=node.kind,
            parent=NO_STATE if node.parent is None else node.parent.index,
            last=node.last,
            children=tuple(child.index for child in node.states),
            histories=tuple(one.index for one in node.children if one.kind == "history"),
            initial=initial,
            initial_actions=initial_actions,
            entry=self.actions.compile(body.get("entry"), join(pointer, "entry")),
            exit=self.actions.compile(body.get("exit"), join(pointer, "exit")),
            invokes=tuple(invocation for invocation, _, _ in invokes),
            after=timed,
            on=self._on(node, invokes, after),
            always=self._list(node, "", body.get("always"), join(pointer, "always")),
            output=output,
            deep=body.get("history") == "deep",
            default=self._history_default(node),
            tags=(tags,)
            if isinstance(tags, str)
            else tuple(tags)
            if isinstance(tags, list)
            else (),
            description=str(body.get("description", "")),
            json_pointer=pointer,
        )

    def _initial(self, node: Node) -> tuple[int, tuple[Action, ...]]:
        initial = node.body.get("initial")
        if node.kind != "compound":
            return NO_STATE, ()
        actions: tuple[Action, ...] = ()
        if isinstance(initial, dict):
            pointer = join(join(node.pointer, "initial"), "actions")
            actions = self.actions.compile(initial.get("actions"), pointer)
            initial = initial.get("target")
        child = node.child(initial) if isinstance(initial, str) else None
        return (NO_STATE if child is None else child.index), actions

    def _history_default(self, node: Node) -> tuple[int, ...]:
        """Rule: a history's default is inside its parent, and no history itself."""
        target = node.body.get("target")
        if node.kind != "history" or target is None or node.parent is None:
            return ()
        pointer = join(node.pointer, "target")
        found = self.targets.resolve(node, target, pointer)
        for one in found:
            if one.kind == "history" or not one.is_below(node.parent):
                self._findings.error(
                    "bad-history-default",
                    pointer,
                    f"{one.path!r} cannot be the default of history {node.path!r}: it must be "
                    f"a state inside {node.parent.path!r}, and no history",
                    "name a state inside the parent",
                )
        return tuple(one.index for one in found)

    def _on(
        self,
        node: Node,
        invokes: list[tuple[Invocation, dict[str, Any], str]],
        after: dict[str, tuple[Any, str]],
    ) -> dict[str, tuple[Transition, ...]]:
        """Everything a state answers, under the event types XState gives it."""
        body, pointer = node.body, node.pointer
        found: dict[str, tuple[Transition, ...]] = {}
        events = body.get("on", {})
        if not isinstance(events, dict):
            wrong_type(self._findings, join(pointer, "on"), events, "an object of transitions")
            events = {}
        for descriptor, value in events.items():
            place = join(join(pointer, "on"), descriptor)
            if self._is_descriptor(descriptor, place):
                found[descriptor] = self._list(node, descriptor, value, place)
        if "onDone" in body:
            descriptor = f"xstate.done.state.{node.id}"
            place = join(pointer, "onDone")
            self._can_be_done(node, place)
            found[descriptor] = self._list(node, descriptor, body["onDone"], place)
        for invocation, described, place in invokes:
            for key, ending in (("onDone", "done"), ("onError", "error")):
                if key in described:
                    descriptor = f"xstate.{ending}.actor.{invocation.id}"
                    value = described[key]
                    found[descriptor] = self._list(node, descriptor, value, join(place, key))
        for descriptor, (value, place) in after.items():
            found[descriptor] = found.get(descriptor, ()) + self._list(
                node, descriptor, value, place
            )
        return found

    def _is_descriptor(self, descriptor: str, pointer: str) -> bool:
        """Rule: an event's name, or a name followed by `.*`, or `*`."""
        if not descriptor:
            message, remedy = "the empty event is XState 4's", "use `always`"
        elif "*" in descriptor.removesuffix(".*") and descriptor != "*":
            message = f"{quote(descriptor)} has a wildcard where none can be"
            remedy = "write `*`, or put `.*` at the end"
        elif not is_name(descriptor):
            message = (
                f"{quote(descriptor)} is longer than {MAX_NAME_LENGTH} characters, or has "
                "control characters"
            )
            remedy = "choose another name"
        else:
            return True
        self._findings.error("bad-event", pointer, message, remedy)
        return False

    def _can_be_done(self, node: Node, pointer: str) -> None:
        """Rule: `onDone` is for states that can be done."""
        if not _can_be_done(node):
            self._findings.error(
                "never-done",
                pointer,
                f"{state_words(node.path)} can never be done: "
                + (
                    "not every region has a final state"
                    if node.kind == "parallel"
                    else "it has no final state"
                ),
                "add a final state, or leave `onDone` out",
            )

    def _invokes(self, node: Node) -> list[tuple[Invocation, dict[str, Any], str]]:
        """The state's invocations, each with what it was made of and where that stands."""
        written = node.body.get("invoke", [])
        pointer = join(node.pointer, "invoke")
        several = written if isinstance(written, list) else [written]
        if len(several) > MAX_TASKS_PER_TRANSITION:
            self._findings.error(
                "limit-exceeded",
                pointer,
                f"{state_words(node.path)} invokes {len(several)} tasks; the limit is "
                f"{MAX_TASKS_PER_TRANSITION}",
                "use `forEach`, or several states",
            )
        found: list[tuple[Invocation, dict[str, Any], str]] = []
        taken: set[str] = set()
        for at, body in enumerate(several):
            place = join(pointer, at) if isinstance(written, list) else pointer
            if not isinstance(body, dict):
                wrong_type(self._findings, place, body, "an object with `src`")
                continue
            unknown_keys(self._findings, place, body, INVOKE)
            source = body.get("src")
            if not isinstance(source, str):
                wrong_type(self._findings, join(place, "src"), source, "a task type in lower case")
                continue
            own = body.get("id")
            if own is not None and not is_name(own):
                wrong_type(self._findings, join(place, "id"), own, NAME)
                continue
            invoke_id = own or f"{at}.{node.id}"
            if invoke_id in taken:
                self._findings.error(
                    "duplicate-id",
                    join(place, "id"),
                    f"{state_words(node.path)} invokes {quote(invoke_id)} twice",
                    "give one of them another id",
                )
            taken.add(invoke_id)
            plan = self.tasks.plan(
                body, place, join(place, "src"), name=own or source, source=source
            )
            if plan is None:
                self._look_into(node, {key: body.get(key) for key in ("onDone", "onError")}, place)
            else:
                found.append((Invocation(invoke_id, plan), body, place))
        return found

    def _look_into(self, node: Node, written: dict[str, Any], pointer: str) -> None:
        """Find what is wrong with transitions whose event is wrong already."""
        for key, value in written.items():
            if value is not None:
                self._list(node, key, value, join(pointer, key))

    def _after(self, node: Node) -> tuple[tuple[Timed, ...], dict[str, tuple[Any, str]]]:
        """The state's own timers, and the transitions they send events for."""
        written = node.body.get("after", {})
        pointer = join(node.pointer, "after")
        if not isinstance(written, dict):
            wrong_type(self._findings, pointer, written, "an object of delays")
            return (), {}
        timed: list[Timed] = []
        events: dict[str, tuple[Any, str]] = {}
        for key, value in written.items():
            place = join(pointer, key)
            delay = self.values.delay(key, place)
            if delay is None:
                self._look_into(node, {key: value}, pointer)
                continue
            name = str(int(key)) if key.isascii() and key.isdigit() else key
            timer_id = f"xstate.after.{name}.{node.id}"
            timed.append(Timed(timer_id=timer_id, delay=delay))
            events[timer_id] = (value, place)
        return tuple(timed), events

    def _list(
        self, node: Node, descriptor: str, value: Any, pointer: str
    ) -> tuple[Transition, ...]:
        """One transition, or several of which the first whose guard holds is taken."""
        if isinstance(value, list):
            several = [
                self._transition(node, descriptor, item, join(pointer, at))
                for at, item in enumerate(value)
            ]
        elif value is None and not descriptor:
            several = []
        else:
            several = [self._transition(node, descriptor, value, pointer)]
        found = tuple(one for one in several if one is not None)
        self.transitions.extend(found)
        return found

    def _transition(
        self, node: Node, descriptor: str, value: Any, pointer: str
    ) -> Transition | None:
        if isinstance(value, str):
            body, target_pointer = {"target": value}, pointer
        elif isinstance(value, dict):
            body, target_pointer = value, join(pointer, "target")
            unknown_keys(self._findings, pointer, body, TRANSITION)
        else:
            wrong_type(self._findings, pointer, value, "a transition: a target, or an object")
            return None
        reenter = body.get("reenter", False)
        if not isinstance(reenter, bool):
            wrong_type(self._findings, join(pointer, "reenter"), reenter, "true or false")
        guard: Guard | None = None
        if body.get("guard") is not None:
            guard = self.guards.compile(body["guard"], join(pointer, "guard"))
        targets = self.targets.resolve(node, body.get("target"), target_pointer)
        self._count += 1
        if self._count > MAX_TRANSITIONS:
            self._findings.error(
                "limit-exceeded",
                pointer,
                f"the spec has more than {MAX_TRANSITIONS} transitions",
                "split the process into several definitions",
            )
            raise EnoughFound
        return Transition(
            index=self._count - 1,
            source=node.index,
            source_path=node.path,
            descriptor=descriptor,
            targets=tuple(target.index for target in targets),
            reenter=reenter is True,
            guard=guard,
            actions=self.actions.compile(body.get("actions"), join(pointer, "actions")),
            json_pointer=pointer,
            description=str(body.get("description", "")),
        )

    def context(self) -> Template:
        """Rule: the context is an object, or an expression for one; and not too large at once."""
        value = self._nodes[0].body.get("context", {})
        if not isinstance(value, dict):
            wrong_type(self._findings, "/context", value, "an object")
            value = {}
        found = self.values.template(value, "/context")
        if isinstance(found, Constant):
            size, depth = len(orjson.dumps(value)), depth_of(value)
            if size > MAX_CONTEXT_BYTES or depth > MAX_JSON_DEPTH:
                self._findings.error(
                    "limit-exceeded",
                    "/context",
                    f"the context has {size} bytes and {depth} levels; the limits are "
                    f"{MAX_CONTEXT_BYTES} and {MAX_JSON_DEPTH}",
                    "keep what is large outside, and refer to it",
                )
        return found


def _can_be_done(node: Node) -> bool:
    if node.kind == "compound":
        return any(child.kind == "final" for child in node.children)
    if node.kind == "parallel":
        return all(_can_be_done(child) for child in node.states)
    return node.kind == "final"
