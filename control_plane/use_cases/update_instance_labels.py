"""Set labels of an instance, and take others away."""

from collections.abc import Mapping, Sequence

from control_plane.orchestrator.request import Relabel, Request
from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance
from control_plane.use_cases import fields
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.errors import InvalidRequest, LimitExceeded
from shared.ids import InstanceId, TenantId
from shared.json import Json


async def update_instance_labels(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    instance_id: InstanceId,
    *,
    merge: Mapping[str, str],
    remove: Sequence[str],
    expected_revision: int | None,
    updated_by: str,
    request_id: str,
) -> Instance:
    """Lists and watches go by the new ones at once. Repeating is harmless."""
    merged = fields.labels(merge, "merge")
    if len(remove) > fields.MAX_LABELS:
        raise LimitExceeded("remove", actual=len(remove), maximum=fields.MAX_LABELS, field="remove")
    for name in remove:
        fields.required(name, "remove", longest=fields.MAX_LABEL_NAME)
    both = sorted(merged.keys() & set(remove))
    if both:
        raise InvalidRequest(
            f"label {both[0]!r} is in merge and in remove; choose one", field="remove"
        )
    if not merged and not remove:
        raise InvalidRequest("say which labels to merge, or which to remove", field="merge")
    asked = Relabel(
        merged=merged,
        removed=tuple(sorted(set(remove))),
        relabelled_by=updated_by,
        expected_revision=fields.revision(expected_revision),
    )
    said: list[Json] = [
        str(instance_id), dict[str, Json](merged), list[Json](asked.removed), expected_revision
    ]  # fmt: skip
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=asked,
            repeatable=repeatable(request_id, "labels", said),
        )
    )
    return await find_instance(reader, tenant_id, instance_id)
