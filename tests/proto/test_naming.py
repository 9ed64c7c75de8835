"""Names say what a thing is: times, durations, counts and pages are recognised by theirs."""

import re

from foliot.v1 import auth_options_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from tests.proto.declarations import declarations
from tests.proto.test_method_auth import METHODS, auth_of

TIMESTAMP = ".google.protobuf.Timestamp"
DURATION = ".google.protobuf.Duration"

# Timestamps whose own word reads better than one in _time.
OWN_WORDS = {"held_since"}
# What a Duration's name may be or end in.
DURATIONS = ("duration", "timeout", "jitter", "_ttl", "_interval", "_after", "_within", "_window")


def fields(files: list[FileDescriptorProto]) -> list[tuple[str, FieldDescriptorProto]]:
    return [
        (declared.full_name, declared.field)
        for file in files
        for declared in declarations(file)
        if declared.field is not None
    ]


class TestAFile:
    def test_holds_one_service_named_after_it_or_none(
        self, files: list[FileDescriptorProto]
    ) -> None:
        """`task_service.proto` holds TaskService; `task.proto` holds the resource."""
        for file in files:
            stem = file.name.rpartition("/")[2].removesuffix(".proto")
            named = [stem.title().replace("_", "")] if stem.endswith("_service") else []

            assert named == [service.name for service in file.service]

    def test_lies_where_its_package_says(self, files: list[FileDescriptorProto]) -> None:
        """Imports of the generated code follow the packages."""
        for file in files:
            assert file.package.replace(".", "/") == file.name.rpartition("/")[0]


class TestAField:
    def test_that_is_a_time_ends_in_time(self, files: list[FileDescriptorProto]) -> None:
        """And nothing else does."""
        for name, field in fields(files):
            is_time = field.type_name == TIMESTAMP and field.name not in OWN_WORDS

            assert is_time == field.name.endswith("_time"), name

    def test_that_is_a_duration_is_not_a_number(self, files: list[FileDescriptorProto]) -> None:
        """A Duration has its unit; a number of what would have to be guessed."""
        for name, field in fields(files):
            assert (field.type_name == DURATION) == (
                field.name.endswith(DURATIONS) and field.type_name != ""
            ), name
            assert not re.search(r"_(ms|s|sec|seconds|millis|minutes)$", field.name), name

    def test_that_is_an_id_is_text(self, files: list[FileDescriptorProto]) -> None:
        """Ids are compared and passed on, never counted with."""
        for name, field in fields(files):
            if field.name.endswith(("_id", "_key", "_token")):
                assert FieldDescriptorProto.TYPE_STRING == field.type, name

    def test_never_carries_a_struct(self, files: list[FileDescriptorProto]) -> None:
        """A Struct turns integers into doubles; JSON travels as text in a Json."""
        for name, field in fields(files):
            assert not field.type_name.startswith((".google.protobuf.Struct", ".google.protobuf.V"))
            assert ".google.protobuf.ListValue" != field.type_name, name


class TestATenantsRequest:
    def test_never_names_a_tenant(self, files: list[FileDescriptorProto]) -> None:
        """
        The tenant comes from the credential, so that nobody can ask for another's. Only what a
        credential of the platform may call as well says which one it is about.
        """
        across = {
            f"{method.name}Request"
            for method in METHODS
            if auth_of(method).scope
            in {
                auth_options_pb2.AUTH_SCOPE_PLATFORM,
                auth_options_pb2.AUTH_SCOPE_TENANT_OR_PLATFORM,
            }
        }
        asked = [
            name
            for name, field in fields(files)
            if "tenant" in field.name
            and (message := name.split(".")[-2]).endswith("Request")
            and message not in across
        ]

        assert [] == asked


class TestARequestForAList:
    def test_can_be_paged_filtered_and_ordered(self, files: list[FileDescriptorProto]) -> None:
        """Every list works the same way."""
        lists = [
            message
            for file in files
            for message in file.message_type
            if re.fullmatch(r"List\w+Request", message.name)
        ]

        assert lists
        for message in lists:
            names = {field.name for field in message.field}
            assert {"page_size", "page_token", "filter", "order_by"} <= names, message.name


class TestAnEnum:
    def test_begins_with_unspecified_and_prefixes_every_value(
        self, files: list[FileDescriptorProto]
    ) -> None:
        """Zero is what an unset field gives; values share one namespace in C++ and Python."""
        for file in files:
            for enum in file.enum_type:
                prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.name).upper() + "_"

                assert f"{prefix}UNSPECIFIED" == enum.value[0].name
                assert all(value.name.startswith(prefix) for value in enum.value)
                assert list(range(len(enum.value))) == [value.number for value in enum.value]
