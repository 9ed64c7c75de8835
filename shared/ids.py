"""
Identifiers: who makes them, what they look like, what can be read off them.

An instance id is a UUIDv7, so ids sort by start and history can be partitioned by
them. A task id is `<instance id>:<ordinal>`: it names the instance it belongs to, so
that no look-up is needed to route it. The idempotency key of a task is derived from
its id, so it is equal in every attempt and different for every effect.
"""

import os
import time
import uuid
from datetime import datetime
from typing import NewType

from shared.errors import InvalidRequest

TenantId = NewType("TenantId", str)
DefinitionId = NewType("DefinitionId", uuid.UUID)
InstanceId = NewType("InstanceId", uuid.UUID)
SessionId = NewType("SessionId", uuid.UUID)

MAX_ORDINAL = 2**31 - 1

_EFFECTS = uuid.UUID("5f0f6f2e-8f2b-5c5e-9d83-5a0c0b1b7e11")
_SCHEDULED = uuid.UUID("3e6d0b58-7f0a-5c3d-9a11-0d8f4c2be7a9")
_CHILDREN = uuid.UUID("c9a1e9f4-6c0e-5d1b-8a43-3f1d2b7f6e52")


def new_uuid7() -> uuid.UUID:
    """
    A time-ordered UUID (RFC 9562, version 7, method 3): 48 bits of milliseconds, 12 of their
    fraction, 62 of chance. Those of one process are in the order in which it made them, unless
    its clock was set back.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = (nanoseconds << 12) // 1_000_000
    chance = int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | chance)


def new_instance_id() -> InstanceId:
    return InstanceId(new_uuid7())


def task_id(instance_id: InstanceId, ordinal: int) -> str:
    return f"{instance_id}:{ordinal}"


def parse_task_id(text: str, field: str = "task_id") -> tuple[InstanceId, int]:
    """The instance and the ordinal that a task id names."""
    instance, colon, ordinal = text.partition(":")
    if (
        not colon
        or not ordinal.isascii()
        or not ordinal.isdigit()
        or len(ordinal) > len(str(MAX_ORDINAL))
        or not 0 < int(ordinal) <= MAX_ORDINAL
    ):
        raise InvalidRequest(
            f"{field} {text!r} is not a task id; one looks like '<instance id>:<number>'",
            field=field,
        )
    return InstanceId(parse_uuid(instance, field)), int(ordinal)


def idempotency_key(instance_id: InstanceId, ordinal: int) -> uuid.UUID:
    """What every attempt of one task tells the outside world it is."""
    return uuid.uuid5(_EFFECTS, task_id(instance_id, ordinal))


def child_instance_id(parent: InstanceId, ordinal: int) -> InstanceId:
    """
    The id of the child that a task of the parent starts: the same however often it is started.

    It sorts with its parent, whose 48 bits of milliseconds it has; the rest is the task's.
    """
    return _derived(parent.int >> 80, uuid.uuid5(_CHILDREN, task_id(parent, ordinal)))


def scheduled_instance_id(incarnation: uuid.UUID, nominal: datetime) -> InstanceId:
    """
    The id of the instance that a schedule starts for a time: the same however often it is started.

    It sorts by that time.
    """
    milliseconds = int(nominal.timestamp() * 1_000)
    return _derived(milliseconds, uuid.uuid5(_SCHEDULED, f"{incarnation} {milliseconds}"))


def _derived(milliseconds: int, told_apart: uuid.UUID) -> InstanceId:
    value = milliseconds << 80 | told_apart.int & ((1 << 80) - 1)
    value = value & ~(0xF << 76) | 7 << 76
    return InstanceId(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def parse_uuid(text: str, field: str) -> uuid.UUID:
    """The UUID a caller sent in a field."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidRequest(f"{field} {text!r} is not a UUID", field=field) from None
