"""Every unary RPC can be had as JSON over HTTP: on a path of its own, with all that it takes."""

import re

import pytest
from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from tests.proto.test_method_auth import METHODS

UNARY = [one for one in METHODS if not (one.client_streaming or one.server_streaming)]
AS_TEXT = {"google.protobuf.Timestamp", "google.protobuf.Duration"}
every_unary = pytest.mark.parametrize("method", UNARY, ids=lambda method: method.full_name)


def rule_of(method: MethodDescriptor) -> http_pb2.HttpRule:
    return method.GetOptions().Extensions[annotations_pb2.http]


def verb_and_path(method: MethodDescriptor) -> tuple[str, str]:
    rule = rule_of(method)
    verb = rule.WhichOneof("pattern")
    assert verb is not None
    return verb, getattr(rule, verb)


def variables(path: str) -> list[str]:
    return re.findall(r"\{([^}=]+)(?:=[^}]*)?\}", path)


def field_at(message: Descriptor, path: str) -> FieldDescriptor | None:
    """The field that a path of names leads to."""
    *outer, last = path.split(".")
    for name in outer:
        field = message.fields_by_name.get(name)
        if field is None or field.message_type is None or field.is_repeated:
            return None
        message = field.message_type
    return message.fields_by_name.get(last)


def fits_a_query(field: FieldDescriptor, inside: frozenset[str] = frozenset()) -> bool:
    """Whether a gateway can read the field from `?name=value`."""
    message = field.message_type
    if message is None or message.full_name in AS_TEXT:
        return True
    if field.is_repeated or message.full_name in inside:
        return False
    return all(fits_a_query(one, inside | {message.full_name}) for one in message.fields)


@every_unary
class TestThePathOfAnRpc:
    def test_takes_variables_from_fields_of_the_request(self, method: MethodDescriptor) -> None:
        """Each a single text, so that it can stand between two slashes."""
        for name in variables(verb_and_path(method)[1]):
            field = field_at(method.input_type, name)

            assert field is not None, name
            assert FieldDescriptor.TYPE_STRING == field.type, name
            assert not field.is_repeated, name

    def test_leaves_no_field_without_a_place(self, method: MethodDescriptor) -> None:
        """In the path, in the body, or, without a body, in the query."""
        verb, path = verb_and_path(method)
        rule = rule_of(method)

        if verb in {"get", "delete"}:
            assert "" == rule.body
            in_path = {name.partition(".")[0] for name in variables(path)}
            rest = [one for one in method.input_type.fields if one.name not in in_path]
            assert [] == [one.name for one in rest if not fits_a_query(one)]
        else:
            assert rule.body == "*" or rule.body in method.input_type.fields_by_name

    def test_begins_with_the_version_of_its_package(self, method: MethodDescriptor) -> None:
        """So that two versions can be served side by side."""
        package = method.containing_service.file.package
        version = package.removeprefix("foliot.")

        assert verb_and_path(method)[1].startswith(f"/{version.replace('.', '/')}/")


class TestAllPaths:
    def test_can_be_told_apart(self) -> None:
        """Whatever stands for their variables, no two take the same request."""
        shapes = [
            (verb, re.sub(r"\{[^}]*\}", "*", path)) for verb, path in map(verb_and_path, UNARY)
        ]

        assert len(shapes) == len(set(shapes))
