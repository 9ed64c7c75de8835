"""
Tasks as a spec describes them: bound to a state (`invoke`), or outliving it (`createTask`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from control_plane.engine.calendars import CALENDAR_WORK, on_calendar
from control_plane.engine.commands import CreateTask, OnParentClose, StartChild
from control_plane.engine.delays import due_after, within_reach
from control_plane.engine.durations import Duration
from control_plane.engine.failures import ExpressionUnusable, LimitReached
from control_plane.engine.instants import read_instant
from control_plane.engine.limits import (
    MAX_FAN_OUT,
    MAX_HELD_BYTES,
    MAX_NAME_LENGTH,
    MAX_WAITING_TASKS,
)
from control_plane.engine.offering import PeoplePlan
from control_plane.engine.sizing import bytes_of, held_beside
from control_plane.engine.snapshot import Join, OpenGroup, OpenTask, WaitingTask
from control_plane.engine.templates import Template, work_of
from control_plane.engine.turn import EventObject, Turn
from control_plane.timetable import is_moment
from shared.json import Json
from shared.retry import RetryPolicy
from shared.tasks import TaskType, Timeouts

CHILD = "WORKFLOW"
"""The type of a task that is an instance of another definition."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Child:
    """What only child instances have: a version, a business key, and how they end with us."""

    version: int | None = None
    business_key: Template | None = None
    on_parent_close: OnParentClose = "cancel"
    json_pointer: str = ""

    def key(self, turn: Turn) -> str | None:
        """The business key now. Raises ExpressionUnusable if it is none."""
        if self.business_key is None:
            return None
        return _key(turn, self.business_key, f"{self.json_pointer}/businessKey", "a business key")


def _key(turn: Turn, template: Template, json_pointer: str, what: str) -> str:
    key = template.evaluate(turn)
    if isinstance(key, str) and 0 < len(key) <= MAX_NAME_LENGTH:
        return key
    message = f"{what} must be a string of 1 to {MAX_NAME_LENGTH} characters"
    raise ExpressionUnusable(json_pointer, message, "")


