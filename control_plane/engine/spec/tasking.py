"""
Tasks in a spec: what `invoke` and `createTask` say about them.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from control_plane.engine.durations import parse_duration
from control_plane.engine.invocations import CHILD, ForEach, TaskPlan
from control_plane.engine.limits import MAX_FAN_OUT
from control_plane.engine.spec.findings import Findings, join, quote
from control_plane.engine.spec.outline import unknown_keys, wrong_type
from control_plane.engine.spec.values import NAMES, Values
from control_plane.engine.spec.vocabulary import COMPENSATION_KEYS, RETRY_KEYS, TIMEOUT_KEYS
from control_plane.engine.templates import NULL, Computed, Constant, Template
from shared.retry import MAX_ATTEMPTS, MAX_BACKOFF, RetryPolicy
from shared.tasks import DEFAULT_QUEUE, MAX_QUEUE_NAME, TaskType, Timeouts

MAX_PRIORITY = 100
"""Priorities run from minus this to this; larger ones are claimed first."""

_SOURCES: dict[str, TaskType | None] = {
    **{kind.value.lower(): kind for kind in TaskType},
    CHILD.lower(): None,
}
_NAMED = {"system": ".<function>", CHILD.lower(): ".<key of a definition>"}
_JOINS = ("all", "any", "settled")
_QUEUE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclass(slots=True, eq=False)
class Tasks:
    """Compiles tasks, and keeps what they ask of executors and of the runtime."""

    values: Values
    findings: Findings
    types: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)
    plans: list[TaskPlan] = field(default_factory=list)
    """All plans, each at its own index."""

    def plan(
        self, body: dict[str, Any], pointer: str, *, name: str, source: str, detached: bool = False
    ) -> TaskPlan | None:
        """Everything about a task; None when its source is unknown, having said so."""
        found = self._source(source, pointer)
        if found is None:
            return None
        kind, function = found
        compensation = self._compensation(
            body.get("compensation"), join(pointer, "compensation"), name
        )
        for_each = self._for_each(body, pointer)
        given: Template = NULL
        if "input" in body:
            names = NAMES if for_each is None else NAMES | {"item", "index"}
            given = self.values.template(body["input"], join(pointer, "input"), names)
        if kind is None:
            self.needs.add("children")
        else:
            self.types.add(kind.value)
            if function is not None:
                self.functions.add(function)
        if kind is TaskType.TIMER:
            self._timer_input(given, join(pointer, "input"))
        plan = TaskPlan(
            index=len(self.plans),
            name=name,
            type=kind,
            function=function,
            input=given,
            queue=self._queue(body.get("queue"), join(pointer, "queue")),
            priority=self._priority(body.get("priority", 0), join(pointer, "priority")),
            retry=self._retry(body.get("retry"), join(pointer, "retry")),
            timeout=self._timeouts(body.get("timeout"), join(pointer, "timeout")),
            detached=detached,
            compensation=compensation,
            for_each=for_each,
            json_pointer=pointer,
        )
        self.plans.append(plan)
        return plan

    def _source(self, source: str, pointer: str) -> tuple[TaskType | None, str | None] | None:
        """Rule: a source is a task type in lower case, for some with a name after a dot."""
        kind, _, function = source.partition(".")
        if kind not in _SOURCES:
            self.findings.error(
                "unknown-task-type",
                pointer,
                f"{quote(source)} is not a kind of task",
                self.findings.did_you_mean(
                    source, [f"{one}{_NAMED.get(one, '')}" for one in _SOURCES]
                ),
            )
            return None
        if kind in _NAMED and not function:
            self.findings.error(
                "unknown-task-type",
                pointer,
                f"a task of kind {kind!r} needs a name after it",
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
        if not isinstance(body, dict) or not isinstance(body.get("src"), str):
            wrong_type(self.findings, pointer, body, "a task: an object with `src`")
            return None
        unknown_keys(self.findings, pointer, body, COMPENSATION_KEYS)
        own = body.get("name", f"undo {name}")
        if not isinstance(own, str) or not own:
            wrong_type(self.findings, join(pointer, "name"), own, "a task's name")
            return None
        return self.plan(body, pointer, name=own, source=body["src"])

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
        if (isinstance(items, Constant) and not isinstance(items.value, list)) or (
            kind not in {None, "list"}
        ):
            wrong_type(self.findings, place, body["forEach"], "a list, or an expression for one")
        concurrency = body.get("concurrency", MAX_FAN_OUT)
        if type(concurrency) is not int or not 1 <= concurrency <= MAX_FAN_OUT:
            wanted = f"an integer from 1 to {MAX_FAN_OUT}"
            wrong_type(self.findings, join(pointer, "concurrency"), concurrency, wanted)
            concurrency = 1
        joined = body.get("join", "all")
        if joined not in _JOINS:
            wrong_type(self.findings, join(pointer, "join"), joined, " or ".join(_JOINS))
        return ForEach(items=items, concurrency=concurrency, join=joined, json_pointer=place)

    def _timer_input(self, given: object, pointer: str) -> None:
        """Rule: a timer's input says when, as far as it is known before it starts."""
        if not isinstance(given, Constant):
            return
        value = given.value
        if isinstance(value, dict) and (
            ("at" in value and isinstance(value["at"], str) and "delay" not in value)
            or ("delay" in value and "at" not in value and parse_duration(value["delay"]))
        ):
            return
        self.findings.error(
            "bad-timer-input",
            pointer,
            f"{quote(value)} does not say when the timer is due",
            'write {"delay": "PT15M"} or {"at": <RFC 3339 timestamp>}',
        )

    def _queue(self, value: Any, pointer: str) -> str:
        """Rule: a queue's name fits into the names of the broker's queues."""
        if value is None:
            return DEFAULT_QUEUE
        if (
            not isinstance(value, str)
            or not 0 < len(value) <= MAX_QUEUE_NAME
            or not _QUEUE.issuperset(value)
        ):
            wrong_type(
                self.findings,
                pointer,
                value,
                f"a queue's name: 1 to {MAX_QUEUE_NAME} letters, digits, '-', '_' and '.'",
            )
            return DEFAULT_QUEUE
        return value

    def _priority(self, value: Any, pointer: str) -> int:
        if type(value) is not int or not -MAX_PRIORITY <= value <= MAX_PRIORITY:
            wanted = f"an integer from {-MAX_PRIORITY} to {MAX_PRIORITY}"
            wrong_type(self.findings, pointer, value, wanted)
            return 0
        return value

    def _retry(self, value: Any, pointer: str) -> RetryPolicy:
        """Rule: a retry policy has its words, and numbers within bounds."""
        default = RetryPolicy()
        if value is None:
            return default
        if not isinstance(value, dict):
            wrong_type(self.findings, pointer, value, "a retry policy")
            return default
        unknown_keys(self.findings, pointer, value, RETRY_KEYS)
        kinds = value.get("nonRetryable", [])
        if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
            wrong_type(self.findings, join(pointer, "nonRetryable"), kinds, "a list of error kinds")
            kinds = []
        return RetryPolicy(
            max_attempts=int(
                self._number(value, "maxAttempts", pointer, default.max_attempts, 1, MAX_ATTEMPTS)
            ),
            initial=self._backoff(value, "initial", pointer, default.initial),
            factor=self._number(value, "factor", pointer, default.factor, 1, 100),
            cap=self._backoff(value, "cap", pointer, default.cap),
            jitter=self._number(value, "jitter", pointer, default.jitter, 0, 1),
            non_retryable=frozenset(kinds),
        )

    def _number(
        self, body: dict[str, Any], key: str, pointer: str, default: float, low: int, high: int
    ) -> float:
        value = body.get(key, default)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if key == "maxAttempts":
            is_number = is_number and isinstance(value, int)
        if not is_number or not low <= value <= high:
            kind = "an integer" if key == "maxAttempts" else "a number"
            wrong_type(self.findings, join(pointer, key), value, f"{kind} from {low} to {high}")
            return default
        return float(value)

    def _backoff(
        self, body: dict[str, Any], key: str, pointer: str, default: timedelta
    ) -> timedelta:
        if key not in body:
            return default
        length = self.values.duration(body[key], join(pointer, key))
        if length is not None and length > MAX_BACKOFF:
            wrong_type(
                self.findings, join(pointer, key), body[key], f"at most {MAX_BACKOFF.days} day"
            )
            return default
        return default if length is None else length

    def _timeouts(self, value: Any, pointer: str) -> Timeouts:
        """Rule: a timeout is a duration, start to close, or one for each phase."""
        if value is None:
            return Timeouts()
        if not isinstance(value, dict):
            return Timeouts(start_to_close=self.values.duration(value, pointer))
        unknown_keys(self.findings, pointer, value, TIMEOUT_KEYS)

        def phase(key: str) -> timedelta | None:
            return self.values.duration(value[key], join(pointer, key)) if key in value else None

        return Timeouts(
            schedule_to_start=phase("scheduleToStart"),
            start_to_close=phase("startToClose"),
            heartbeat=phase("heartbeat"),
        )
