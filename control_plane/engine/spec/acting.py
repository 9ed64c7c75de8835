"""
Actions in a spec.
"""

from typing import Any

from control_plane.engine.actions import (
    OWN_EVENTS,
    Action,
    Assign,
    AssignOne,
    Call,
    Cancel,
    CreateTaskAction,
    Emit,
    If,
    Log,
    NamedActions,
    Raise,
)
from control_plane.engine.effort import of_actions
from control_plane.engine.groups import Compensate
from control_plane.engine.guards import Guard
from control_plane.engine.invocations import TaskPlan
from control_plane.engine.limits import MAX_NAME_LENGTH
from control_plane.engine.spec.calling import check_calls, check_count
from control_plane.engine.spec.findings import Findings, join, quote
from control_plane.engine.spec.guarding import Guards
from control_plane.engine.spec.outline import NAME, is_name, unknown_keys, wrong_type
from control_plane.engine.spec.tasking import Tasks
from control_plane.engine.spec.values import Values
from control_plane.engine.spec.vocabulary import (
    ACTIONS,
    BRANCH,
    COMPENSATE,
    CREATE_TASK,
    CREATE_TASK_ACTION,
    NAMED,
    builtin,
)
from control_plane.engine.templates import Constant, Template
from shared.tasks import TaskType

REGISTERED = ("createTask", "compensate")
"""Action types that are neither built in nor named by the spec."""


