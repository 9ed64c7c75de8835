"""
What people and programs look up: instances, tasks, history. Read-your-writes: the same database.

Pages are by key, never by offset: `after` is the place of the last row already seen. It says all
that the order goes by, so that a list goes on after a row that was changed or removed since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from control_plane.ports.people import Offer
from control_plane.ports.records import (
    HistoryEntry,
    Instance,
    InstanceStatus,
    Task,
    TaskStatus,
)
from control_plane.ports.standing import Comment
from shared.ids import InstanceId, TenantId
from shared.tasks import TaskType


@dataclass(frozen=True, slots=True)
class InstancePlace:
    """Where an instance stands in lists."""

    started_at: datetime
    instance_id: InstanceId

    @classmethod
    def of(cls, instance: Instance) -> "InstancePlace":
        return cls(instance.started_at, instance.instance_id)


@dataclass(frozen=True, slots=True)
class TaskPlace:
    """
    Where a task stands in a list: `at` is when it is or was due, or should be done, as the list
    goes by; None where it goes by neither, or the task has no such time and comes last.
    """

    at: datetime | None
    instance_id: InstanceId
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFilter:
    """All that is set must hold."""

    status: InstanceStatus | None = None
    definition_key: str | None = None
    business_key: str | None = None
    schedule_id: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    """Names with the values that they must have."""
    started_from: datetime | None = None
    started_before: datetime | None = None
    down_to: InstancePlace | None = None
    """Not beyond this one, which is of the list; with `labels` only."""

    @property
    def asks_beside_labels(self) -> bool:
        """Whether it asks for more than the index of labels has, of what has the first label."""
        rest = self.status, self.definition_key, self.business_key, self.schedule_id
        return bool(self.labels) and (len(self.labels) > 1 or any(one is not None for one in rest))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """All that is set must hold."""

    instance_id: InstanceId | None = None
    status: TaskStatus | None = None
    type: TaskType | None = None
    is_dead: bool = False
    """It has failed for good, and its work was not begun anew; with `status` failed, and no
    instance."""
    found_as: tuple[frozenset[Offer], ...] = ()
    """Of each set at least one: open human tasks alone, as only they are found so."""
    is_unclaimed: bool = False
    """Nobody has taken it; with `found_as` only, as the two that follow."""
    due_from: datetime | None = None
    due_before: datetime | None = None

    @property
    def is_by_due(self) -> bool:
        """Whether tasks come by when they should be done, those without such a time last."""
        return bool(self.found_as)

    @property
    def is_by_time(self) -> bool:
        """Whether tasks come by when they are or were due: those of a type, or of a status, but
        not those that are `running`.
        """
        is_of_many = self.instance_id is None and not self.found_as
        is_narrowed = self.status is not None or self.type is not None
        return is_of_many and is_narrowed and self.status != "running"

    def place_of(self, task: Task) -> TaskPlace:
        """Where it stands in a list by this filter."""
        at = task.due_at if self.is_by_due else task.run_at if self.is_by_time else None
        return TaskPlace(at, task.instance_id, task.ordinal)


class Reader(Protocol):
    async def get_instance(self, tenant_id: TenantId, instance_id: InstanceId) -> Instance | None:
        """The instance, or None where this tenant has none of that id."""

    async def list_instances(
        self,
        tenant_id: TenantId,
        wanted: InstanceFilter,
        *,
        after: InstancePlace | None,
        limit: int,
    ) -> Sequence[Instance]:
        """Newest start first (ids sort by start)."""

    async def labelled_at(
        self,
        tenant_id: TenantId,
        wanted: InstanceFilter,
        *,
        after: InstancePlace | None,
        count: int,
    ) -> InstancePlace | None:
        """
        Of the instances with the first of the labels, started in the time that is wanted, that
        number of a list of them; None where there are not so many. What else is wanted is not
        looked at.
        """

    async def get_task(
        self, tenant_id: TenantId, instance_id: InstanceId, ordinal: int
    ) -> Task | None:
        """The task with the lease it is under, or None."""

    async def list_tasks(
        self,
        tenant_id: TenantId,
        wanted: TaskFilter,
        *,
        after: TaskPlace | None,
        limit: int,
    ) -> Sequence[Task]:
        """
        By `run_at`, instance and ordinal if the filter is by time; by `due_at` instead of `run_at`
        if it is by due; else by instance and ordinal.

        A status is the one of `Task.status_now`.
        """

    async def list_history(
        self, tenant_id: TenantId, instance_id: InstanceId, *, after_seq: int, limit: int
    ) -> Sequence[HistoryEntry]:
        """Entries with a seq above `after_seq`, in order."""

    async def list_comments(
        self,
        tenant_id: TenantId,
        instance_id: InstanceId,
        ordinal: int,
        *,
        author: str | None = None,
        after_seq: int,
        limit: int,
    ) -> Sequence[Comment]:
        """What was said of a task, by one author or all, with a seq above `after_seq`, in order."""

    async def get_tasks(
        self, tenant_id: TenantId, keys: Sequence[tuple[InstanceId, int]], type_: TaskType
    ) -> Mapping[tuple[InstanceId, int], Task]:
        """Of the named tasks those of a type, with their leases."""

    async def count_instances(
        self, tenant_id: TenantId, wanted: InstanceFilter, *, at_most: int
    ) -> int:
        """How many there are; not more than `at_most` are looked at."""

    async def count_tasks(self, tenant_id: TenantId, wanted: TaskFilter, *, at_most: int) -> int:
        """How many there are; not more than `at_most` are looked at."""
