"""
An instance as a turn would find it, to try things on. Nothing of it is ever written.
"""

from dataclasses import dataclass

from control_plane.engine import Disposition, Trace
from control_plane.orchestrator import fold
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.machines import Machines
from control_plane.orchestrator.request import Send
from control_plane.ports.instance_store import Change, InstanceStore, Wanted
from control_plane.ports.records import Instance, InstanceKey
from shared.errors import FoliotError, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """
    What a turn would do with an event.

    `error` is what its sender would get, None if it would be taken. `change` is what
    would be written, None where nothing would; `timers` are the ids of the timers that
    are armed before it. `trace` is that of the event's own decision, None where the
    engine would not be asked.
    """

    disposition: Disposition
    error: FoliotError | None
    before: Instance
    change: Change | None
    draft: Draft
    timers: frozenset[str]
    trace: Trace | None


async def read_draft(
    store: InstanceStore, machines: Machines, key: InstanceKey, *, traced: bool = False
) -> Draft:
    """
    The instance and its inbox, as committed, by the database's clock.

    Raises NotFound for an id that is unknown, or another tenant's.
    """
    read = await store.read(Wanted(instances=[key]))
    instance = read.instances.get(key)
    if instance is None:
        raise NotFound("instance", str(key.instance_id))
    wanted = key.tenant_id, instance.definition_id
    machine = (await machines.load([wanted]))[wanted]
    draft = Draft(instance, machine, read.now, traced=traced)
    draft.inbox = list(read.inbox.get(key, ()))
    return draft


async def preview_send(
    store: InstanceStore, machines: Machines, key: InstanceKey, asked: Send
) -> Preview:
    """
    Take the event as a turn does, by the function that a turn calls, and keep nothing.

    What the turn would do besides is part of it: events that are kept for later and
    could be taken then. Raises NotFound as `read_draft` does.
    """
    draft = await read_draft(store, machines, key, traced=True)
    timers = frozenset[str]() if draft.snapshot is None else frozenset(draft.snapshot.timers)
    error: FoliotError | None = None
    disposition: Disposition = "REJECTED"
    try:
        disposition = fold.send(draft, asked, None).disposition
    except FoliotError as refused:
        error = refused
    return Preview(
        disposition=disposition,
        error=error,
        before=draft.before,
        change=draft.change(),
        draft=draft,
        timers=timers,
        trace=draft.told[0].trace if draft.told else None,
    )
