"""Follow a tenant's human tasks: those that are open, then whatever becomes of them and others."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from control_plane.ports.feed import Feed, FeedEntry, Position
from control_plane.ports.people import Offer, offers_of
from control_plane.ports.reader import Reader, TaskFilter, TaskPlace
from control_plane.ports.records import Task
from control_plane.use_cases.feed_filter import FeedFilter
from control_plane.use_cases.watch_events import Window, watch_events
from control_plane.use_cases.watch_instance import BOOKMARK_S
from shared import json
from shared.ids import InstanceId, TenantId
from shared.tasks import TaskType

OPEN_AT_ONCE = 100

CHANGES = frozenset(
    {
        "TASK_CREATED",
        "TASK_CLAIMED",
        "TASK_UNCLAIMED",
        "TASK_ASSIGNED",
        "TASK_DELEGATED",
        "TASK_RETURNED",
        "TASK_VOTED",
        "TASK_COMMENTED",
        "TASK_REMINDED",
        "TASK_ESCALATED",
        "TASK_RETRY_SCHEDULED",
        "TASK_COMPLETED",
        "TASK_FAILED",
        "TASK_CANCELLED",
        "TASK_SKIPPED",
        "TASK_REDRIVEN",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWish:
    """Which human tasks. All that is set must hold."""

    instance_id: InstanceId | None = None
    definition_key: str | None = None
    business_key: str | None = None
    queue: str | None = None
    name: str | None = None
    found_as: tuple[frozenset[Offer], ...] = ()
    """Of each set the task is found by one at least, while it is open."""
    is_unclaimed: bool = False
    due_from: datetime | None = None
    due_before: datetime | None = None

    @property
    def open(self) -> TaskFilter:
        """The open tasks of the wish, as far as the reader can tell."""
        return TaskFilter(
            instance_id=self.instance_id,
            status=None if self.found_as else "pending",
            type=TaskType.HUMAN,
            found_as=self.found_as,
            is_unclaimed=self.is_unclaimed,
            due_from=self.due_from,
            due_before=self.due_before,
        )

    def keeps(self, task: Task, *, left_by: str = "", is_taken: bool = False) -> bool:
        """
        Of a change `left_by` is whose the task was until then, and `is_taken` says that it is
        somebody's now: who found it as theirs, or as nobody's, is told that it is so no longer.
        """
        offers = offers_of(task.terms, task.assignee, task.due_at)
        before = offers | {Offer("assignee", left_by)} if left_by else offers
        due = task.due_at
        return (
            task.type is TaskType.HUMAN
            and self.instance_id in {None, task.instance_id}
            and self.queue in {None, task.queue}
            and self.name in {None, task.name}
            and all(not one.isdisjoint(before) for one in self.found_as)
            and (not self.is_unclaimed or is_taken or task.assignee is None or task.is_closed)
            and (self.due_from is None or (due is not None and due >= self.due_from))
            and (self.due_before is None or (due is not None and due < self.due_before))
        )


@dataclass(frozen=True, slots=True)
class OpenTasks:
    """Tasks that were open when the stream began; more of them may follow."""

    tasks: Sequence[Task]


@dataclass(frozen=True, slots=True)
class TaskNews:
    """What happened to tasks, with each as it is by now; up to a position."""

    changes: Sequence[tuple[FeedEntry, Task]]
    until: Position


WatchedTasks: TypeAlias = OpenTasks | TaskNews


async def watch_tasks(
    feed: Feed,
    window: Window,
    reader: Reader,
    tenant_id: TenantId,
    wanted: TaskWish,
    *,
    after: Position | None,
    bookmark_s: float = BOOKMARK_S,
) -> AsyncGenerator[WatchedTasks, None]:
    """
    Changes of human tasks after a position. Without one, first those that are open now.

    The position is taken before the open tasks are read: a change in between comes after the
    task that shows it already, and none is missed.
    """
    position = after
    if position is None:
        position = await feed.newest(tenant_id)
        async for some in _open_now(reader, tenant_id, wanted):
            yield OpenTasks(some)
    followed = watch_events(
        feed,
        window,
        tenant_id,
        FeedFilter(
            types=CHANGES,
            instance_id=wanted.instance_id,
            business_key=wanted.business_key,
            definition_key=wanted.definition_key,
        ),
        after=position,
        bookmark_s=bookmark_s,
    )
    async with aclosing(followed):
        loop = asyncio.get_running_loop()
        told_at: float | None = None
        async for news in followed:
            changes = await _changes(reader, tenant_id, wanted, news.entries)
            # A batch of tasks that no person carries out says nothing; where there is always
            # another, what it stands for is a bookmark now and then all the same.
            is_due = told_at is None or loop.time() - told_at >= bookmark_s
            if changes or not news.entries or is_due:
                told_at = loop.time()
                yield TaskNews(changes, news.until)


async def _open_now(
    reader: Reader, tenant_id: TenantId, wanted: TaskWish
) -> AsyncGenerator[Sequence[Task], None]:
    after: TaskPlace | None = None
    while True:
        found = await reader.list_tasks(tenant_id, wanted.open, after=after, limit=OPEN_AT_ONCE)
        kept = [task for task in found if wanted.keeps(task)]
        if kept and (wanted.definition_key is not None or wanted.business_key is not None):
            kept = [task for task in kept if await _is_of(reader, task, wanted)]
        if kept:
            yield kept
        if len(found) < OPEN_AT_ONCE:
            return
        after = wanted.open.place_of(found[-1])


async def _is_of(reader: Reader, task: Task, wanted: TaskWish) -> bool:
    instance = await reader.get_instance(task.tenant_id, task.instance_id)
    return (
        instance is not None
        and wanted.definition_key in {None, instance.definition_key}
        and wanted.business_key in {None, instance.business_key}
    )


async def _changes(
    reader: Reader, tenant_id: TenantId, wanted: TaskWish, entries: Sequence[FeedEntry]
) -> Sequence[tuple[FeedEntry, Task]]:
    numbered = [
        (one, (one.instance_id, one.entry.ordinal))
        for one in entries
        if one.entry.ordinal is not None and _may_be_human(one)
    ]
    if not numbered:
        return ()
    keys = list(dict.fromkeys(key for _, key in numbered))
    tasks = await reader.get_tasks(tenant_id, keys, TaskType.HUMAN)
    return [
        (one, task)
        for one, key in numbered
        if (task := tasks.get(key)) is not None
        and wanted.keeps(task, left_by=_left_by(one), is_taken=one.entry.type in _TAKEN)
    ]


_HANDED_ON = frozenset({"TASK_ASSIGNED", "TASK_DELEGATED", "TASK_RETURNED", "TASK_ESCALATED"})

_TAKEN = _HANDED_ON | {"TASK_CLAIMED"}


def _left_by(one: FeedEntry) -> str:
    """Whose the task was, of an entry that tells that it is somebody else's now, or nobody's."""
    if one.entry.type != "TASK_UNCLAIMED" and one.entry.type not in _HANDED_ON:
        return ""
    payload = json.load(one.entry.payload)
    left_by = payload.get("from") if isinstance(payload, dict) else None
    return left_by if isinstance(left_by, str) else ""


def _may_be_human(one: FeedEntry) -> bool:
    if one.entry.type != "TASK_CREATED":
        return True
    payload = json.load(one.entry.payload)
    return isinstance(payload, dict) and payload.get("type") == TaskType.HUMAN
