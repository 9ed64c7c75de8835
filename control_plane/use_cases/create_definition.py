"""Keep a spec as the next version of its key."""

from collections.abc import Sequence
from dataclasses import dataclass

from control_plane.access.auditing import noted
from control_plane.engine import Diagnostic, SpecInvalid
from control_plane.ports.definition_store import DefinitionStore, RepeatableCreation
from control_plane.ports.records import Definition
from control_plane.use_cases import fields
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.validate_definition import validate_definition
from shared import json
from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """`definition` is None if nothing was to be kept."""

    definition: Definition | None
    diagnostics: Sequence[Diagnostic]


async def create_definition(
    definitions: DefinitionStore,
    tenant_id: TenantId,
    *,
    key: str,
    spec: str,
    description: str,
    validate_only: bool,
    request_id: str,
    created_by: str,
) -> Created:
    """
    Check a spec and keep it, inactive, its text as it was sent: key order has a meaning.

    Raises SpecInvalid with everything that was found if there is an error, unless it was
    only to be validated. A repeat under one request id gets the first definition again.
    """
    fields.definition_key(key)
    fields.text(description, "description", longest=fields.MAX_DESCRIPTION)
    fields.request_id(request_id)
    diagnostics = validate_definition(spec)
    if validate_only:
        return Created(definition=None, diagnostics=diagnostics)
    if any(one.severity == "error" for one in diagnostics):
        raise SpecInvalid(tuple(diagnostics))
    spec_hash = json.digest(spec)
    repeat = repeatable(request_id, "create_definition", [key, spec_hash.hex(), description])
    definition = await definitions.create(
        tenant_id,
        key=key,
        spec=spec,
        spec_hash=spec_hash,
        description=description,
        created_by=created_by,
        repeatable=RepeatableCreation(repeat.request_id, repeat.fingerprint) if repeat else None,
        noted=noted(),
    )
    return Created(definition=definition, diagnostics=diagnostics)
