"""
Why an instance stands where it stands: what it waits for, and what would move it.

Pure, and as cheap as an event: all guards that are asked share the budget of one.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from control_plane.engine.failures import MacrostepFailed
from control_plane.engine.invocations import CHILD
from control_plane.engine.machine import Machine
from control_plane.engine.operands import depends_on_event, operands_of
from control_plane.engine.snapshot import Snapshot, Status
from control_plane.engine.states import State, Transition
from control_plane.engine.summing_up import Standing, summary_of, why_nothing_wakes
from control_plane.engine.turn import Turn
from control_plane.engine.wording import event_words, guard_words, trigger_words
from shared.frozen import frozen
from shared.json import Json

_NO_TIMES: Mapping[int, datetime] = {}

GuardValue: TypeAlias = Literal["TRUE", "FALSE", "DEPENDS_ON_EVENT", "ERROR"]
"""What a guard says now; TRUE where there is none."""


@frozen
class AwaitedTask:
    """
    An open task. `detached` ones are carried out without the instance waiting for them.
    `run_at` is set if nobody is to carry it out before then.
    """

    ordinal: int
    name: str
    type: str
    state: str
    detached: bool = False
    run_at: datetime | None = None


@frozen
class AwaitedTimer:
    """An armed timer; `is_overdue` while its event is on its way."""

    timer_id: str
    due: datetime
    event: str
    state: str
    is_overdue: bool = False


@frozen
class Candidate:
    """
    A transition of an active state.

    `event` is the descriptor as the definition has it, "" for an eventless one, and
    `trigger` the same in words. `operands` are what the guard read, as far as it is
    there. `shadowed_by` points to the transition that is taken in its place now, whatever
    the event brings.
    """

    json_pointer: str
    source: str
    event: str
    trigger: str
    targets: tuple[str, ...]
    guard: str
    value: GuardValue
    operands: dict[str, Json]
    error: str | None = None
    shadowed_by: str | None = None


@frozen
class Explanation:
    """
    How an instance stands, for people and programs.

    `status` and `output`, `error` say how it has ended, once it has. `next_deadline` is
    when the first of its timers, or of its tasks that have a time, is due.
    `nothing_can_wake` is true where no outcome, no timer and no event could move it ever
    again; `why` says so in a sentence then.
    """

    status: Status
    finishing: bool
    cancelling: str | None
    states: tuple[str, ...]
    tasks: tuple[AwaitedTask, ...]
    children: tuple[AwaitedTask, ...]
    timers: tuple[AwaitedTimer, ...]
    deferred: tuple[str, ...]
    accepts: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    next_deadline: datetime | None
    nothing_can_wake: bool
    why: str
    summary: str
    output: Json = None
    error: dict[str, Json] | None = None


def explain(
    machine: Machine,
    snapshot: Snapshot,
    now: datetime,
    *,
    deferred: Sequence[str] = (),
    paused: bool = False,
    run_at: Mapping[int, datetime] = _NO_TIMES,
) -> Explanation:
    """
    What the instance waits for, and which of its transitions could be taken now.

    `deferred` are the types of the events that are kept for later, in their order;
    `run_at` when open tasks are due that are not due yet, by their ordinals. An instance
    that has ended tells how; its tasks are those that outlive it.
    """
    tasks = tuple(
        AwaitedTask(
            ordinal=ordinal,
            name=task.name,
            type=task.type,
            state=task.state,
            detached=task.detached,
            run_at=run_at.get(ordinal),
        )
        for ordinal, task in sorted(snapshot.tasks.items())
    )
    timers = timers_of(machine, snapshot, now)
    accepts = machine.accepts(snapshot)
    is_open = snapshot.status == "active"
    standing = Standing(
        machine=machine,
        snapshot=snapshot,
        now=now,
        accepts=accepts,
        deferred=tuple(deferred),
        paused=paused,
        run_at=run_at,
    )
    deadlines = [one.due for one in timers]
    deadlines += (one.run_at for one in tasks if one.run_at is not None)
    why = why_nothing_wakes(standing)
    return Explanation(
        status=snapshot.status,
        finishing=snapshot.finishing,
        cancelling=snapshot.cancelling,
        states=snapshot.configuration,
        tasks=tuple(one for one in tasks if one.type != CHILD),
        children=tuple(one for one in tasks if one.type == CHILD),
        timers=timers,
        deferred=tuple(deferred),
        accepts=accepts,
        candidates=_candidates(machine, snapshot, now)
        if is_open and not snapshot.finishing
        else (),
        next_deadline=min(deadlines, default=None),
        nothing_can_wake=bool(why),
        why=why,
        summary=summary_of(standing),
        output=snapshot.output,
        error=snapshot.error,
    )


def timers_of(machine: Machine, snapshot: Snapshot, now: datetime) -> tuple[AwaitedTimer, ...]:
    """The armed timers, the first due first."""
    found = []
    for timer_id, timer in snapshot.timers.items():
        state_id = machine.states[machine.index_of[timer.state]].id
        found.append(
            AwaitedTimer(
                timer_id=timer_id,
                due=timer.due,
                event=event_words(str(timer.event["type"]), state_id),
                state=timer.state,
                is_overdue=timer.due <= now,
            )
        )
    return tuple(sorted(found, key=lambda one: (one.due, one.timer_id)))


def _candidates(machine: Machine, snapshot: Snapshot, now: datetime) -> tuple[Candidate, ...]:
    """Innermost states first, each state's in the order in which they are asked."""
    configuration = machine.configuration(snapshot.configuration)
    turn = Turn(snapshot, configuration.active, {"type": ""}, now, machine.about, None)
    found: list[Candidate] = []
    certain: dict[str, list[Transition]] = {}
    for index in sorted(configuration.active, key=lambda one: (-machine.depth(one), one)):
        state = machine.states[index]
        for transition in _in_order(state):
            is_certain = transition.guard is None
            if not transition.is_forbidden:
                shadow = _shadow(certain, state, transition.descriptor)
                found.append(_candidate(machine, transition, shadow, turn))
                is_certain = found[-1].value == "TRUE"
            if is_certain:
                certain.setdefault(transition.descriptor, []).append(transition)
    return tuple(found)


