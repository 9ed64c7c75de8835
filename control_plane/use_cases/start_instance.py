"""Start a run of a definition."""

from collections.abc import Mapping
from dataclasses import dataclass

from control_plane.orchestrator.request import OnClosed, OnRunning, Request, Start
from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance
from control_plane.use_cases import fields
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.errors import InvalidRequest
from shared.ids import DefinitionId, TenantId, new_instance_id
from shared.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOf:
    """What a caller wants started: a definition by its key or its id, one of the two."""

    definition_key: str
    definition_id: DefinitionId | None
    business_key: str
    input: str | None
    labels: Mapping[str, str]
    on_running: OnRunning
    on_closed: OnClosed
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedInstance:
    """`created` is false if the instance was there before."""

    instance: Instance
    created: bool


async def start_instance(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    wanted: StartOf,
    *,
    started_by: str,
    trace_id: str | None,
) -> StartedInstance:
    """
    Take a new instance to its first stable state, in one commit, and answer with it.

    A business key or a request id that was seen before gives the first instance again,
    unless `on_running` or `on_closed` say else.
    """
    answer = await orchestrator.submit(
        start_request(tenant_id, wanted, started_by=started_by, trace_id=trace_id)
    )
    instance = await find_instance(reader, tenant_id, answer.instance_id)
    return StartedInstance(instance=instance, created=answer.created and not answer.duplicate)


def start_request(
    tenant_id: TenantId, wanted: StartOf, *, started_by: str, trace_id: str | None = None
) -> Request:
    """The start as the orchestrator takes it. Raises InvalidRequest for a field that is wrong."""
    if wanted.definition_id is None:
        if not wanted.definition_key:
            raise InvalidRequest(
                "definition is required: a definition_key or a definition_id",
                field="definition_key",
            )
        fields.definition_key(wanted.definition_key, "definition_key")
    business_key = fields.business_key(wanted.business_key)
    given = fields.json_object(wanted.input, "input")
    labels = fields.labels(wanted.labels)
    asked: Json = {
        "definition_key": wanted.definition_key,
        "definition_id": str(wanted.definition_id),
        "business_key": business_key,
        "input": given,
        "labels": {**labels},
        "on_running": wanted.on_running.value,
        "on_closed": wanted.on_closed.value,
    }
    return Request(
        tenant_id=tenant_id,
        instance_id=new_instance_id(),
        asked=Start(
            definition_id=wanted.definition_id,
            definition_key=wanted.definition_key,
            business_key=business_key,
            on_running=wanted.on_running,
            on_closed=wanted.on_closed,
            input=given,
            labels=labels,
            started_by=started_by,
        ),
        repeatable=repeatable(wanted.request_id, "start", asked),
        trace_id=trace_id,
    )
