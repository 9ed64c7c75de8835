"""DefinitionService: proto in, use case, proto out."""

import asyncio

from foliot.v1 import definition_service_pb2 as pb
from foliot.v1 import definition_service_pb2_grpc as pb_grpc
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.filters import Field, check_order, parse_filter
from control_plane.api.mapping.definitions import STATUS_WORDS, definition_to
from control_plane.api.mapping.diagnostics import diagnostic_to
from control_plane.api.mapping.drawings import format_from
from control_plane.api.mapping.scripts import script_from
from control_plane.api.mapping.simulations import simulation_to
from control_plane.api.mapping.texts import text_of
from control_plane.api.page_tokens import invalid_token, make_token, read_token
from control_plane.ports.ai_policies import AiPolicyStore
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.reader import Reader
from control_plane.use_cases.activate_definition import activate_definition
from control_plane.use_cases.archive_definition import archive_definition
from control_plane.use_cases.create_definition import create_definition
from control_plane.use_cases.deactivate_definition import deactivate_definition
from control_plane.use_cases.get_definition import get_definition
from control_plane.use_cases.list_definitions import DefinitionFilter, list_definitions
from control_plane.use_cases.paging import page_size
from control_plane.use_cases.render_definition import render_definition
from control_plane.use_cases.simulate_definition import simulate_definition
from control_plane.use_cases.validate_definition import validate_definition
from shared.ids import DefinitionId, InstanceId, parse_uuid

FILTER = {
    "key": Field(kind="text"),
    "status": Field(kind="word", words=tuple(STATUS_WORDS)),
    "create_time": Field(kind="time"),
}
ORDERS = ("key",)


