"""What `foliot definition` does with the versions that a server keeps."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from foliot.v1 import definition_pb2, definition_service_pb2, diagnostic_pb2
from foliot.v1.json_pb2 import Json as JsonMessage
from rich.text import Text

from control_plane.cli.arguments import filter_of
from control_plane.cli.asking import sure
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.plain import visible
from control_plane.cli.printing import (
    Column,
    aside,
    local,
    print_facts,
    print_json,
    print_line,
    print_rows,
    word,
)
from control_plane.cli.spec_files import read_file
from shared.errors import InvalidRequest, NotFound

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STYLES = {"ACTIVE": "green", "ARCHIVED": "dim"}


def run_create(
    target: Target,
    key: str,
    file: Path,
    *,
    description: str,
    request_id: str,
    activate: bool,
    output: str,
) -> None:
    with explained():
        document = read_file(file)
    request = definition_service_pb2.CreateDefinitionRequest(
        key=key,
        spec=JsonMessage(json=document.text),
        description=description,
        request_id=request_id,
    )

    def place_of(json_pointer: str) -> str:
        return f"{document.name}:{document.place_of(json_pointer)} ({json_pointer or '/'})"

    async def ask(
        to: Caller,
    ) -> tuple[definition_pb2.Definition, Sequence[diagnostic_pb2.Diagnostic]]:
        made = await to.definitions.CreateDefinition(request, metadata=to.metadata)
        if not activate:
            return made.definition, made.diagnostics
        active = await _activate(to, made.definition.definition_id)
        return active.definition, [*made.diagnostics, *active.diagnostics]

    kept, warnings = call(target, ask, place_of=place_of)
    _warn(warnings, place_of)
    if output == "json":
        print_json(kept)
        return
    # Bare, so that a script can take it in.
    print_line(kept.definition_id)
    state = word(definition_pb2.DefinitionStatus, kept.status).lower()
    aside().print(Text(f"{kept.key}@{kept.version}, {state}", "dim"))


def spec_of(target: Target, version: str) -> str:
    """The spec of a version; of a key alone of the active one."""
    return _version(target, version).spec.json


def run_get(target: Target, version: str, *, spec: bool, output: str) -> None:
    found = _version(target, version)
    if spec:
        print_line(Text(found.spec.json))
    elif output == "json":
        print_json(found)
    else:
        _show(found)


def _version(target: Target, version: str) -> definition_pb2.Definition:
    async def ask(to: Caller) -> definition_pb2.Definition:
        request = definition_service_pb2.GetDefinitionRequest(
            definition_id=await _find(to, version, status="ACTIVE")
        )
        return (await to.definitions.GetDefinition(request, metadata=to.metadata)).definition

    return call(target, ask)


def run_list(
    target: Target, key: str, *, status: str, given: str, limit: int | None, output: str
) -> None:
    asked = filter_of(given, {"key": key}, {"status": status})

    async def ask(to: Caller) -> Paged[definition_pb2.Definition]:
        async def page(size: int, token: str) -> tuple[Sequence[definition_pb2.Definition], str]:
            answer = await to.definitions.ListDefinitions(
                definition_service_pb2.ListDefinitionsRequest(
                    page_size=size, page_token=token, filter=asked
                ),
                metadata=to.metadata,
            )
            return answer.definitions, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask, within_s=None)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(
        found.rows,
        [
            Column(name="version", of=lambda one: f"{one.key}@{one.version}"),
            Column(name="status", of=_status, whole=True),
            Column(name="created", of=lambda one: local(one.create_time), whole=True),
            Column(name="by", of=lambda one: one.created_by),
            Column(name="id", of=lambda one: one.definition_id, whole=True),
            Column(name="about", of=lambda one: one.description),
        ],
    )
    say_there_is_more(found)


def run_activate(target: Target, version: str, output: str) -> None:
    async def ask(to: Caller) -> definition_service_pb2.ActivateDefinitionResponse:
        return await _activate(to, await _find(to, version, status=""))

    active = call(target, ask)
    _warn(active.diagnostics, lambda pointer: pointer or "/")
    _shown(active.definition, output)


def run_deactivate(target: Target, version: str, output: str) -> None:
    async def ask(to: Caller) -> definition_pb2.Definition:
        request = definition_service_pb2.DeactivateDefinitionRequest(
            definition_id=await _find(to, version, status="ACTIVE")
        )
        return (await to.definitions.DeactivateDefinition(request, metadata=to.metadata)).definition

    _shown(call(target, ask), output)


def run_archive(target: Target, version: str, output: str, *, yes: bool) -> None:
    with explained():
        if not _ID.fullmatch(version) and "@" not in version:
            raise InvalidRequest(
                f"say which version of {version!r} is to be put away, as {version}@1",
                field="definition_id",
            )
    sure(f"Put {version} away for good?", yes=yes)

    async def ask(to: Caller) -> definition_pb2.Definition:
        request = definition_service_pb2.ArchiveDefinitionRequest(
            definition_id=await _find(to, version, status="")
        )
        return (await to.definitions.ArchiveDefinition(request, metadata=to.metadata)).definition

    _shown(call(target, ask), output)


async def _activate(
    to: Caller, definition_id: str
) -> definition_service_pb2.ActivateDefinitionResponse:
    request = definition_service_pb2.ActivateDefinitionRequest(definition_id=definition_id)
    return await to.definitions.ActivateDefinition(request, metadata=to.metadata)


def _warn(warnings: Iterable[diagnostic_pb2.Diagnostic], place_of: Callable[[str], str]) -> None:
    for one in warnings:
        said = visible(f"{place_of(one.json_pointer)}: warning: {one.message}")
        aside().print(Text(said, "yellow"), soft_wrap=True)


async def _find(to: Caller, version: str, *, status: str) -> str:
    """
    The id of a version. `status` is what the one that is meant by a key alone has; the newest
    is meant without. Raises NotFound if there is none.
    """
    if _ID.fullmatch(version):
        return version
    key, is_numbered, number = version.partition("@")
    asked = filter_of("", {"key": key}, {"status": "" if is_numbered else status})

    async def page(size: int, token: str) -> tuple[Sequence[definition_pb2.Definition], str]:
        request = definition_service_pb2.ListDefinitionsRequest(
            page_size=size, page_token=token, filter=asked
        )
        answer = await to.definitions.ListDefinitions(request, metadata=to.metadata)
        return answer.definitions, answer.next_page_token

    found = await read_all(page, None if is_numbered else 1)
    for one in found.rows:
        if not is_numbered or number == str(one.version):
            return one.definition_id
    what = f"{status.lower()} version" if status and not is_numbered else "definition"
    raise NotFound(what, version)


def _shown(found: definition_pb2.Definition, output: str) -> None:
    if output == "json":
        print_json(found)
    else:
        _show(found)


def _show(one: definition_pb2.Definition) -> None:
    print_facts(
        {
            "definition": f"{one.key}@{one.version}",
            "id": one.definition_id,
            "status": _status(one),
            "about": one.description,
            "created": f"{local(one.create_time)} by {one.created_by}",
            "activated": local(one.activate_time),
            "spec hash": one.spec_hash,
            "spec": one.spec.json,
        }
    )


def _status(one: definition_pb2.Definition) -> Text:
    status = word(definition_pb2.DefinitionStatus, one.status)
    return Text(status.lower(), _STYLES.get(status, ""))
