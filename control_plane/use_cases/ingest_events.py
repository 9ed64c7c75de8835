"""Take in a batch of events from elsewhere, each for itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import OnClosed, OnRunning, Repeatable, Request
from control_plane.ports.instance_store import BusinessKey, InstanceStore, Wanted
from control_plane.use_cases import fields
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.send_event import EventOf, send_request
from control_plane.use_cases.start_instance import StartOf, start_request
from control_plane.use_cases.submits import Submits
from shared import json
from shared.errors import FoliotError, InvalidRequest, LimitExceeded, NotFound
from shared.ids import TenantId

MAX_ITEMS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One event, and whom it is for. `action` is None where none that is known was given."""

    event: EventOf
    definition_key: str
    business_key: str
    action: Literal["start", "correlate"] | None


async def ingest_events(
    orchestrator: Submits,
    store: InstanceStore,
    tenant_id: TenantId,
    items: Sequence[Item],
    *,
    started_by: str,
) -> list[Answer | FoliotError]:
    """
    One answer or error for each item, in their order; none of them affects another.

    Items for one business key are applied in their order here: starts and events
    alternate in rounds, so that an event finds the instance that an item before it started.
    """
    if not items:
        raise InvalidRequest("items is empty; send 1 to 200", field="items")
    if len(items) > MAX_ITEMS:
        raise LimitExceeded("items", actual=len(items), maximum=MAX_ITEMS, field="items")
    results: dict[int, Answer | FoliotError] = {}
    waiting = list(range(len(items)))
    while waiting:
        now, waiting = _round(items, waiting)
        results.update(await _take(orchestrator, store, tenant_id, items, now, started_by))
    return [results[index] for index in range(len(items))]


def _round(items: Sequence[Item], waiting: Sequence[int]) -> tuple[list[int], list[int]]:
    """What can go now: of each business key, the items up to its next change of action."""
    actions: dict[tuple[str, str], str | None] = {}
    now: list[int] = []
    later: list[int] = []
    for index in waiting:
        item = items[index]
        key = item.definition_key, item.business_key
        (now if actions.setdefault(key, item.action) == item.action else later).append(index)
        if item.action != actions[key]:
            actions[key] = "later"
    return now, later


async def _take(
    orchestrator: Submits,
    store: InstanceStore,
    tenant_id: TenantId,
    items: Sequence[Item],
    now: Sequence[int],
    started_by: str,
) -> dict[int, Answer | FoliotError]:
    results: dict[int, Answer | FoliotError] = {}
    sound: list[int] = []
    for index in now:
        try:
            _check(items[index])
        except FoliotError as error:
            results[index] = error
        else:
            sound.append(index)
    keys = {
        index: BusinessKey(tenant_id, items[index].definition_key, items[index].business_key)
        for index in sound
        if items[index].action == "correlate"
    }
    holders = (
        (await store.read(Wanted(business_keys=list(set(keys.values()))))).holders if keys else {}
    )
    requests: dict[int, Request] = {}
    for index in sound:
        item = items[index]
        try:
            if item.action == "start":
                requests[index] = _start(tenant_id, item, started_by)
                continue
            holder = holders.get(keys[index])
            if holder is None:
                raise NoLiveInstance(item)
            # One that has ended is asked too: it knows whether it had this event before.
            request = send_request(tenant_id, holder.instance_id, item.event)
            requests[index] = replace(request, repeatable=_repeatable(item))
        except FoliotError as error:
            results[index] = error
    answers = await orchestrator.submit_all(list(requests.values()))
    for index, answer in zip(requests, answers, strict=True):
        was_late = isinstance(answer, FoliotError) and answer.reason == "INSTANCE_CLOSED"
        results[index] = NoLiveInstance(items[index]) if was_late else answer
    return results


def _check(item: Item) -> None:
    fields.definition_key(item.definition_key, "definition_key")
    fields.required(item.business_key, "business_key", longest=fields.MAX_BUSINESS_KEY)
    fields.required(item.event.event_id, "event.event_id", longest=fields.MAX_EVENT_ID)
    fields.event_type(item.event.type, "event.type")
    if item.action is None:
        raise InvalidRequest("action is required: START or CORRELATE", field="action")


def _repeatable(item: Item) -> Repeatable | None:
    """
    An event is taken in once under a business key, whichever of its instances has the key by the
    time it is sent again.
    """
    whose = json.dump([item.definition_key, item.business_key, item.event.event_id])
    payload = fields.json_object(item.event.payload, "event.payload")
    return repeatable(
        f"ingest:{json.digest(whose).hex()}", "ingest", [item.action, item.event.type, payload]
    )


def _start(tenant_id: TenantId, item: Item, started_by: str) -> Request:
    request = start_request(
        tenant_id,
        StartOf(
            definition_key=item.definition_key,
            definition_id=None,
            business_key=item.business_key,
            input=item.event.payload,
            labels={},
            on_running=OnRunning.USE_EXISTING,
            on_closed=OnClosed.REJECT,
            request_id="",
        ),
        started_by=started_by,
    )
    return replace(request, repeatable=_repeatable(item))


class NoLiveInstance(NotFound):
    """No instance that has not ended has the business key."""

    def __init__(self, item: Item) -> None:
        FoliotError.__init__(
            self,
            f"no live instance of {item.definition_key!r} has the business key"
            f" {item.business_key!r}; start one, or correct the key",
            reason="INSTANCE_NOT_FOUND",
            metadata={"definition_key": item.definition_key, "business_key": item.business_key},
        )
