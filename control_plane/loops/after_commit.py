"""
What a commit sets in motion: tasks on their way to executors that have them already, word to
those whose attempts were called off, bells for those that became ready or may have room now,
timers that fall due sooner than anybody looks, watchers with more to read. Nothing here may
be lost for good: each has a poll, a lease or a heartbeat beneath it.
"""

from collections import defaultdict

from control_plane.loops.bells import Bells
from control_plane.loops.courier import Courier
from control_plane.loops.delayed import Delayed
from control_plane.loops.limits import Limits
from control_plane.loops.recalls import Recalls
from control_plane.loops.tailer import Tailer
from control_plane.loops.timers import Timers
from control_plane.orchestrator import Hands, Turn
from shared import doorbell
from shared.ids import task_id
from shared.tasks import TaskType


class AfterCommit:
    def __init__(
        self,
        hands: Hands,
        recalls: Recalls,
        bells: Bells,
        timers: Timers,
        delayed: Delayed,
        tailer: Tailer,
        courier: Courier,
        limits: Limits,
    ) -> None:
        self._hands = hands
        self._recalls = recalls
        self._bells = bells
        self._timers = timers
        self._delayed = delayed
        self._tailer = tailer
        self._courier = courier
        self._limits = limits

    def __call__(self, turn: Turn) -> None:
        self._hands.deliver(turn.kept)
        self._tailer.committed([(change.key, change.entries) for change in turn.kept])
        ready: defaultdict[str, list[str]] = defaultdict(list)
        dead: list[str] = []
        later = []
        is_sooner = False
        for change in turn.kept:
            if change.withdrawn:
                self._recalls.note(change)
            if change.armed or change.disarmed:
                is_sooner |= self._timers.changed(change.key, change.armed, change.disarmed)
            if change.fences:
                self._limits.ended(change.key.tenant_id)
            instance_id = change.after.instance_id
            if change.after.paused:
                continue
            claimable = [
                (t.queue, t.ordinal, t.run_at)
                for t in change.new_tasks
                if t.type is not TaskType.WORKFLOW and t.ordinal not in change.handed
            ]
            claimable += [(t.queue, t.ordinal, t.run_at) for t in change.requeued]
            for queue, ordinal, run_at in claimable:
                if run_at <= turn.now:
                    ready[queue].append(task_id(instance_id, ordinal))
                else:
                    later.append(run_at)
            dead.extend(
                task_id(instance_id, update.ordinal)
                for update in change.updated_tasks
                if update.status == "failed"
            )
        if any(change.outbox for change in turn.kept):
            self._courier.wake()
        for queue, ids in ready.items():
            self._bells.note(doorbell.task_runner(queue), ids)
        if dead:
            self._bells.note(doorbell.DEAD_LETTER, dead)
        if later:
            is_sooner |= self._delayed.expect(min(later))
        if is_sooner:
            self._bells.note(doorbell.TIMERS, [])
