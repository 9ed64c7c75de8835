"""Everything that a proto declares, flat, each with the comment that stands above it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

# Field numbers of descriptor.proto, of which the paths of comments are made.
FILE_MESSAGES, FILE_ENUMS, FILE_SERVICES, FILE_EXTENSIONS = 4, 5, 6, 7
MESSAGE_FIELDS, MESSAGE_NESTED, MESSAGE_ENUMS, MESSAGE_ONEOFS = 2, 3, 4, 8
MEMBERS = 2  # of an enum or a service


class Declaration(NamedTuple):
    kind: str  # message, field, oneof, enum, value, service or rpc
    name: str
    full_name: str
    comment: str
    field: FieldDescriptorProto | None = None


def declarations(file: FileDescriptorProto) -> Iterator[Declaration]:
    """Outermost first, in the order of the file within each kind."""
    comments = {
        tuple(at.path): at.leading_comments.strip() for at in file.source_code_info.location
    }

    def declared(
        kind: str, path: Sequence[int], *names: str, field: FieldDescriptorProto | None = None
    ) -> Declaration:
        comment = comments.get(tuple(path), "")
        return Declaration(kind, names[-1], ".".join((file.package, *names)), comment, field)

    def of_enum(enum: EnumDescriptorProto, path: list[int], *outer: str) -> Iterator[Declaration]:
        yield declared("enum", path, *outer, enum.name)
        for index, value in enumerate(enum.value):
            yield declared("value", [*path, MEMBERS, index], *outer, enum.name, value.name)

    def of_message(message: DescriptorProto, path: list[int], *outer: str) -> Iterator[Declaration]:
        if message.options.map_entry:
            return
        names = (*outer, message.name)
        yield declared("message", path, *names)
        for index, field in enumerate(message.field):
            at = [*path, MESSAGE_FIELDS, index]
            yield declared("field", at, *names, field.name, field=field)
        for index, oneof in enumerate(message.oneof_decl):
            if not oneof.name.startswith("_"):  # what `optional` is made of
                yield declared("oneof", [*path, MESSAGE_ONEOFS, index], *names, oneof.name)
        for index, nested in enumerate(message.nested_type):
            yield from of_message(nested, [*path, MESSAGE_NESTED, index], *names)
        for index, enum in enumerate(message.enum_type):
            yield from of_enum(enum, [*path, MESSAGE_ENUMS, index], *names)

    for index, message in enumerate(file.message_type):
        yield from of_message(message, [FILE_MESSAGES, index])
    for index, enum in enumerate(file.enum_type):
        yield from of_enum(enum, [FILE_ENUMS, index])
    for index, field in enumerate(file.extension):
        yield declared("field", [FILE_EXTENSIONS, index], field.name, field=field)
    for index, service in enumerate(file.service):
        yield declared("service", [FILE_SERVICES, index], service.name)
        for place, method in enumerate(service.method):
            path = [FILE_SERVICES, index, MEMBERS, place]
            yield declared("rpc", path, service.name, method.name)
