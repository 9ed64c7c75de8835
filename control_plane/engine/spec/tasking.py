"""
Tasks in a spec: what `invoke` and `createTask` say about them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from control_plane.engine.actions import OWN_EVENTS
from control_plane.engine.durations import parse_duration
from control_plane.engine.invocations import CHILD, Child, ForEach, TaskPlan
from control_plane.engine.limits import MAX_CHOICES, MAX_FAN_OUT
from control_plane.engine.referring import computed_names, referenceless
from control_plane.engine.spec.attempting import Attempts
from control_plane.engine.spec.findings import Findings, join, quote
from control_plane.engine.spec.outline import NAME, is_name, unknown_keys, wrong_type
from control_plane.engine.spec.peopling import OF_PEOPLE, People
from control_plane.engine.spec.restricting import WORD, Restrictions
from control_plane.engine.spec.values import NAMES, Values
from control_plane.engine.spec.vocabulary import COMPENSATION
from control_plane.engine.templates import NULL, Computed, Constant, Template
from control_plane.timetable import is_moment, moment_after
from shared.errors import InvalidRequest
from shared.tasks import TaskType

_SOURCES: dict[str, TaskType | None] = {
    **{kind.value.lower(): kind for kind in TaskType},
    CHILD.lower(): None,
}
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""As of which it is tried whether a timer is due at all."""

_NAMED = {"system": ".<function>", CHILD.lower(): ".<key of a definition>"}
_JOINS = ("all", "any", "settled")
_CLOSINGS = ("cancel", "terminate", "abandon")
_OF_AI = ("events", "policy", WORD)
_OF_CHILDREN = ("version", "businessKey", "onParentClose")
_OF_ATTEMPTS = ("queue", "priority", "limitKey", "retry", "timeout", "skippable")
_WITH_SECRETS = frozenset({TaskType.HTTP, TaskType.EMAIL, TaskType.AI})
"""Of the others nobody puts secrets into the input: a function asks for them by name."""

_INSTEAD = {
    "retry": "leave it out: the tasks inside of the child have retries of their own",
    "timeout": "leave the state by `after` if the child takes too long",
    "skippable": "let the tasks inside of the child be skipped",
}