class Actions:
    """Compiles actions; those of the root's `actions` once, by name."""

    def __init__(
        self, named: Any, guards: Guards, tasks: Tasks, values: Values, findings: Findings
    ) -> None:
        self._named: dict[str, Any] = {}
        self._guards = guards
        self._tasks = tasks
        self._values = values
        self._findings = findings
        self._bodies: dict[str, NamedActions] = {}
        self._calls: dict[str, set[str]] = {}
        self._within: str | None = None
        self.raised: list[tuple[str, str]] = []
        """Types of events raised at once, as far as they are written out, and where."""
        self.created: list[TaskPlan] = []
        """The tasks that `createTask` creates."""
        if isinstance(named, dict):
            self._named = named
        else:
            wrong_type(findings, "/actions", named, "an object of named actions")

    def compile_named(self) -> None:
        """The root's `actions`: `{name: action or list of actions}`."""
        check_count(self._named, "action", "/actions", self._findings)
        for name in self._named:
            if builtin(name) is not None or name in REGISTERED:
                self._findings.error(
                    "bad-name",
                    join("/actions", name),
                    f"{quote(name)} is an action of the engine's",
                    "choose another name",
                )
            self._bodies[name] = NamedActions()
        for name, body in self._named.items():
            self._within = name
            self._calls[name] = set()
            if body is None:
                wrong_type(self._findings, join("/actions", name), body, "an action or a list")
            compiled = self.compile(body, join("/actions", name))
            self._bodies[name].actions = compiled
            self._bodies[name].work = 1 + of_actions(compiled)
        self._within = None
        check_calls(self._calls, "action", "/actions", self._findings)

    def compile(self, value: Any, pointer: str) -> tuple[Action, ...]:
        """An action or a list of them; what is wrong is left out, having said so."""
        if value is None:
            return ()
        if not isinstance(value, list):
            found = self._one(value, pointer)
            return () if found is None else (found,)
        several = [self._one(item, join(pointer, at)) for at, item in enumerate(value)]
        return tuple(action for action in several if action is not None)

    def _one(self, value: Any, pointer: str) -> Action | None:
        if isinstance(value, str):
            return self._call(value, None, pointer)
        if not isinstance(value, dict) or not isinstance(kind := value.get("type"), str):
            wrong_type(
                self._findings, pointer, value, "an action: a name, or an object with a type"
            )
            return None
        if kind == "createTask":
            return self._create_task(value, pointer)
        if kind == "compensate":
            unknown_keys(self._findings, pointer, value, COMPENSATE)
            return Compensate(self._tasks.plans)
        word = builtin(kind)
        if word is None:
            unknown_keys(self._findings, pointer, value, NAMED)
            return self._call(kind, value.get("params"), pointer)
        if word not in ACTIONS:
            self._findings.error(
                "unknown-action",
                join(pointer, "type"),
                f"{quote(kind)} is not a built-in action",
                self._findings.did_you_mean(
                    kind, [*(f"@{known}" for known in ACTIONS), *REGISTERED]
                ),
            )
            return None
        unknown_keys(self._findings, pointer, value, ACTIONS[word])
        match word:
            case "assign":
                return self._assign(value.get("context"), join(pointer, "context"))
            case "raise":
                return self._raise(value, pointer)
            case "cancel":
                given = self._text(value.get("id"), join(pointer, "id"))
                return None if given is None else Cancel(given, pointer)
            case "emit":
                event = self._event(value.get("event"), join(pointer, "event"))
                return None if event is None else Emit(event, pointer)
            case "log":
                at = "args" if "args" in value else "value"
                return Log(self._values.template(value.get(at), join(pointer, at)))
            case _:
                return self._if(value.get("branches"), join(pointer, "branches"))

    def _call(self, name: str, params: Any, pointer: str) -> Action | None:
        """Rule: an action's name is one of the root's `actions`."""
        body = self._bodies.get(name)
        if body is None:
            known = [*self._bodies, *REGISTERED, *(f"@{one}" for one in ACTIONS)]
            self._findings.error(
                "unknown-action",
                pointer,
                f"there is no action {quote(name)} among the root's `actions`",
                self._findings.did_you_mean(name, known),
            )
            return None
        if self._within is not None:
            self._calls[self._within].add(name)
        given = None if params is None else self._values.template(params, join(pointer, "params"))
        return Call(name, body, given)

    def _assign(self, context: Any, pointer: str) -> Action | None:
        if not isinstance(context, dict) or "@expr" in context:
            wrong_type(self._findings, pointer, context, "an object of keys to set")
            return None
        self._values.assigned.update(context)
        members = tuple(
            (key, self._values.template(value, join(pointer, key)))
            for key, value in context.items()
        )
        return AssignOne(members) if len(members) == 1 else Assign(members)

    def _raise(self, value: dict[str, Any], pointer: str) -> Action | None:
        event = self._event(value.get("event"), join(pointer, "event"))
        if event is None:
            return None
        if "delay" not in value:
            if isinstance(event, Constant) and isinstance(event.value, dict):
                self.raised.append((str(event.value["type"]), pointer))
            return Raise(event, None, None, pointer)
        delay = self._values.delay(value["delay"], join(pointer, "delay"))
        given = self._text(value["id"], join(pointer, "id")) if "id" in value else None
        return None if delay is None else Raise(event, delay, given, pointer)

    def _event(self, value: Any, pointer: str) -> Template | None:
        """Rule: an event has a type, and not one of the engine's own."""
        if isinstance(value, dict) and "@expr" in value:
            return self._values.expression(value, pointer)
        if not isinstance(value, dict) or "type" not in value:
            wrong_type(self._findings, pointer, value, "an event: an object with a `type`")
            return None
        kind = value["type"]
        if isinstance(kind, str):
            if kind and kind != "*" and not is_name(kind):
                self._findings.error(
                    "bad-event",
                    join(pointer, "type"),
                    f"{quote(kind)} cannot be an event's type: it is longer than "
                    f"{MAX_NAME_LENGTH} characters, or has control characters",
                    "choose another type",
                )
                return None
            if not kind or kind == "*" or kind.startswith(OWN_EVENTS):
                self._findings.error(
                    "reserved-event",
                    join(pointer, "type"),
                    f"an event of type {quote(kind)} cannot be sent: the engine sends those itself",
                    "choose another type",
                )
                return None
        elif not (isinstance(kind, dict) and "@expr" in kind):
            wrong_type(self._findings, join(pointer, "type"), kind, "a string")
            return None
        return self._values.template(value, pointer)

    def _text(self, value: Any, pointer: str) -> Template | None:
        if isinstance(value, str) or (isinstance(value, dict) and "@expr" in value):
            return self._values.template(value, pointer)
        wrong_type(self._findings, pointer, value, "a string or an expression")
        return None

    def _if(self, branches: Any, pointer: str) -> Action | None:
        if not isinstance(branches, list):
            wrong_type(self._findings, pointer, branches, "a list of branches")
            return None
        compiled: list[tuple[Guard | None, tuple[Action, ...]]] = []
        for at, branch in enumerate(branches):
            place = join(pointer, at)
            if not isinstance(branch, dict):
                wrong_type(self._findings, place, branch, "a branch: `guard` and `actions`")
                continue
            unknown_keys(self._findings, place, branch, BRANCH)
            guard = None
            if branch.get("guard") is not None:
                guard = self._guards.compile(branch["guard"], join(place, "guard"))
            compiled.append((guard, self.compile(branch.get("actions"), join(place, "actions"))))
        return If(tuple(compiled))

    def _create_task(self, value: dict[str, Any], pointer: str) -> Action | None:
        """Rule: `createTask` has a name, a source, and the words of a task."""
        unknown_keys(self._findings, pointer, value, CREATE_TASK_ACTION)
        params, pointer = value.get("params"), join(pointer, "params")
        if not isinstance(params, dict):
            wrong_type(self._findings, pointer, params, "an object that describes the task")
            return None
        unknown_keys(self._findings, pointer, params, CREATE_TASK)
        found = self._source(params, pointer)
        if found is None:
            return None
        source, at = found
        name = params.get("name", source)
        if not is_name(name):
            wrong_type(self._findings, join(pointer, "name"), name, NAME)
            return None
        detached = params.get("detached", False)
        if not isinstance(detached, bool):
            wrong_type(self._findings, join(pointer, "detached"), detached, "true or false")
            return None
        plan = self._tasks.plan(params, pointer, at, name=name, source=source, detached=detached)
        if plan is None:
            return None
        self.created.append(plan)
        return CreateTaskAction(plan)

    def _source(self, params: dict[str, Any], pointer: str) -> tuple[str, str] | None:
        """`src` as in an invoke, or `type` and, for SYSTEM, `function`; and where it stands."""
        source, at = params.get("src"), join(pointer, "src")
        if source is not None:
            for key in ("type", "function"):
                if key in params:
                    self._findings.error(
                        "wrong-type",
                        join(pointer, key),
                        f"{key!r} stands beside 'src', which says it already",
                        "leave one of them out",
                    )
            if isinstance(source, str):
                return source, at
            wrong_type(self._findings, at, source, "a task type in lower case")
            return None
        kind, at = params.get("type"), join(pointer, "type")
        if not isinstance(kind, str) or kind not in TaskType.__members__:
            self._findings.error(
                "unknown-task-type",
                at,
                f"{quote(kind)} is not a type of task",
                self._findings.did_you_mean(str(kind), TaskType.__members__),
            )
            return None
        function = params.get("function")
        if function is None:
            return kind.lower(), at
        if not is_name(function):
            wrong_type(self._findings, join(pointer, "function"), function, NAME)
            return None
        return f"{kind.lower()}.{function}", at
