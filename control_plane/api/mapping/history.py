"""History entries on the wire."""

from foliot.v1 import history_entry_pb2 as pb

from control_plane.api.mapping.texts import to_json
from control_plane.api.mapping.times import timestamp
from control_plane.ports.records import HistoryEntry
from shared.ids import InstanceId
from shared.ids import task_id as make_task_id

_PREFIX = "HISTORY_ENTRY_TYPE_"

TYPE_WORDS = tuple(
    name.removeprefix(_PREFIX)
    for name, number in pb.HistoryEntryType.items()
    if number != pb.HISTORY_ENTRY_TYPE_UNSPECIFIED
)


_TYPES = {word: pb.HistoryEntryType.Value(_PREFIX + word) for word in TYPE_WORDS}
_WORDS: dict[int, str] = {number: word for word, number in _TYPES.items()}


def type_to(word: str) -> pb.HistoryEntryType.ValueType:
    return _TYPES[word]


def type_from(number: int) -> str | None:
    """None for a number that stands for no type."""
    return _WORDS.get(number)


def entry_to(instance_id: InstanceId, entry: HistoryEntry) -> pb.HistoryEntry:
    task_id = make_task_id(instance_id, entry.ordinal) if entry.ordinal is not None else ""
    return pb.HistoryEntry(
        seq=entry.seq,
        type=type_to(entry.type),
        payload=to_json(entry.payload) if entry.payload != "{}" else None,
        create_time=timestamp(entry.created_at),
        task_id=task_id,
        hash=entry.hash,
    )