class DefinitionServicer(pb_grpc.DefinitionServiceServicer):
    def __init__(
        self, definitions: DefinitionStore, reader: Reader, policies: AiPolicyStore
    ) -> None:
        self._definitions = definitions
        self._policies = policies
        self._reader = reader

    async def CreateDefinition(
        self,
        request: pb.CreateDefinitionRequest,
        _context: ServicerContext[pb.CreateDefinitionRequest, pb.CreateDefinitionResponse],
    ) -> pb.CreateDefinitionResponse:
        caller = principal.current()
        created = await create_definition(
            self._definitions,
            caller.tenant,
            key=request.key,
            spec=text_of(request, "spec") or "",
            description=request.description,
            validate_only=request.validate_only,
            request_id=request.request_id,
            created_by=caller.name,
        )
        return pb.CreateDefinitionResponse(
            definition=definition_to(created.definition, with_spec=True)
            if created.definition is not None
            else None,
            diagnostics=[diagnostic_to(one) for one in created.diagnostics],
        )

    async def ValidateDefinition(
        self,
        request: pb.ValidateDefinitionRequest,
        _context: ServicerContext[pb.ValidateDefinitionRequest, pb.ValidateDefinitionResponse],
    ) -> pb.ValidateDefinitionResponse:
        found = validate_definition(text_of(request, "spec") or "")
        return pb.ValidateDefinitionResponse(
            valid=all(one.severity != "error" for one in found),
            diagnostics=[diagnostic_to(one) for one in found],
        )

    async def GetDefinition(
        self,
        request: pb.GetDefinitionRequest,
        _context: ServicerContext[pb.GetDefinitionRequest, pb.GetDefinitionResponse],
    ) -> pb.GetDefinitionResponse:
        definition = await get_definition(
            self._definitions, principal.current().tenant, _id(request.definition_id)
        )
        return pb.GetDefinitionResponse(definition=definition_to(definition, with_spec=True))

    async def ListDefinitions(
        self,
        request: pb.ListDefinitionsRequest,
        _context: ServicerContext[pb.ListDefinitionsRequest, pb.ListDefinitionsResponse],
    ) -> pb.ListDefinitionsResponse:
        terms = parse_filter(request.filter, FILTER)
        order = check_order(request.order_by, ORDERS)
        status = terms.text("status")
        mark = f"definitions\n{request.filter}\n{order}"
        page = await list_definitions(
            self._definitions,
            principal.current().tenant,
            DefinitionFilter(
                key=terms.text("key"),
                status=STATUS_WORDS[status] if status is not None else None,
                created_from=terms.time("create_time", ">="),
                created_before=terms.time("create_time", "<"),
            ),
            after=_position(request.page_token, mark),
            size=page_size(request.page_size),
        )
        last = page.last
        return pb.ListDefinitionsResponse(
            definitions=[definition_to(one, with_spec=False) for one in page.rows],
            next_page_token=make_token([last.key, last.version], of=mark) if last else "",
        )

    async def ActivateDefinition(
        self,
        request: pb.ActivateDefinitionRequest,
        _context: ServicerContext[pb.ActivateDefinitionRequest, pb.ActivateDefinitionResponse],
    ) -> pb.ActivateDefinitionResponse:
        activated = await activate_definition(
            self._definitions,
            self._policies,
            principal.current().tenant,
            _id(request.definition_id),
        )
        return pb.ActivateDefinitionResponse(
            definition=definition_to(activated.definition, with_spec=False),
            diagnostics=[diagnostic_to(one) for one in activated.warnings],
        )

    async def DeactivateDefinition(
        self,
        request: pb.DeactivateDefinitionRequest,
        _context: ServicerContext[pb.DeactivateDefinitionRequest, pb.DeactivateDefinitionResponse],
    ) -> pb.DeactivateDefinitionResponse:
        definition = await deactivate_definition(
            self._definitions,
            principal.current().tenant,
            _id(request.definition_id),
        )
        return pb.DeactivateDefinitionResponse(
            definition=definition_to(definition, with_spec=False)
        )

    async def ArchiveDefinition(
        self,
        request: pb.ArchiveDefinitionRequest,
        _context: ServicerContext[pb.ArchiveDefinitionRequest, pb.ArchiveDefinitionResponse],
    ) -> pb.ArchiveDefinitionResponse:
        definition = await archive_definition(
            self._definitions,
            principal.current().tenant,
            _id(request.definition_id),
        )
        return pb.ArchiveDefinitionResponse(definition=definition_to(definition, with_spec=False))

    async def RenderDefinition(
        self,
        request: pb.RenderDefinitionRequest,
        _context: ServicerContext[pb.RenderDefinitionRequest, pb.RenderDefinitionResponse],
    ) -> pb.RenderDefinitionResponse:
        caller = principal.current()
        form, wanted = format_from(request.format)
        instance_id: InstanceId | None = None
        if request.instance_id:
            caller.require("instance.read")
            instance_id = InstanceId(parse_uuid(request.instance_id, "instance_id"))
        drawing = await render_definition(
            self._definitions,
            self._reader,
            caller.tenant,
            _id(request.definition_id),
            format=wanted,
            instance_id=instance_id,
        )
        if form == pb.RENDER_FORMAT_PNG:
            return pb.RenderDefinitionResponse(format=form, image=drawing)
        return pb.RenderDefinitionResponse(format=form, text=drawing.decode())

    async def SimulateDefinition(
        self,
        request: pb.SimulateDefinitionRequest,
        _context: ServicerContext[pb.SimulateDefinitionRequest, pb.SimulateDefinitionResponse],
    ) -> pb.SimulateDefinitionResponse:
        is_kept = request.WhichOneof("definition") == "definition_id"
        simulation = await simulate_definition(
            self._definitions,
            principal.current().tenant,
            definition_id=_id(request.definition_id) if is_kept else None,
            spec=text_of(request, "spec"),
            script=script_from(request),
            trace=request.with_trace,
        )
        # A large answer takes long to write, too.
        told = await asyncio.to_thread(simulation_to, simulation)
        return pb.SimulateDefinitionResponse(simulation=told)


def _id(text: str) -> DefinitionId:
    return DefinitionId(parse_uuid(text, "definition_id"))


def _position(token: str, mark: str) -> tuple[str, int] | None:
    match read_token(token, of=mark):
        case None:
            return None
        case [str() as key, int() as version]:
            return key, version
        case _:
            raise invalid_token()
