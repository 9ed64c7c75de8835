"""Definitions on the wire."""

from foliot.v1 import definition_pb2 as pb

from control_plane.api.mapping.texts import to_json
from control_plane.api.mapping.times import timestamp
from control_plane.ports.records import Definition, DefinitionStatus

_STATUSES: dict[DefinitionStatus, pb.DefinitionStatus.ValueType] = {
    "inactive": pb.DEFINITION_STATUS_INACTIVE,
    "active": pb.DEFINITION_STATUS_ACTIVE,
    "archived": pb.DEFINITION_STATUS_ARCHIVED,
}
STATUS_WORDS: dict[str, DefinitionStatus] = {status.upper(): status for status in _STATUSES}


def definition_to(definition: Definition, *, with_spec: bool) -> pb.Definition:
    return pb.Definition(
        definition_id=str(definition.definition_id),
        key=definition.key,
        version=definition.version,
        status=_STATUSES[definition.status],
        spec=to_json(definition.spec) if with_spec else None,
        spec_hash=definition.spec_hash.hex(),
        created_by=definition.created_by,
        create_time=timestamp(definition.created_at),
        activate_time=timestamp(definition.activated_at),
        description=definition.description,
    )
