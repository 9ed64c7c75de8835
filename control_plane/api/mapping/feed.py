"""The feed on the wire. An entry is put together once, however many watch it."""

from weakref import WeakKeyDictionary

from foliot.v1 import event_service_pb2 as pb
from foliot.v1 import history_entry_pb2, task_pb2

from control_plane.api.feed_positions import position_to
from control_plane.api.mapping.history import entry_to, type_to
from control_plane.api.mapping.tasks import task_to
from control_plane.ports.feed import FeedEntry
from control_plane.ports.records import Task
from control_plane.use_cases.watch_events import News
from control_plane.use_cases.watch_tasks import OpenTasks, WatchedTasks
from shared.ids import TenantId

_made: WeakKeyDictionary[FeedEntry, pb.FeedEntry] = WeakKeyDictionary()


def news_to(tenant_id: TenantId, news: News) -> pb.WatchEventsResponse:
    return pb.WatchEventsResponse(
        entries=[feed_entry_to(tenant_id, one) for one in news.entries],
        position=position_to(tenant_id, news.until),
    )


def feed_entry_to(tenant_id: TenantId, one: FeedEntry) -> pb.FeedEntry:
    found = _made.get(one)
    if found is None:
        found = _made[one] = pb.FeedEntry(
            instance_id=str(one.instance_id),
            definition_key=one.definition_key,
            business_key=one.business_key or "",
            entry=entry_to(one.instance_id, one.entry),
            position=position_to(tenant_id, one.position),
        )
    return found


def task_news_to(tenant_id: TenantId, news: WatchedTasks) -> pb.WatchTasksResponse:
    if isinstance(news, OpenTasks):
        return pb.WatchTasksResponse(tasks=[pb.WatchedTask(task=_task(one)) for one in news.tasks])
    return pb.WatchTasksResponse(
        tasks=[_change(one, task) for one, task in news.changes],
        position=position_to(tenant_id, news.until),
    )


def _change(one: FeedEntry, task: Task) -> pb.WatchedTask:
    change: history_entry_pb2.HistoryEntryType.ValueType = type_to(one.entry.type)
    return pb.WatchedTask(task=_task(task), change=change, seq=one.entry.seq)


def _task(task: Task) -> task_pb2.Task:
    return task_to(task, with_input=True, with_output=False)
