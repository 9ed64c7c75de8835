"""Keep an executor's session alive, and tell it which of its attempts to stop."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from control_plane.orchestrator.request import Begin, Request
from control_plane.ports.claims import Beat, Claims, HeldTask
from control_plane.ports.reader import Reader
from control_plane.use_cases import fields
from control_plane.use_cases.submits import Submits
from shared import json
from shared.errors import LimitExceeded
from shared.ids import SessionId, TenantId, parse_task_id
from shared.rpc import MAX_PROGRESS_BYTES, MAX_RUNNING


class Running(NamedTuple):
    """An attempt that goes on, as its executor names it."""

    tenant_id: str
    task_id: str
    epoch: int
    has_beaten: bool = False
    """Whether the attempt itself has said that it goes on, and not only its executor."""

    progress: str | None = None
    """What it said that it is at, as JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """`lost` are others' now; `cancelled` are nobody's: their tasks have ended otherwise."""

    expires_at: datetime
    lost: Sequence[Running]
    cancelled: Sequence[Running]


async def extend_leases(
    orchestrator: Submits,
    claims: Claims,
    reader: Reader,
    session_id: SessionId,
    name: str,
    running: Sequence[Running],
    *,
    lease: timedelta,
    within: str = "",
) -> Extended:
    """
    The lease runs from now, and what still runs is recorded as started. So is what attempts
    say of themselves.

    What is not held at its epoch any more is to be stopped, either way. `within` is where in the
    request that stands, as `heartbeat.`.
    """
    where = f"{within}running"
    if len(running) > MAX_RUNNING:
        raise LimitExceeded("running", actual=len(running), maximum=MAX_RUNNING, field=where)
    named = [(one, _named(one, f"{where}[{at}]")) for at, one in enumerate(running)]
    beats = [
        Beat(tenant_id, task, _progress(one.progress, f"{where}[{at}].progress"))
        for at, (one, (tenant_id, task)) in enumerate(named)
        if one.has_beaten
    ]
    expires_at = await claims.extend(session_id, name, None, lease)
    if not named:
        return Extended(expires_at=expires_at, lost=(), cancelled=())
    if beats:
        await claims.beat(beats)
    held = await claims.still_held([key for _, key in named])
    await orchestrator.submit_all(
        [
            Request(
                tenant_id=tenant_id,
                instance_id=task.instance_id,
                asked=Begin(ordinal=task.ordinal, epoch=task.epoch),
            )
            for tenant_id, task in held
        ]
    )
    lost: list[Running] = []
    cancelled: list[Running] = []
    for one, key in named:
        if key in held:
            continue
        tenant_id, held_task = key
        task = await reader.get_task(tenant_id, held_task.instance_id, held_task.ordinal)
        is_unwanted = task is not None and task.is_closed
        (cancelled if is_unwanted else lost).append(one)
    return Extended(expires_at=expires_at, lost=lost, cancelled=cancelled)


def _named(one: Running, where: str) -> tuple[TenantId, HeldTask]:
    tenant_id = fields.text(one.tenant_id, f"{where}.tenant_id", longest=fields.MAX_TENANT_ID)
    instance_id, ordinal = parse_task_id(one.task_id, f"{where}.task_id")
    return TenantId(tenant_id), HeldTask(instance_id, ordinal, one.epoch)


def _progress(text: str | None, where: str) -> str | None:
    if text is None:
        return None
    told = fields.json_value(text, where, max_bytes=MAX_PROGRESS_BYTES)
    return json.dump(told)