_NO_CHILD = Child()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TaskPlan:
    """Everything about a task but its input, which is worked out when it is created."""

    index: int
    name: str
    type: TaskType | None
    """None for a child instance; `function` is then the key of its definition."""

    function: str | None
    input: Template
    queue: str
    priority: int
    retry: RetryPolicy
    timeout: Timeouts
    detached: bool
    compensation: "TaskPlan | None"
    """What undoes it, once it has succeeded."""

    for_each: "ForEach | None"
    json_pointer: str
    child: Child = _NO_CHILD
    events: tuple[str, ...] = ()
    """Of an AI task: what it may choose."""

    policy: str | None = None
    guardrails: tuple[str, ...] = ()
    """Of an AI task: what its definition and it let models do at most, as texts of policies."""

    limit_key: Template | None = None
    """Of what an executor does: which of the tenant's limits it counts against."""

    people: PeoplePlan | None = None
    """Of a human task: whom it is offered to, and how it is to be filled in."""

    is_skippable: bool = False

    def create(self, turn: Turn, invoke_id: str | None = None) -> None:
        """Open a task of this kind, or one for each item, for the state whose action runs."""
        turn.count_task()
        if self.for_each is not None:
            self.for_each.create(turn, self, invoke_id)
            return
        self.open(
            turn,
            self.waiting(turn, 0),
            OpenTask(
                name=self.name,
                type=self.kind,
                state=turn.owner,
                invoke_id=invoke_id,
                detached=self.detached,
                plan=self.index if self.is_kept else None,
            ),
        )

    def waiting(self, turn: Turn, place: int) -> WaitingTask:
        """All that has to be worked out at once, for a task that may be created later."""
        return WaitingTask(
            plan=self.index,
            input=self.input.evaluate(turn),
            place=place,
            key=self._key(turn),
            offer=None if self.people is None else self.people.offer(turn),
        )

    def _key(self, turn: Turn) -> str | None:
        if self.limit_key is None:
            return self.child.key(turn)
        return _key(turn, self.limit_key, f"{self.json_pointer}/limitKey", "a limit key")

    @property
    def work(self) -> int:
        """Of working out what a task of this kind is given."""
        given = [self.input, self.child.business_key, self.limit_key]
        if self.people is not None:
            given += self.people.templates
        return sum(work_of(one) for one in given if one is not None)

    @property
    def is_kept(self) -> bool:
        """Whether open tasks of it have to know that they are."""
        return self.compensation is not None or self.type is TaskType.AI

    @property
    def kind(self) -> str:
        """The task's type as the history tells it."""
        return CHILD if self.type is None else self.type.value

    def open(self, turn: Turn, waiting: WaitingTask, open_task: OpenTask) -> None:
        """Create the task, now that its input is known."""
        if self.type is None:
            turn.create_task(
                StartChild(
                    ordinal=turn.next_ordinal,
                    name=self.name,
                    definition=str(self.function),
                    version=self.child.version,
                    business_key=waiting.key,
                    input=waiting.input,
                    detached=self.detached,
                    on_parent_close=self.child.on_parent_close,
                    compensation=waiting.undoes,
                ),
                open_task,
            )
            return
        is_timer = self.type is TaskType.TIMER
        turn.create_task(
            CreateTask(
                ordinal=turn.next_ordinal,
                name=self.name,
                type=self.type,
                function=self.function,
                input=waiting.input,
                queue=self.queue,
                priority=self.priority,
                run_at=self._run_at(waiting.input, turn) if is_timer else None,
                retry=self.retry,
                timeout=self.timeout,
                detached=self.detached,
                compensation=waiting.undoes,
                events=self.events,
                policy=self.policy,
                guardrails=self.guardrails,
                limit_key=waiting.key,
                terms=self._terms(waiting, turn.now),
                due=None if self.people is None else self.people.due(waiting.offer, turn.now),
            ),
            open_task,
        )

    def _terms(self, waiting: WaitingTask, now: datetime) -> dict[str, Json] | None:
        """What people may do with the task; None where nothing is said of it."""
        found = {} if self.people is None else self.people.terms(waiting.offer, now)
        if self.is_skippable:
            found["skippable"] = True
        return found or None

    def _run_at(self, given: Json, turn: Turn) -> datetime:
        pointer, now = f"{self.json_pointer}/input", turn.now
        if isinstance(given, dict):
            if is_moment(given):
                turn.spend(CALENDAR_WORK)
                return on_calendar(given, now, pointer)
            if "delay" in given and "at" not in given:
                return due_after(given["delay"], now, pointer)
            at = given.get("at")
            instant = read_instant(at) if isinstance(at, str) else None
            if instant is not None and "delay" not in given:
                return within_reach(Duration(0, max(instant - now, now - now)), now, pointer)
        raise ExpressionUnusable(
            pointer,
            'the input of a timer must be {"delay": <duration>}, {"at": <RFC 3339 timestamp>},'
            ' {"cron": …, "zone": …}, or {"date": …, "time": …, "zone": …}',
            "",
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ForEach:
    """One task an item, at most `concurrency` of them open at a time."""

    items: Template
    concurrency: int
    join: Join
    json_pointer: str

    def create(self, turn: Turn, plan: TaskPlan, invoke_id: str | None) -> None:
        """
        Open a group. All inputs are worked out now, in the order of the items.

        Of no items, `all` and `settled` have ended at once; `any` cannot.
        """
        items = self.items.evaluate(turn)
        if not isinstance(items, list):
            raise ExpressionUnusable(self.json_pointer, "`forEach` must give a list", "")
        if len(items) > MAX_FAN_OUT:
            raise LimitReached(
                "items of a fan-out",
                actual=len(items),
                maximum=MAX_FAN_OUT,
                json_pointer=self.json_pointer,
            )
        if not items and self.join == "any":
            message = "there is no item, so none can succeed; `any` needs at least one"
            raise ExpressionUnusable(self.json_pointer, message, "")
        if isinstance(self.join, int) and len(items) < self.join:
            message = f"there are {len(items)} items, and `join` needs {self.join} to succeed"
            raise ExpressionUnusable(self.json_pointer, message, "")
        turn.spend(plan.work * len(items))
        waiting = []
        for place, item in enumerate(items):
            turn.scope["item"], turn.scope["index"] = item, place
            waiting.append(plan.waiting(turn, place))
        turn.scope.pop("item", None)
        turn.scope.pop("index", None)
        group = OpenGroup(
            name=plan.name,
            state=turn.owner,
            invoke_id=invoke_id,
            detached=plan.detached,
            join=self.join,
            endings=(None,) * len(items),
            waiting=tuple(waiting),
        )
        if waiting:
            open_group(turn, {plan.index: plan}, group, self.concurrency)
        else:
            turn.raise_event(done_of(plan.name, invoke_id, []))


def open_group(
    turn: Turn, plans: Mapping[int, TaskPlan], group: OpenGroup, concurrency: int
) -> None:
    """Begin a group with its first tasks; the others wait until one of these has ended."""
    number = turn.next_ordinal
    first, later = group.waiting[:concurrency], group.waiting[concurrency:]
    waiting_in_all = len(later) + sum(len(one.waiting) for one in turn.groups.values())
    if waiting_in_all > MAX_WAITING_TASKS:
        raise LimitReached(
            "waiting tasks per instance", actual=waiting_in_all, maximum=MAX_WAITING_TASKS
        )
    held = sum(bytes_of(one.input) for one in later)
    held_in_all = held + held_beside(turn, number)
    if held_in_all > MAX_HELD_BYTES:
        raise LimitReached("bytes of waiting inputs", actual=held_in_all, maximum=MAX_HELD_BYTES)
    turn.keep_group(number, replace(group, waiting=later, held=held))
    for waiting in first:
        open_next(turn, plans[waiting.plan], number, group, waiting)


def open_next(
    turn: Turn, plan: TaskPlan, number: int, group: OpenGroup, waiting: WaitingTask
) -> None:
    """Create a task of a group."""
    plan.open(
        turn,
        waiting,
        OpenTask(
            name=plan.name,
            type=plan.kind,
            state=group.state,
            invoke_id=group.invoke_id,
            detached=group.detached,
            group=number,
            place=waiting.place,
            plan=plan.index if plan.is_kept else None,
        ),
    )


def done_of(name: str, invoke_id: str | None, output: Json) -> EventObject:
    """The event that tells of a success, of a task or of a group."""
    if invoke_id is None:
        return {"type": f"task.{name}.done", "output": output}
    kind = f"xstate.done.actor.{invoke_id}"
    return {"type": kind, "output": output, "actorId": invoke_id}


def failed_of(name: str, invoke_id: str | None, error: Json) -> EventObject:
    """The event that tells of a failure."""
    if invoke_id is None:
        return {"type": f"task.{name}.failed", "error": error}
    kind = f"xstate.error.actor.{invoke_id}"
    return {"type": kind, "error": error, "actorId": invoke_id}


@dataclass(frozen=True, slots=True, eq=False)
class Invocation:
    """A task bound to a state: created on entry, cancelled on exit."""

    id: str
    plan: TaskPlan
