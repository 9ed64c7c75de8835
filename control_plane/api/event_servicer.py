"""EventService: proto in, use case, proto out. Its streams are in event_streams.py."""

from collections.abc import AsyncIterator
from typing import Literal

from foliot.v1 import event_service_pb2 as pb
from foliot.v1 import event_service_pb2_grpc as pb_grpc
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.errors import status_of
from control_plane.api.event_filters import history_filter
from control_plane.api.event_streams import EventStreams
from control_plane.api.filters import check_order
from control_plane.api.mapping.history import entry_to
from control_plane.api.mapping.instances import accepted, event_from
from control_plane.api.page_tokens import invalid_token, make_token, read_token
from control_plane.ports.instance_store import InstanceStore
from control_plane.ports.reader import Reader
from control_plane.use_cases.ingest_events import Item, ingest_events
from control_plane.use_cases.list_history import list_history
from control_plane.use_cases.paging import page_size
from control_plane.use_cases.submits import Submits
from control_plane.use_cases.verify_history import Known, verify_history
from shared.errors import FoliotError, InvalidRequest
from shared.ids import InstanceId, parse_uuid
from shared.telemetry.call_names import correlation_id

HASH_BYTES = 32
NEWEST_FIRST = "seq desc"
ORDERS = ("seq", NEWEST_FIRST)

_ACTIONS: dict[int, Literal["start", "correlate"]] = {
    pb.INGEST_ACTION_START: "start",
    pb.INGEST_ACTION_CORRELATE: "correlate",
}


class EventServicer(pb_grpc.EventServiceServicer):
    def __init__(
        self, orchestrator: Submits, store: InstanceStore, reader: Reader, streams: EventStreams
    ) -> None:
        self._orchestrator = orchestrator
        self._store = store
        self._reader = reader
        self._streams = streams

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
            history_filter(request.filter, instance_id),
            newest_first=order == NEWEST_FIRST,
            after=_position(request.page_token, mark),
            size=page_size(request.page_size),
        )
        return pb.ListHistoryResponse(
            entries=[entry_to(instance_id, one) for one in page.rows],
            next_page_token=make_token([page.last.seq], of=mark) if page.last else "",
        )

    def WatchInstance(
        self,
        request: pb.WatchInstanceRequest,
        _context: ServicerContext[pb.WatchInstanceRequest, pb.WatchInstanceResponse],
    ) -> AsyncIterator[pb.WatchInstanceResponse]:
        return self._streams.watch_instance(request)

    def WatchEvents(
        self,
        request: pb.WatchEventsRequest,
        _context: ServicerContext[pb.WatchEventsRequest, pb.WatchEventsResponse],
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        return self._streams.watch_events(request)

    def WatchTasks(
        self,
        request: pb.WatchTasksRequest,
        _context: ServicerContext[pb.WatchTasksRequest, pb.WatchTasksResponse],
    ) -> AsyncIterator[pb.WatchTasksResponse]:
        return self._streams.watch_tasks(request)

    async def VerifyHistory(
        self,
        request: pb.VerifyHistoryRequest,
        _context: ServicerContext[pb.VerifyHistoryRequest, pb.VerifyHistoryResponse],
    ) -> pb.VerifyHistoryResponse:
        found = await verify_history(
            self._reader, principal.current().tenant, _id(request.instance_id), _known(request)
        )
        return pb.VerifyHistoryResponse(
            intact=found.broken_seq is None,
            entry_count=found.entries,
            last_hash=found.last_hash,
            broken_seq=found.broken_seq or 0,
            problem=found.problem,
        )

    def ExportHistory(
        self,
        request: pb.ExportHistoryRequest,
        _context: ServicerContext[pb.ExportHistoryRequest, pb.ExportHistoryResponse],
    ) -> AsyncIterator[pb.ExportHistoryResponse]:
        return self._streams.export_history(request)

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


def _known(request: pb.VerifyHistoryRequest) -> Known | None:
    if not request.known_seq and not request.known_hash:
        return None
    if len(request.known_hash) != HASH_BYTES:
        raise InvalidRequest(
            f"known_hash has {len(request.known_hash)} bytes; a hash has {HASH_BYTES}, and comes"
            " with its known_seq",
            field="known_hash",
        )
    return Known(request.known_seq, request.known_hash)


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
