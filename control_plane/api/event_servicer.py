"""EventService: proto in, use case, proto out; and streams that know when to end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Literal

from foliot.v1 import event_service_pb2 as pb
from foliot.v1 import event_service_pb2_grpc as pb_grpc
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.admission import Admission, draining_now
from control_plane.api.call_metadata import correlation_id
from control_plane.api.errors import status_of
from control_plane.api.filters import Field, check_order, parse_filter
from control_plane.api.mapping.history import TYPE_WORDS, entry_to
from control_plane.api.mapping.instances import accepted, event_from
from control_plane.api.page_tokens import invalid_token, make_token, read_token
from control_plane.ports.instance_store import InstanceStore
from control_plane.ports.reader import Reader
from control_plane.use_cases.ingest_events import Item, ingest_events
from control_plane.use_cases.list_history import HistoryFilter, list_history
from control_plane.use_cases.paging import page_size
from control_plane.use_cases.submits import Submits
from control_plane.use_cases.watch_instance import Bookmark, News, Watched, watch_instance
from shared.errors import FoliotError, InvalidRequest
from shared.ids import InstanceId, parse_task_id, parse_uuid

FILTER = {
    "type": Field(kind="word", words=TYPE_WORDS),
    "task_id": Field(kind="text"),
    "seq": Field(kind="int", ranged=True),
}
NEWEST_FIRST = "seq desc"
ORDERS = ("seq", NEWEST_FIRST)

_ACTIONS: dict[int, Literal["start", "correlate"]] = {
    pb.INGEST_ACTION_START: "start",
    pb.INGEST_ACTION_CORRELATE: "correlate",
}


class EventServicer(pb_grpc.EventServiceServicer):
    def __init__(
        self,
        orchestrator: Submits,
        store: InstanceStore,
        reader: Reader,
        news: News,
        admission: Admission,
    ) -> None:
        self._orchestrator = orchestrator
        self._store = store
        self._reader = reader
        self._news = news
        self._admission = admission

    async def ListHistory(
        self,
        request: pb.ListHistoryRequest,
        _context: ServicerContext[pb.ListHistoryRequest, pb.ListHistoryResponse],
    ) -> pb.ListHistoryResponse:
        instance_id = _id(request.instance_id)
        order = check_order(request.order_by, ORDERS)
        mark = f"history\n{instance_id}\n{request.filter}\n{order}"
        page = await list_history(
            self._reader,
            principal.current().tenant,
            instance_id,
            _history_filter(request.filter, instance_id),
            newest_first=order == NEWEST_FIRST,
            after=_position(request.page_token, mark),
            size=page_size(request.page_size),
        )
        return pb.ListHistoryResponse(
            entries=[entry_to(instance_id, one) for one in page.rows],
            next_page_token=make_token([page.last.seq], of=mark) if page.last else "",
        )

    async def WatchInstance(
        self,
        request: pb.WatchInstanceRequest,
        _context: ServicerContext[pb.WatchInstanceRequest, pb.WatchInstanceResponse],
    ) -> AsyncIterator[pb.WatchInstanceResponse]:
        caller = principal.current()
        instance_id = _id(request.instance_id)
        seq = request.after_seq
        with self._admission.watch(caller.name):
            watched = watch_instance(
                self._reader, self._news, caller.tenant, instance_id, after_seq=seq
            )
            async with aclosing(watched):
                async for item in _until(watched, self._admission.draining):
                    seq = item.seq
                    yield pb.WatchInstanceResponse(
                        seq=seq,
                        entry=None if isinstance(item, Bookmark) else entry_to(instance_id, item),
                    )
            if self._admission.draining.is_set():
                yield pb.WatchInstanceResponse(seq=seq, draining=True)
                raise draining_now()

    async def IngestEvents(
        self,
        request: pb.IngestEventsRequest,
        _context: ServicerContext[pb.IngestEventsRequest, pb.IngestEventsResponse],
    ) -> pb.IngestEventsResponse:
        caller = principal.current()
        items = [_item(one) for one in request.items]
        answers = await ingest_events(
            self._orchestrator, self._store, caller.tenant, items, started_by=caller.name
        )
        return pb.IngestEventsResponse(
            results=[
                pb.IngestResult(error=status_of(answer, correlation_id()))
                if isinstance(answer, FoliotError)
                else pb.IngestResult(accepted=accepted(answer, is_start=item.action == "start"))
                for item, answer in zip(items, answers, strict=True)
            ]
        )


async def _until(watched: AsyncIterator[Watched], stop: asyncio.Event) -> AsyncIterator[Watched]:
    """What is watched, until there is no more or it is time to stop."""
    stopping = asyncio.create_task(stop.wait())
    upcoming: asyncio.Task[Watched | None] | None = None
    try:
        while True:
            upcoming = asyncio.create_task(_next(watched))
            await asyncio.wait((upcoming, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not upcoming.done():
                return
            item = upcoming.result()
            if item is None:
                return
            yield item
    finally:
        stopping.cancel()
        if upcoming is not None and not upcoming.done():
            upcoming.cancel()
            await asyncio.wait((upcoming,))


async def _next(watched: AsyncIterator[Watched]) -> Watched | None:
    return await anext(watched, None)


def _history_filter(text: str, instance_id: InstanceId) -> HistoryFilter:
    terms = parse_filter(text, FILTER)
    exactly = terms.integer("seq")
    task_id = terms.text("task_id")
    ordinal: int | None = None
    if task_id is not None:
        whose, ordinal = parse_task_id(task_id, "filter")
        if whose != instance_id:
            raise InvalidRequest(
                f"task {task_id!r} is none of instance {instance_id}",
                field="filter",
                reason="FILTER_INVALID",
            )
    lower, upper = terms.integer("seq", ">="), terms.integer("seq", "<")
    return HistoryFilter(
        type=terms.text("type"),
        ordinal=ordinal,
        from_seq=exactly if lower is None else max(lower, exactly or 0),
        before_seq=_lesser(upper, exactly + 1 if exactly is not None else None),
    )


def _lesser(first: int | None, second: int | None) -> int | None:
    return min((one for one in (first, second) if one is not None), default=None)


def _item(message: pb.IngestItem) -> Item:
    return Item(
        event=event_from(message.event),
        definition_key=message.definition_key,
        business_key=message.business_key,
        action=_ACTIONS.get(message.action),
    )


def _id(text: str) -> InstanceId:
    return InstanceId(parse_uuid(text, "instance_id"))


def _position(token: str, mark: str) -> int | None:
    match read_token(token, of=mark):
        case None:
            return None
        case [int() as seq]:
            return seq
        case _:
            raise invalid_token()
