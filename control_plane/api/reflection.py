"""
Reflection under both of its names, for every symbol a tool may ask for.

grpcio-reflection knows v1alpha only, and only files' own symbols. The messages of v1 are
the same field by field, so its file is made from that of v1alpha; a method or a field is
found by what it stands in.
"""

from collections.abc import Sequence
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2

ALPHA: Final = "grpc.reflection.v1alpha"
STABLE: Final = "grpc.reflection.v1"
SERVICE: Final = "ServerReflection"
METHOD: Final = "ServerReflectionInfo"
NAMES: Final = (f"{STABLE}.{SERVICE}", f"{ALPHA}.{SERVICE}")


class Reflection(reflection.aio.ReflectionServicer):  # type: ignore[misc]  # grpcio-reflection has no types
    """Tells of the named services and of itself."""

    def __init__(self, services: Sequence[str]) -> None:
        _add_stable_file()
        super().__init__([*services, *NAMES])

    def handlers(self) -> Sequence[Any]:
        """What to add to a server: the same service under each name."""
        method = grpc.stream_stream_rpc_method_handler(
            self.ServerReflectionInfo,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        return [grpc.method_handlers_generic_handler(name, {METHOD: method}) for name in NAMES]

    def _file_containing_symbol(self, request: Any, fully_qualified_name: str) -> Any:
        answer = super()._file_containing_symbol(request, fully_qualified_name)
        owner, dot, _ = fully_qualified_name.rpartition(".")
        if answer.HasField("error_response") and dot:
            return super()._file_containing_symbol(request, owner)
        return answer


def _add_stable_file() -> None:
    """Make v1's file from v1alpha's, once a process."""
    pool = descriptor_pool.Default()
    file = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    file.name = "grpc/reflection/v1/reflection.proto"
    file.package = STABLE
    for message in file.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace(ALPHA, STABLE)
    for service in file.service:
        for method in service.method:
            method.input_type = method.input_type.replace(ALPHA, STABLE)
            method.output_type = method.output_type.replace(ALPHA, STABLE)
    # The same file again is no conflict.
    pool.AddSerializedFile(file.SerializeToString())
