"""
What the last turns left of instances that go on at once: read from memory instead of the store.

A task that was handed out with the commit that created it comes back as an outcome soon, and its
instance stands as that commit left it. If it does not, whoever changed it has raised its revision,
and the turn's write leaves it out: then it is read like any other. The same if there is something
in its inbox, which may be written without that. So an instance is recalled only for what cannot be
answered without a write: outcomes by the very epoch that is remembered, and timers that are armed
for that very instant.

Spares a step of bench W2 two of its three statements.

For a crowd of timers instances are read, and what their timers do is decided, shortly before its
instant and as of it: a decision needs to be told what time it is, and nothing else. It is kept when
the database says that the time has come, if the instance still stands as it was read. Two thirds
of what a control plane has to do for bench W5 are done before it begins.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from control_plane.engine import Machine, Snapshot, load_snapshot
from control_plane.orchestrator import fold
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.machines import MachineKey
from control_plane.orchestrator.request import Asked, Fire, Report, Request
from control_plane.ports.instance_store import Change, Read
from control_plane.ports.records import Instance, InstanceKey, Lease, Task
from shared.frozen import frozen

MAX_REMEMBERED = 2_000
"""Instances; the one remembered longest ago is forgotten."""

MAX_WEIGHT = 4 * 1024 * 1024
"""Characters of JSON that what is remembered has in all, likewise."""


@frozen
class Foreseen:
    """What a timer will do if nothing else happens before its instant."""

    asked: Fire
    change: Change
    answer: Answer


@frozen
class Continuation:
    """An instance as a turn left it, and those of its tasks that were handed out."""

    instance: Instance
    snapshot: Snapshot
    tasks: Mapping[int, Task]
    foreseen: Foreseen | None = None

    @property
    def weight(self) -> int:
        inputs = sum(len(task.input) for task in self.tasks.values())
        once = len(self.instance.context) + len(self.instance.snapshot) + inputs
        return once if self.foreseen is None else 2 * once


class Continuations:
    def __init__(self) -> None:
        self._known: OrderedDict[InstanceKey, Continuation] = OrderedDict()
        self._weight = 0

    def recall(self, requests: Iterable[Request]) -> dict[InstanceKey, Continuation]:
        """
        What is remembered of the instances of which nothing else is asked. It is forgotten: the
        turn remembers what it leaves.
        """
        found: dict[InstanceKey, Continuation | None] = {}
        for request in requests:
            key = request.key
            if key not in found:
                found[key] = self._forget(key)
            elif (one := found[key]) is not None and one.foreseen is not None:
                # Something else happens before the timer, or after it.
                found[key] = replace(one, foreseen=None)
            known, asked = found[key], request.asked
            if known is not None and not _is_for(known, asked):
                found[key] = None
        return {key: known for key, known in found.items() if known is not None}

    def foresee(
        self, asked: Mapping[InstanceKey, Fire], read: Read, machines: Mapping[MachineKey, Machine]
    ) -> None:
        """Decide what these timers will do to the instances that were read."""
        for key, instance in read.instances.items():
            # What waits in the inbox comes before.
            if instance.is_closed or instance.paused or read.inbox.get(key):
                continue
            machine = machines[key.tenant_id, instance.definition_id]
            snapshot = load_snapshot(machine, instance.snapshot, instance.context)
            known = Continuation(instance=instance, snapshot=snapshot, tasks={})
            fire = asked[key]
            if _is_for(known, fire) and instance.updated_at <= fire.due:
                draft = Draft(instance, machine, fire.due, snapshot)
                answer = fold.fire(draft, fire)
                change = draft.change()
                if change is not None:
                    foreseen = Foreseen(asked=fire, change=change, answer=answer)
                    self._keep(replace(known, foreseen=foreseen))

    def remember(self, draft: Draft, change: Change, before: Continuation | None) -> None:
        """The change has been kept. `before` is what had been recalled of its instance."""
        held = {} if before is None else dict(before.tasks)
        for update in change.updated_tasks:
            held.pop(update.ordinal, None)
        held.update(_handed_out(change))
        # What waits in the inbox comes before what is told next.
        if not held or draft.snapshot is None or draft.inbox or draft.is_closed or draft.paused:
            return
        self._keep(Continuation(instance=change.after, snapshot=draft.snapshot, tasks=held))

    def _keep(self, known: Continuation) -> None:
        self._forget(known.instance.key)
        self._known[known.instance.key] = known
        self._weight += known.weight
        while len(self._known) > MAX_REMEMBERED or self._weight > MAX_WEIGHT:
            self._forget(next(iter(self._known)))

    def _forget(self, key: InstanceKey) -> Continuation | None:
        known = self._known.pop(key, None)
        if known is not None:
            self._weight -= known.weight
        return known


def _is_for(known: Continuation, asked: Asked) -> bool:
    """Whether what is asked changes the instance, if it is as it is known."""
    match asked:
        case Report():
            return _has(known, asked)
        case Fire(timer_id=timer_id, due=due):
            timer = known.snapshot.timers.get(timer_id)
            return timer is not None and timer.due == due
        case _:
            return False


def _has(known: Continuation, asked: Report) -> bool:
    task = known.tasks.get(asked.ordinal)
    return task is not None and task.lease is not None and task.lease.epoch == asked.epoch


def _handed_out(change: Change) -> Iterator[tuple[int, Task]]:
    """The tasks that the change hands out, as they are read from the store after it."""
    if not change.handed:
        return
    after = change.after
    for new in change.new_tasks:
        session_id = change.handed.get(new.ordinal)
        if session_id is None:
            continue
        lease = Lease(session_id=session_id, attempt=1, epoch=1, claimed_at=after.updated_at)
        yield new.ordinal, new.created(after.key, after.updated_at, lease)