def _in_order(state: State) -> list[Transition]:
    """Eventless ones first; then by descriptor, exact ones before wildcards."""
    descriptors = sorted(state.on, key=lambda one: (one.endswith("*"), -len(one) * ("*" in one)))
    return [*state.always, *(one for kind in descriptors for one in state.on[kind])]


def _shadow(
    certain: Mapping[str, Sequence[Transition]], state: State, descriptor: str
) -> Transition | None:
    """What is taken before a transition of this state could be, whatever the event brings."""
    for covering in _covering(descriptor):
        for one in certain.get(covering, ()):
            if state.index <= one.source <= state.last:
                return one
    return None


def _covering(descriptor: str) -> Iterator[str]:
    """The descriptors that answer all that this one answers."""
    yield descriptor
    if not descriptor or descriptor == "*":
        return
    prefix = descriptor.removesuffix(".*")
    while prefix:
        yield f"{prefix}.*"
        prefix = prefix.rpartition(".")[0]
    yield "*"


def _candidate(
    machine: Machine, transition: Transition, shadow: Transition | None, turn: Turn
) -> Candidate:
    value: GuardValue = "TRUE"
    operands: dict[str, Json] = {}
    error: str | None = None
    guard = transition.guard
    descriptor = transition.descriptor
    if guard is not None:
        turn.scope["event"] = {"type": descriptor}
        is_known = bool(descriptor) and not descriptor.endswith("*")
        operands = operands_of(guard, turn)
        if not is_known:
            operands.pop("event.type", None)
        if depends_on_event(guard, type_is_known=is_known):
            value = "DEPENDS_ON_EVENT"
        else:
            try:
                value = "TRUE" if guard.holds(turn) else "FALSE"
            except MacrostepFailed as failure:
                value, error = "ERROR", str(failure)
    return Candidate(
        json_pointer=transition.json_pointer,
        source=transition.source_path,
        event=descriptor,
        trigger=trigger_words(machine, transition),
        targets=tuple(machine.states[one].path for one in transition.targets),
        guard="" if guard is None else guard_words(machine, guard),
        value=value,
        operands=operands,
        error=error,
        shadowed_by=None if shadow is None else shadow.json_pointer,
    )
