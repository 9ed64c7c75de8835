"""Quotas, in and out of the wire."""

from collections.abc import Mapping

from foliot.v1 import quota_pb2 as pb

from control_plane.ports.quotas import QuotaKind
from control_plane.use_cases.get_quotas import MAX_COUNTED, Quota
from shared.errors import InvalidRequest

_KINDS: Mapping[pb.QuotaKind.ValueType, QuotaKind] = {
    pb.QUOTA_KIND_OPEN_INSTANCES: QuotaKind.OPEN_INSTANCES,
    pb.QUOTA_KIND_OPEN_TASKS: QuotaKind.OPEN_TASKS,
    pb.QUOTA_KIND_DEFINITIONS: QuotaKind.DEFINITIONS,
    pb.QUOTA_KIND_STREAMS: QuotaKind.STREAMS,
    pb.QUOTA_KIND_CALLS_PER_SECOND: QuotaKind.CALLS_PER_SECOND,
}
_NUMBERS = {kind: number for number, kind in _KINDS.items()}


def kind_from(number: pb.QuotaKind.ValueType) -> QuotaKind:
    """Raises InvalidRequest for one that is not set, or that this release does not know."""
    kind = _KINDS.get(number)
    if kind is None:
        names = ", ".join(one.name for one in QuotaKind)
        raise InvalidRequest(f"kind is required: one of {names}", field="kind")
    return kind


def quota_to(quota: Quota) -> pb.Quota:
    return pb.Quota(
        kind=_NUMBERS[quota.kind],
        limit=quota.limit,
        is_own=quota.is_own,
        used_count=quota.used,
        used_at_least=quota.used >= MAX_COUNTED,
    )
