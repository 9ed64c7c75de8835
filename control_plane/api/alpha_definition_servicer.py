"""DefinitionService of foliot.v1alpha: proto in, use case, proto out."""

import asyncio

from foliot.v1alpha import definition_service_pb2 as pb
from foliot.v1alpha import definition_service_pb2_grpc as pb_grpc
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.mapping.definitions import definition_to
from control_plane.api.mapping.diagnostics import diagnostic_to
from control_plane.api.mapping.differences import diff_to
from control_plane.api.mapping.interchange import form_from, left_out_to, remarks_to
from control_plane.api.mapping.texts import text_of, to_json
from control_plane.ports.definition_store import DefinitionStore
from control_plane.use_cases.diff_definitions import diff_definitions
from control_plane.use_cases.export_definition import export_definition
from control_plane.use_cases.import_definition import import_definition
from shared.ids import DefinitionId, parse_uuid


class AlphaDefinitionServicer(pb_grpc.DefinitionServiceServicer):
    def __init__(self, definitions: DefinitionStore) -> None:
        self._definitions = definitions

    async def DiffDefinitions(
        self,
        request: pb.DiffDefinitionsRequest,
        _context: ServicerContext[pb.DiffDefinitionsRequest, pb.DiffDefinitionsResponse],
    ) -> pb.DiffDefinitionsResponse:
        is_kept = request.WhichOneof("after") == "after_definition_id"
        comparison = await diff_definitions(
            self._definitions,
            principal.current().tenant,
            _id(request.before_definition_id, "before_definition_id"),
            after_id=_id(request.after_definition_id, "after_definition_id") if is_kept else None,
            after_spec=text_of(request, "after_spec"),
        )
        # A long answer takes long to write, too.
        return pb.DiffDefinitionsResponse(diff=await asyncio.to_thread(diff_to, comparison))

    async def ExportDefinition(
        self,
        request: pb.ExportDefinitionRequest,
        _context: ServicerContext[pb.ExportDefinitionRequest, pb.ExportDefinitionResponse],
    ) -> pb.ExportDefinitionResponse:
        exported = await export_definition(
            self._definitions,
            principal.current().tenant,
            _id(request.definition_id, "definition_id"),
            form=form_from(request.format),
        )
        return pb.ExportDefinitionResponse(
            format=request.format,
            document=exported.text,
            left_out=left_out_to(exported.left_out),
            left_out_count=len(exported.left_out),
        )

    async def ImportDefinition(
        self,
        request: pb.ImportDefinitionRequest,
        _context: ServicerContext[pb.ImportDefinitionRequest, pb.ImportDefinitionResponse],
    ) -> pb.ImportDefinitionResponse:
        caller = principal.current()
        brought = await import_definition(
            self._definitions,
            caller.tenant,
            form=form_from(request.format),
            document=request.document,
            whole_names=request.whole_names,
            key=request.key,
            description=request.description,
            validate_only=request.validate_only,
            allow_partial=request.allow_partial,
            request_id=request.request_id,
            created_by=caller.name,
        )
        return pb.ImportDefinitionResponse(
            definition=definition_to(brought.definition, with_spec=False)
            if brought.definition is not None
            else None,
            spec=to_json(brought.spec),
            refused=remarks_to(brought.refused),
            differs=remarks_to(brought.differs),
            diagnostics=[diagnostic_to(one) for one in brought.diagnostics],
        )


def _id(text: str, field: str) -> DefinitionId:
    return DefinitionId(parse_uuid(text, field))
