"""
What turns came to, counted once a turn and not once a change.

Measured on 2 loaded cores: 2 to 3 µs a change in turns of 50 and of 4, of some 360 that a step of
bench W2 costs the control plane; docs/metrics.md tells of the whole.
"""

from collections import Counter
from collections.abc import Sequence
from time import perf_counter

from control_plane.orchestrator import Turn
from control_plane.ports.instance_store import (
    Change,
    InstanceStore,
    Read,
    TaskUpdate,
    Wanted,
)
from control_plane.ports.records import InstanceKey
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import OTHER, TENANTS, Counts, counter, histogram

_OUTCOMES = {"failed": "dead"}
"""What a task's status is called as an outcome: one that failed is among the dead letters."""


class MeasuredStore:
    """The store, with its time told."""

    def __init__(self, store: InstanceStore) -> None:
        self._store = store
        self._reads = histogram(Metric.READ_SECONDS)
        self._commits = histogram(Metric.COMMIT_SECONDS)
        self._kept = counter(Metric.TURN_CHANGES).labels("kept")
        self._overtaken = counter(Metric.TURN_CHANGES).labels("overtaken")

    async def read(self, wanted: Wanted) -> Read:
        began = perf_counter()
        found = await self._store.read(wanted)
        self._reads.observe(perf_counter() - began)
        return found

    async def write(self, changes: Sequence[Change]) -> frozenset[InstanceKey]:
        began = perf_counter()
        kept = await self._store.write(changes)
        self._commits.observe(perf_counter() - began)
        self._kept.inc(len(kept))
        if len(kept) < len(changes):
            self._overtaken.inc(len(changes) - len(kept))
        return kept


class TurnMeter:
    def __init__(self) -> None:
        self._requests = histogram(Metric.TURN_REQUESTS)
        self._started = Counts(Metric.INSTANCES_STARTED)
        self._closed = Counts(Metric.INSTANCES_ENDED)
        self._created = Counts(Metric.TASKS_CREATED)
        self._handed = Counts(Metric.TASKS_HANDED)
        self._ended = Counts(Metric.TASKS_ENDED)
        self._failed = Counts(Metric.ATTEMPTS_FAILED)
        self._retried = Counts(Metric.TASKS_RETRIED)
        self._rescued = Counts(Metric.TASKS_RESCUED)

    def committed(self, turn: Turn) -> None:
        """What it kept is committed."""
        self._requests.observe(len(turn.answers) + len(turn.again))
        seen: Counter[tuple[Counts, tuple[str, ...]]] = Counter()
        for change in turn.kept:
            after = change.after
            tenant = TENANTS(after.tenant_id)
            if not change.expected_revision:
                seen[self._started, (tenant,)] += 1
            if after.completed_at is not None and after.completed_at == after.updated_at:
                seen[self._closed, (after.status, tenant)] += 1
            for new in change.new_tasks:
                seen[self._created, (new.type, tenant)] += 1
                if new.ordinal in change.handed:
                    seen[self._handed, (new.type,)] += 1
                if new.is_cancelled:
                    seen[self._ended, (new.type, "cancelled", tenant)] += 1
            for update in change.updated_tasks:
                if update.completed_at is not None:
                    self._count_end(seen, update, tenant)
            if change.requeued:
                self._count_again(seen, change, tenant)
        for (counts, values), count in seen.items():
            counts.add(*values, count=count)

    def _count_end(
        self, seen: Counter[tuple[Counts, tuple[str, ...]]], update: TaskUpdate, tenant: str
    ) -> None:
        type_ = update.type or OTHER
        outcome = _OUTCOMES.get(update.status, update.status)
        seen[self._ended, (type_, outcome, tenant)] += 1
        if outcome == "dead":
            seen[self._failed, (type_, tenant)] += 1

    def _count_again(
        self, seen: Counter[tuple[Counts, tuple[str, ...]]], change: Change, tenant: str
    ) -> None:
        """What is to be claimed again: after a failure, after a lost lease, or at once by wish."""
        types = {one.ordinal: one.type for one in change.requeued}
        for update in change.updated_tasks:
            type_ = types.get(update.ordinal)
            if type_ is None or update.status != "pending":
                continue
            if update.lost_epoch is not None:
                seen[self._rescued, (type_, tenant)] += 1
            elif update.error is not None:
                seen[self._retried, (type_, tenant)] += 1
                seen[self._failed, (type_, tenant)] += 1
