"""The streams of EventService. One that a drain ends says so, and from where to resume."""

from collections.abc import AsyncIterator

from foliot.v1 import event_service_pb2 as pb

from control_plane.access import principal
from control_plane.api.admission import Admission
from control_plane.api.event_filters import feed_filter, task_wish
from control_plane.api.feed_positions import position_from, position_to
from control_plane.api.mapping.feed import news_to, task_news_to
from control_plane.api.mapping.history import entry_to
from control_plane.api.mapping.instances import instance_to
from control_plane.api.streaming import check_draining, until_draining
from control_plane.ports.feed import Feed
from control_plane.ports.reader import Reader
from control_plane.use_cases.export_history import export_history
from control_plane.use_cases.watch_events import Window, watch_events
from control_plane.use_cases.watch_instance import Bookmark, News, watch_instance
from control_plane.use_cases.watch_tasks import watch_tasks
from shared.ids import InstanceId, parse_uuid


class EventStreams:
    def __init__(
        self, reader: Reader, feed: Feed, news: News, window: Window, admission: Admission
    ) -> None:
        self._reader = reader
        self._feed = feed
        self._news = news
        self._window = window
        self._admission = admission

    async def watch_instance(
        self, request: pb.WatchInstanceRequest
    ) -> AsyncIterator[pb.WatchInstanceResponse]:
        caller = principal.current()
        instance_id = InstanceId(parse_uuid(request.instance_id, "instance_id"))
        seq = request.after_seq
        draining = self._admission.draining
        with self._admission.watch((caller.tenant_id, caller.name)):
            watched = watch_instance(
                self._reader, self._news, caller.tenant, instance_id, after_seq=seq
            )
            async for some in until_draining(watched, draining):
                if isinstance(some, Bookmark):
                    yield pb.WatchInstanceResponse(seq=some.seq)
                    continue
                for entry in some:
                    seq = entry.seq
                    yield pb.WatchInstanceResponse(seq=seq, entry=entry_to(instance_id, entry))
            if draining.is_set():
                yield pb.WatchInstanceResponse(seq=seq, draining=True)
            check_draining(draining)

    async def watch_events(
        self, request: pb.WatchEventsRequest
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        caller = principal.current()
        tenant_id = caller.tenant
        wanted = feed_filter(request.filter, request.types)
        position = position_from(tenant_id, request.after)
        draining = self._admission.draining
        with self._admission.watch((caller.tenant_id, caller.name)):
            if position is None and request.from_oldest:
                position = await self._feed.oldest(tenant_id)
            elif position is None:
                position = await self._feed.newest(tenant_id)
            watched = watch_events(self._feed, self._window, tenant_id, wanted, after=position)
            async for news in until_draining(watched, draining):
                position = news.until
                yield news_to(tenant_id, news)
            if draining.is_set():
                yield pb.WatchEventsResponse(
                    position=position_to(tenant_id, position), draining=True
                )
            check_draining(draining)

    async def watch_tasks(
        self, request: pb.WatchTasksRequest
    ) -> AsyncIterator[pb.WatchTasksResponse]:
        caller = principal.current()
        tenant_id = caller.tenant
        wanted = task_wish(request.filter, caller.person)
        after = position_from(tenant_id, request.after)
        position = request.after
        draining = self._admission.draining
        with self._admission.watch((caller.tenant_id, caller.name)):
            watched = watch_tasks(
                self._feed, self._window, self._reader, tenant_id, wanted, after=after
            )
            async for news in until_draining(watched, draining):
                message = task_news_to(tenant_id, news)
                position = message.position
                yield message
            if draining.is_set():
                yield pb.WatchTasksResponse(position=position, draining=True)
            check_draining(draining)

    async def export_history(
        self, request: pb.ExportHistoryRequest
    ) -> AsyncIterator[pb.ExportHistoryResponse]:
        instance_id = InstanceId(parse_uuid(request.instance_id, "instance_id"))
        draining = self._admission.draining
        exported = export_history(
            self._reader, principal.current().tenant, instance_id, after_seq=request.after_seq
        )
        async for page in until_draining(exported, draining):
            yield pb.ExportHistoryResponse(
                instance=None if page.instance is None else instance_to(page.instance, full=True),
                entries=[entry_to(instance_id, entry) for entry in page.entries],
            )
        check_draining(draining)