@dataclass(slots=True, eq=False)
class Tasks:
    """Compiles tasks, and keeps what they ask of executors and of the runtime."""

    values: Values
    findings: Findings
    restrictions: Restrictions
    types: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)
    plans: list[TaskPlan] = field(default_factory=list)
    """All plans, each at its own index."""

    _attempts: Attempts = field(init=False)
    _people: People = field(init=False)

    def __post_init__(self) -> None:
        self._attempts = Attempts(self.values, self.findings)
        self._people = People(self.values, self.findings)

    def plan(
        self,
        body: dict[str, Any],
        pointer: str,
        source_pointer: str,
        *,
        name: str,
        source: str,
        detached: bool = False,
    ) -> TaskPlan | None:
        """Everything about a task; None when its source is unknown, having said so."""
        found = self._source(source, source_pointer)
        if found is None:
            return None
        kind, function = found
        self._words(kind, body, pointer)
        compensation = self._compensation(
            body.get("compensation"), join(pointer, "compensation"), name
        )
        for_each = self._for_each(body, pointer)
        names = NAMES if for_each is None else NAMES | {"item", "index"}
        given: Template = NULL
        if "input" in body:
            given = self.values.template(body["input"], join(pointer, "input"), names)
        if kind in _WITH_SECRETS:
            given = self._without_computed_secrets(given)
        if kind is None:
            self.needs.add("children")
        else:
            self.types.add(kind.value)
            if function is not None:
                self.functions.add(function)
        if kind is TaskType.TIMER:
            self._timer_input(given, join(pointer, "input"))
        events = self._events(kind, body.get("events"), pointer)
        attempts = self._attempts
        plan = TaskPlan(
            index=len(self.plans),
            name=name,
            type=kind,
            function=function,
            input=given,
            queue=attempts.queue(body.get("queue"), join(pointer, "queue")),
            priority=attempts.priority(body.get("priority", 0), join(pointer, "priority")),
            retry=attempts.retry(body.get("retry"), join(pointer, "retry")),
            timeout=attempts.timeouts(body.get("timeout"), join(pointer, "timeout")),
            detached=detached,
            compensation=compensation,
            for_each=for_each,
            json_pointer=pointer,
            child=self._child(body, pointer, names),
            events=events,
            policy=self._policy(body.get("policy"), join(pointer, "policy")),
            guardrails=self.restrictions.of_task(body, pointer, events)
            if kind is TaskType.AI
            else (),
            limit_key=self._key(body, "limitKey", pointer, names),
            people=self._people.plan(body, pointer, names) if kind is TaskType.HUMAN else None,
            is_skippable=self._flag(body, "skippable", pointer),
        )
        self.plans.append(plan)
        return plan

    def _words(self, kind: TaskType | None, body: dict[str, Any], pointer: str) -> None:
        """Rule: a task is described by words of its kind."""
        wrong = (*(() if kind is None else _OF_CHILDREN), *(() if kind is TaskType.AI else _OF_AI))
        if kind is not TaskType.HUMAN:
            wrong += OF_PEOPLE
        if kind is TaskType.AI:
            wrong += ("compensation",)
            self._awaited(body, pointer, ("onDone", "forEach"))
        if kind is None:
            wrong += _OF_ATTEMPTS
        said = CHILD.lower() if kind is None else kind.value.lower()
        for key in wrong:
            if key in body:
                self.findings.error(
                    "word-not-for-task",
                    join(pointer, key),
                    f"{key!r} does not describe a task of kind {said!r}",
                    _INSTEAD.get(key, "leave it out, or choose another kind of task"),
                )

    def _awaited(self, body: dict[str, Any], pointer: str, words: Sequence[str]) -> None:
        """Rule: what an AI task comes to is one of its events, and no outcome to wait for."""
        for key in words:
            if key in body:
                self.findings.error(
                    "ai-outcome-awaited",
                    join(pointer, key),
                    f"what an AI task comes to is one of its events: {key!r} never hears of it",
                    "answer the events of the task, and leave it out",
                )

    def _child(self, body: dict[str, Any], pointer: str, names: frozenset[str]) -> Child:
        """Rule: a child's version is a number, its key a text, and its end one of three."""
        version = body.get("version")
        if version is not None and (type(version) is not int or version < 1):
            wanted = "the number of a version, from 1"
            wrong_type(self.findings, join(pointer, "version"), version, wanted)
            version = None
        key = self._key(body, "businessKey", pointer, names)
        closing = body.get("onParentClose", "cancel")
        if closing not in _CLOSINGS:
            place = join(pointer, "onParentClose")
            wrong_type(self.findings, place, closing, " or ".join(_CLOSINGS))
            closing = "cancel"
        return Child(
            version=version, business_key=key, on_parent_close=closing, json_pointer=pointer
        )

    def _key(
        self, body: dict[str, Any], word: str, pointer: str, names: frozenset[str]
    ) -> Template | None:
        """Rule: a key is a text, or an expression for one."""
        if body.get(word) is None:
            return None
        given, place = body[word], join(pointer, word)
        key = self.values.template(given, place, names)
        if not is_name(given) and not _is_computed(given):
            wrong_type(self.findings, place, given, "a key, or an expression for one")
        return key

    def _events(self, kind: TaskType | None, given: Any, pointer: str) -> tuple[str, ...]:
        """Rule: an AI task names the events among which it may choose, and no others can be."""
        place = join(pointer, "events")
        if kind is not TaskType.AI:
            return ()
        if given is None or given == []:
            self.findings.error(
                "ai-without-events",
                pointer,
                "this AI task does not say among which events it may choose",
                "list event types in `events`",
            )
            return ()
        if not isinstance(given, list) or len(given) > MAX_CHOICES:
            wrong_type(self.findings, place, given, f"a list of 1 to {MAX_CHOICES} event types")
            return ()
        for at, event in enumerate(given):
            if not is_name(event) or event in given[:at]:
                wrong_type(self.findings, join(place, at), event, "an event type named once")
                return ()
            if "*" in event or event.startswith(OWN_EVENTS):
                self.findings.error(
                    "reserved-event",
                    join(place, at),
                    f"a model cannot choose {quote(event)}: it is a wildcard, or the engine's own",
                    "name an event that a person could send",
                )
                return ()
        return tuple(given)

    def _policy(self, given: Any, pointer: str) -> str | None:
        """Rule: an AI task names the policy that binds it; what is in it stands elsewhere."""
        if given is not None and not is_name(given):
            wrong_type(self.findings, pointer, given, "the name of a policy")
            return None
        name: str | None = given
        return name

    def _flag(self, body: dict[str, Any], word: str, pointer: str) -> bool:
        """Rule: a flag is true or false."""
        given = body.get(word, False)
        if not isinstance(given, bool):
            wrong_type(self.findings, join(pointer, word), given, "true or false")
            return False
        return given

    def _source(self, source: str, pointer: str) -> tuple[TaskType | None, str | None] | None:
        """Rule: a source is a task type in lower case, for some with a name after a dot."""
        kind, _, function = source.partition(".")
        if kind not in _SOURCES:
            known = [f"{one}{_NAMED.get(one, '')}" for one in _SOURCES]
            remedy = self.findings.did_you_mean(source, known)
            if is_name(source) and source == kind and not remedy.startswith("did you mean"):
                # XState's actors are named by the program; here its functions are.
                remedy = f"write {quote(f'system.{source}')} for a function of yours, or {remedy}"
            self.findings.error(
                "unknown-task-type", pointer, f"{quote(source)} is not a kind of task", remedy
            )
            return None
        if kind in _NAMED and not is_name(function):
            self.findings.error(
                "unknown-task-type",
                pointer,
                f"a task of kind {kind!r} needs a name after the dot",
                f"write {kind}{_NAMED[kind]}",
            )
            return None
        if kind not in _NAMED and source != kind:
            self.findings.error(
                "unknown-task-type",
                pointer,
                f"a task of kind {kind!r} has no name after it",
                f"write {kind!r}",
            )
            return None
        return _SOURCES[kind], function or None

    def _compensation(self, body: Any, pointer: str, name: str) -> TaskPlan | None:
        """Rule: a compensation is a task of its own, that is not itself undone."""
        if body is None:
            return None
        if not isinstance(body, dict):
            wrong_type(self.findings, pointer, body, "a task: an object with `src`")
            return None
        unknown_keys(self.findings, pointer, body, COMPENSATION)
        if not isinstance(body.get("src"), str):
            place = join(pointer, "src")
            wrong_type(self.findings, place, body.get("src"), "a task type in lower case")
            return None
        if body["src"] == TaskType.AI.value.lower():
            self._awaited(body, pointer, ("src",))
            return None
        own = body.get("name", f"undo {name}")
        if not is_name(own):
            wrong_type(self.findings, join(pointer, "name"), own, NAME)
            return None
        return self.plan(body, pointer, join(pointer, "src"), name=own, source=body["src"])

    def _for_each(self, body: dict[str, Any], pointer: str) -> ForEach | None:
        """Rule: `forEach` gives a list; `concurrency` and `join` stand beside it only."""
        if "forEach" not in body:
            for key in ("concurrency", "join"):
                if key in body:
                    self.findings.error(
                        "without-for-each",
                        join(pointer, key),
                        f"{key!r} is about the tasks of a `forEach`, and there is none",
                        "add `forEach`, or leave it out",
                    )
            return None
        place = join(pointer, "forEach")
        items = self.values.template(body["forEach"], place)
        kind = items.expression.result if isinstance(items, Computed) else None
        if not _is_computed(body["forEach"]) and not isinstance(body["forEach"], list):
            wrong_type(self.findings, place, body["forEach"], "a list, or an expression for one")
        elif kind not in {None, "list"}:
            self.findings.error(
                "for-each-not-list",
                place,
                f"this expression gives {kind}, never a list",
                "give the items as a list",
            )
        concurrency = body.get("concurrency", MAX_FAN_OUT)
        if type(concurrency) is not int or not 1 <= concurrency <= MAX_FAN_OUT:
            wanted = f"an integer from 1 to {MAX_FAN_OUT}"
            wrong_type(self.findings, join(pointer, "concurrency"), concurrency, wanted)
            concurrency = 1
        joined = body.get("join", "all")
        is_count = type(joined) is int and 1 <= joined <= MAX_FAN_OUT
        if joined not in _JOINS and not is_count:
            wanted = f"{', '.join(_JOINS)}, or a number from 1 to {MAX_FAN_OUT}"
            wrong_type(self.findings, join(pointer, "join"), joined, wanted)
            joined = "all"
        return ForEach(items=items, concurrency=concurrency, join=joined, json_pointer=place)

    def _without_computed_secrets(self, given: Template) -> Template:
        """Rule: which secret goes where stands in the spec, and follows from no data."""
        for pointer in computed_names(given):
            self.findings.error(
                "secret-computed",
                pointer,
                "the name of a secret is computed, so that data could choose which one is sent",
                "write the name itself, and choose between tasks where there are several",
            )
        return referenceless(given)

    def _timer_input(self, given: object, pointer: str) -> None:
        """Rule: a timer's input says when, as far as it is known before it starts."""
        if not isinstance(given, Constant):
            return
        value = given.value
        said = f"{quote(value)} does not say when the timer is due"
        if is_moment(value):
            try:
                moment_after(value, _SOME_TIME)
            except InvalidRequest as error:
                said = error.message
            else:
                return
        elif isinstance(value, dict) and (
            ("at" in value and isinstance(value["at"], str) and "delay" not in value)
            or ("delay" in value and "at" not in value and parse_duration(value["delay"]))
        ):
            return
        self.findings.error(
            "bad-timer-input",
            pointer,
            said,
            'write {"delay": "PT15M"}, {"at": <RFC 3339 timestamp>},'
            ' {"cron": "0 9 * * MON-FRI", "zone": "Europe/Berlin"}, or a `date` or a `time`',
        )


def _is_computed(value: object) -> bool:
    return isinstance(value, dict) and "@expr" in value
