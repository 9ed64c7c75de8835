"""What callers may ask of histories and feeds, from the words of their filters."""

from collections.abc import Sequence

from control_plane.api.filters import Field, parse_filter
from control_plane.api.mapping.history import TYPE_WORDS, type_from
from control_plane.api.offer_filters import PEOPLE, looked_for
from control_plane.ports.people import Person
from control_plane.use_cases.feed_filter import FeedFilter
from control_plane.use_cases.list_history import HistoryFilter
from control_plane.use_cases.watch_tasks import TaskWish
from shared.errors import InvalidRequest, LimitExceeded
from shared.ids import InstanceId, parse_task_id

MAX_TYPES = 50
"""Types of entries in one request."""

HISTORY = {
    "type": Field(kind="word", words=TYPE_WORDS),
    "task_id": Field(kind="text"),
    "seq": Field(kind="int", ranged=True),
}
FEED = {
    "definition_key": Field(kind="text"),
    "business_key": Field(kind="text"),
    "instance_id": Field(kind="uuid"),
    "state": Field(kind="text"),
    "labels.*": Field(kind="text"),
}
TASKS = {
    "queue": Field(kind="text"),
    "name": Field(kind="text"),
    "instance_id": Field(kind="uuid"),
    "definition_key": Field(kind="text"),
    "business_key": Field(kind="text"),
    **PEOPLE,
}


def history_filter(text: str, instance_id: InstanceId) -> HistoryFilter:
    terms = parse_filter(text, HISTORY)
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


def feed_filter(text: str, types: Sequence[int]) -> FeedFilter:
    if len(types) > MAX_TYPES:
        raise LimitExceeded("types", actual=len(types), maximum=MAX_TYPES, field="types")
    terms = parse_filter(text, FEED)
    instance_id = terms.uuid("instance_id")
    return FeedFilter(
        types=frozenset(_type(number) for number in types),
        definition_key=terms.text("definition_key"),
        business_key=terms.text("business_key"),
        instance_id=InstanceId(instance_id) if instance_id is not None else None,
        state=terms.text("state"),
        labels=terms.beneath("labels"),
    )


def task_wish(text: str, person: Person) -> TaskWish:
    """What is asked for, of what the person may see."""
    terms = parse_filter(text, TASKS)
    instance_id = terms.uuid("instance_id")
    return TaskWish(
        queue=terms.text("queue"),
        name=terms.text("name"),
        instance_id=InstanceId(instance_id) if instance_id is not None else None,
        definition_key=terms.text("definition_key"),
        business_key=terms.text("business_key"),
        **looked_for(terms, person),
    )


def _type(number: int) -> str:
    word = type_from(number)
    if word is None:
        raise InvalidRequest(f"{number} is no type of a history entry", field="types")
    return word


def _lesser(first: int | None, second: int | None) -> int | None:
    return min((one for one in (first, second) if one is not None), default=None)
