"""docs/workers.md and the page of the clients: their commands run, their words are the protos'."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from foliot.executor.v1 import executor_service_pb2, outcome_pb2

from control_plane.use_cases.executor_session import HEARTBEATS_PER_LEASE
from shared.rpc import MAX_CLAIM
from tests.docs.pages import ROOT, blocks, code, page
from tests.docs.shell import folder, needs, run, serving
from tests.polyglot.languages import README, TOOLS, languages, shown
from tests.servers import open_directory

PAGE = page("docs/workers.md")
CLIENTS = page(README)
SERVICE = executor_service_pb2.DESCRIPTOR.services_by_name["ExecutorService"]
SCRIPTS = {"protos", *TOOLS, "access", "story"}


@pytest.fixture(scope="module")
def where() -> Iterator[Path]:
    """A reader's folder in which `foliot dev` runs."""
    with open_directory() as at, serving("foliot dev", folder(at, [])):
        yield at


class TestAWorkerByHand:
    @pytest.mark.parametrize("tool", ["grpcurl", "buf"])
    def test_reports_twice_and_is_applied_once(self, where: Path, tool: str) -> None:
        """The whole protocol in a shell, in the order in which a program would speak it."""
        needs(tool)
        told = blocks(page("docs/clients.md"))
        (access,) = (block.text for block in told if block.text.startswith("field()"))
        (ways,) = (block.text for block in told if (block.language, block.word) == ("sh", tool))
        by_hand = "".join(block.text for block in blocks(PAGE) if block.word == "call")

        printed = run(access + ways + by_hand, where)

        assert "OUTCOME_VERDICT_DUPLICATE" in printed


class TestThePageOfWorkers:
    def test_names_every_call_and_every_message_of_the_stream(self) -> None:
        """What is not told would be found out by trying."""
        messages = (executor_service_pb2.ConnectRequest, executor_service_pb2.ConnectResponse)
        told = [
            field.message_type.name
            for message in messages
            for field in message.DESCRIPTOR.fields
            if field.message_type is not None
        ]

        assert {method.name for method in SERVICE.methods} <= set(code(PAGE)) | set(PAGE.split())
        assert [] == [name for name in told if f"`{name}`" not in PAGE]

    def test_names_every_verdict_and_every_result(self) -> None:
        """Each is answered to, or given, by a worker that is complete."""
        verdicts = [
            name.removeprefix("OUTCOME_VERDICT_") for name in outcome_pb2.OutcomeVerdict.keys()[1:]
        ]
        results = [
            field.name for field in outcome_pb2.Outcome.DESCRIPTOR.oneofs_by_name["result"].fields
        ]

        assert set(verdicts + results) <= set(code(PAGE))

    def test_says_what_is_so(self) -> None:
        """Its numbers are the code's."""
        assert f"up to {MAX_CLAIM} tasks in one call" in PAGE
        assert "every third of lease_ttl" in PAGE
        assert HEARTBEATS_PER_LEASE == 3


class TestThePageOfClients:
    def test_has_no_command_that_nothing_runs(self) -> None:
        """`make test-polyglot` runs each block by its word."""
        assert sorted(SCRIPTS) == sorted(block.word for block in blocks(CLIENTS))

    def test_builds_each_language_in_its_folder(self) -> None:
        """And says how its client is called."""
        found = languages()

        assert [ROOT / "examples/clients" / one.name for one in found] == [
            one.folder for one in found
        ]
        assert all(one.folder.is_dir() and one.command for one in found)

    def test_lays_out_googles_protos_by_a_script_that_is_there(self) -> None:
        """The first command is what all others go by."""
        script = shown("protos").split()[1]

        assert (ROOT / script).is_file()
