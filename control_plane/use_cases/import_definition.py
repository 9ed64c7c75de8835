"""Make a spec of a document of another format, and keep it as the next version of its key."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from control_plane.engine import Diagnostic
from control_plane.interchange import (
    DocumentUnreadable,
    Imported,
    Refused,
    read_scxml,
    read_xstate,
)
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.records import Definition
from control_plane.use_cases import fields
from control_plane.use_cases.create_definition import create_definition
from control_plane.use_cases.export_definition import Form
from control_plane.use_cases.validate_definition import MAX_DIAGNOSTICS, validate_definition
from shared.errors import DefinitionInvalid, InvalidRequest, LimitExceeded
from shared.ids import TenantId

MAX_DOCUMENT_BYTES = 512 * 1024

MAX_IMPORTS = 2
"""Documents that a process reads at once; others wait for their turn."""

NOT_IMPORTABLE = "not-importable"
"""A rule that is none of the engine's: the part has no place in a definition."""

_imports = ThreadPoolExecutor(MAX_IMPORTS, thread_name_prefix="import")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """
    What came of a document: `spec` as JSON text. `definition` is None if nothing was to be
    kept.
    """

    definition: Definition | None
    spec: str
    refused: Sequence[Refused]
    differs: Sequence[Refused]
    diagnostics: Sequence[Diagnostic]


async def import_definition(
    definitions: DefinitionStore,
    tenant_id: TenantId,
    *,
    form: Form,
    document: str,
    whole_names: bool,
    key: str,
    description: str,
    validate_only: bool,
    allow_partial: bool,
    request_id: str,
    created_by: str,
) -> Brought:
    """
    Read a document and keep what it means, as CreateDefinition keeps a spec.

    Only validated, a document gets its answer whatever it holds. To be kept, it raises
    DefinitionInvalid with what has no place in a definition, unless a part of it will do, and
    with what is wrong with the rest. Raises InvalidRequest for a text that is no such document.
    """
    _check(key, description, request_id, validate_only=validate_only)
    loop = asyncio.get_running_loop()
    imported, spec = await loop.run_in_executor(_imports, _import, form, document, whole_names)
    definition: Definition | None = None
    if validate_only:
        diagnostics = validate_definition(spec)
    else:
        # What XState's config says too much is told by the validator itself, and better.
        if imported.refused and not allow_partial and form != "xstate":
            raise _not_importable(imported.refused)
        created = await create_definition(
            definitions,
            tenant_id,
            key=key,
            spec=spec,
            description=description,
            validate_only=False,
            request_id=request_id,
            created_by=created_by,
        )
        definition, diagnostics = created.definition, created.diagnostics
    return Brought(
        definition=definition,
        spec=spec,
        refused=imported.refused,
        differs=imported.differs,
        diagnostics=diagnostics,
    )


def _check(key: str, description: str, request_id: str, *, validate_only: bool) -> None:
    """What is wrong whatever the document says is told before it is read."""
    if key or not validate_only:
        fields.definition_key(key)
    fields.text(description, "description", longest=fields.MAX_DESCRIPTION)
    fields.request_id(request_id)


def _import(form: Form, document: str, whole_names: bool) -> tuple[Imported, str]:
    if not document:
        raise InvalidRequest("document is required", field="document")
    size = len(document.encode())
    if size > MAX_DOCUMENT_BYTES:
        raise LimitExceeded(
            "document bytes", actual=size, maximum=MAX_DOCUMENT_BYTES, field="document"
        )
    try:
        if form == "scxml":
            imported = read_scxml(document, whole_names=whole_names)
        else:
            imported = read_xstate(document)
    except DocumentUnreadable as error:
        raise InvalidRequest(error.message, field="document") from error
    return imported, json.dumps(imported.spec, ensure_ascii=False, separators=(",", ":"))


def _not_importable(refused: Sequence[Refused]) -> DefinitionInvalid:
    first = refused[0]
    more = f" (and {len(refused) - 1} more parts)" if len(refused) > 1 else ""
    return DefinitionInvalid(
        f"{first.place}: {first.what} has no place in a definition: {first.why}{more}; change the"
        " document, or set allow_partial to leave it out",
        tuple(map(_diagnostic, refused[:MAX_DIAGNOSTICS])),
    )


def _diagnostic(part: Refused) -> Diagnostic:
    return Diagnostic(
        severity="error",
        rule=NOT_IMPORTABLE,
        json_pointer=part.place if part.place.startswith("/") else "",
        message=f"{part.place}: {part.what}: {part.why}",
        remedy=part.remedy,
    )
