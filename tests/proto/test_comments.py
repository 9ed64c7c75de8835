"""The protos are read more often than any other file: their comments keep a form, and promises."""

import json
import re

from foliot.v1.error_reason_pb2 import ErrorReason
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.rpc.code_pb2 import Code

from tests.proto.declarations import Declaration, declarations

PREFIX = "ERROR_REASON_"
CODES = set(Code.DESCRIPTOR.values_by_name)


def every(files: list[FileDescriptorProto], *kinds: str) -> list[Declaration]:
    return [
        declaration
        for file in files
        for declaration in declarations(file)
        if declaration.kind in kinds
    ]


def paragraph_of_errors(comment: str) -> str:
    return " ".join(comment.partition("Errors")[2].split())


def example_of(comment: str) -> dict[str, object]:
    text = comment[comment.index("{") :]
    example: dict[str, object] = json.loads(text)
    return example


class TestEveryComment:
    def test_begins_with_the_name_of_its_thing(self, files: list[FileDescriptorProto]) -> None:
        """So that it reads well where tools show it alone; none is missing either."""
        kinds = ("message", "field", "oneof", "enum", "value", "service", "rpc")
        others = [
            found.full_name
            for found in every(files, *kinds)
            if not re.match(rf"{found.name}\b", found.comment)
        ]

        assert [] == others

    def test_names_only_reasons_that_exist(self, files: list[FileDescriptorProto]) -> None:
        """A program that branches on a reason from a comment must meet it."""
        named = {
            reason
            for found in every(files, "rpc", "message", "field")
            for reason in re.findall(
                r"reason ([A-Z]+(?:_[A-Z]+)+)", " ".join(found.comment.split())
            )
        }

        assert named
        assert set() == named - {
            name.removeprefix(PREFIX) for name in ErrorReason.DESCRIPTOR.values_by_name
        }


class TestTheCommentOfAnRpc:
    def test_has_a_block_of_errors(self, files: list[FileDescriptorProto]) -> None:
        """A caller has to know what may come back before it comes back."""
        without = [
            found.full_name for found in every(files, "rpc") if "\n\n Errors" not in found.comment
        ]

        assert [] == without

    def test_lists_errors_by_status_codes_with_a_reason_for_each(
        self, files: list[FileDescriptorProto]
    ) -> None:
        """The code says what kind, the reason which one; a line with half of it helps nobody."""
        for found in every(files, "rpc"):
            errors = re.findall(r"\n {3}([A-Z_]+) {2,}", found.comment.partition("Errors")[2])
            reasons = re.findall(r"reason [A-Z_]+", paragraph_of_errors(found.comment))

            assert set(errors) <= CODES, found.full_name
            assert len(errors) <= len(reasons), found.full_name

    def test_says_what_makes_a_repeat_harmless(self, files: list[FileDescriptorProto]) -> None:
        """Networks repeat; the comment tells whether that matters."""
        silent = [
            found.full_name
            for found in every(files, "rpc")
            if not re.search(r"idempotent|Changes nothing", found.comment, re.IGNORECASE)
        ]

        assert [] == silent


class TestAnErrorReason:
    def test_is_told_where_it_may_come(self, files: list[FileDescriptorProto]) -> None:
        """By an RPC, by its messages for items of a batch, or as one that any call may answer."""
        (of_any,) = (
            found.comment.partition("Any call may answer")[2]
            for found in every(files, "enum")
            if found.name == "ErrorReason"
        )
        told = set(re.findall(r"[A-Z]+(?:_[A-Z]+)*", of_any))
        for found in every(files, "rpc", "message", "field"):
            told |= set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", found.comment))
        reasons = {
            found.name.removeprefix(PREFIX)
            for found in every(files, "value")
            if found.name.startswith(PREFIX) and not found.name.endswith("_UNSPECIFIED")
        }

        assert set() == reasons - told

    def test_is_shown_by_example(self, files: list[FileDescriptorProto]) -> None:
        """What stands in the example is what the ErrorInfo says, word for word."""
        reasons = [
            found
            for found in every(files, "value")
            if found.name.startswith(PREFIX) and not found.name.endswith("_UNSPECIFIED")
        ]

        assert len(ErrorReason.DESCRIPTOR.values) - 1 == len(reasons)
        for found in reasons:
            example = example_of(found.comment)

            assert {"reason", "domain", "metadata"} == set(example)
            assert found.name.removeprefix(PREFIX) == example["reason"]
            assert "foliot" == example["domain"]

    def test_comes_with_one_status_code(self, files: list[FileDescriptorProto]) -> None:
        """One table maps reasons to codes, so a reason cannot have two."""
        for found in every(files, "value"):
            if found.name.startswith(PREFIX) and not found.name.endswith("_UNSPECIFIED"):
                codes = re.findall(r"comes with ([A-Z_]+):", " ".join(found.comment.split()))

                assert 1 == len(codes), found.name
                assert codes[0] in CODES, found.name

    def test_comes_with_that_code_wherever_an_rpc_lists_it(
        self, files: list[FileDescriptorProto]
    ) -> None:
        """The Errors blocks and the enum tell the same story."""
        codes = {
            found.name.removeprefix(PREFIX): " ".join(found.comment.split()).split("comes with ")[1]
            for found in every(files, "value")
            if found.name.startswith(PREFIX) and not found.name.endswith("_UNSPECIFIED")
        }
        listed = [
            (found.full_name, code, reason)
            for found in every(files, "rpc")
            for code, cause in re.findall(
                r"([A-Z]+(?:_[A-Z]+)*) {2,}(.*?)(?=\n {3}[A-Z]|\Z)", found.comment, re.DOTALL
            )
            for reason in re.findall(r"reason ([A-Z_]+)", " ".join(cause.split()))
        ]

        assert listed
        assert [] == [line for line in listed if not codes[line[2]].startswith(f"{line[1]}:")]
