"""Start a run of a definition."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.request import Cancel, OnClosed, OnRunning, Request, Start
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.reader import Reader
from control_plane.ports.records import CLOSED_INSTANCE, Instance
from control_plane.use_cases import fields
from control_plane.use_cases.get_definition import get_definition
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.errors import AlreadyExists, InvalidRequest, PreconditionFailed
from shared.ids import DefinitionId, InstanceId, TenantId, new_instance_id, parse_uuid
from shared.json import Json

MAX_REPLACEMENTS = 3
"""How many live instances one start cancels, as others start instances of the key meanwhile."""

REPLACED = "replaced by a newer start"


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
    definitions: DefinitionStore,
    tenant_id: TenantId,
    wanted: StartOf,
    *,
    started_by: str,
) -> StartedInstance:
    """
    Take a new instance to its first stable state, in one commit, and answer with it.

    A business key or a request id that was seen before gives the first instance again,
    unless `on_running` or `on_closed` say else. Cancelling the live instance of the key is
    a commit of its own, before the start's.
    """
    if wanted.definition_id is not None:
        # A business key is unique within the definition's key, by whatever it is started.
        named = await get_definition(definitions, tenant_id, wanted.definition_id)
        wanted = replace(wanted, definition_key=named.key)
    request = start_request(tenant_id, wanted, started_by=started_by)
    if wanted.on_running is OnRunning.CANCEL_EXISTING:
        answer = await _start_instead(orchestrator, request, started_by)
    else:
        answer = await orchestrator.submit(request)
    instance = answer.instance or await find_instance(reader, tenant_id, answer.instance_id)
    return StartedInstance(instance=instance, created=answer.created and not answer.duplicate)


async def _start_instead(orchestrator: Submits, request: Request, started_by: str) -> Answer:
    """Start, and where a live instance has the business key, cancel it and start again."""
    asked = request.asked
    assert isinstance(asked, Start)
    attempt = request
    for _ in range(MAX_REPLACEMENTS):
        try:
            return await orchestrator.submit(attempt)
        except AlreadyExists as taken:
            holder = _live_holder(taken)
            if holder is None:
                raise
            is_gone = await _cancel(orchestrator, request.tenant_id, holder, started_by)
            # One that ended by itself was not replaced: on_closed says what then.
            on_closed = OnClosed.ALLOW if is_gone else asked.on_closed
            attempt = replace(request, asked=replace(asked, on_closed=on_closed))
    return await orchestrator.submit(attempt)


def _live_holder(taken: AlreadyExists) -> InstanceId | None:
    """The live instance that has the business key, if that is why the start was refused."""
    if taken.reason != "BUSINESS_KEY_IN_USE" or taken.metadata["status"] in CLOSED_INSTANCE:
        return None
    return InstanceId(parse_uuid(taken.metadata["instance_id"], "instance_id"))


async def _cancel(
    orchestrator: Submits, tenant_id: TenantId, instance_id: InstanceId, cancelled_by: str
) -> bool:
    """
    Cancel the instance; false if it ended by itself first.

    Raises AlreadyExists if it has compensations to run: until then its key is in use.
    """
    try:
        answer = await orchestrator.submit(
            Request(
                tenant_id=tenant_id,
                instance_id=instance_id,
                asked=Cancel(reason=REPLACED, cancelled_by=cancelled_by),
            )
        )
    except PreconditionFailed as refused:
        if refused.reason != "INSTANCE_CLOSED":
            raise
        return False
    if answer.status not in CLOSED_INSTANCE:
        raise AlreadyExists(
            f"instance {instance_id} has the business key, and is being cancelled: it runs its"
            " compensations first; start again when it has ended",
            reason="BUSINESS_KEY_IN_USE",
            metadata={"instance_id": str(instance_id), "status": answer.status},
        )
    return True


def start_request(tenant_id: TenantId, wanted: StartOf, *, started_by: str) -> Request:
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
        is_new=True,
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
    )
