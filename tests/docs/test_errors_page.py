"""docs/errors.md: its catalogue is the protos', its sample is real, its program runs."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from foliot.v1.error_reason_pb2 import ErrorReason
from google.protobuf import json_format
from google.rpc import error_details_pb2

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.api.errors import CODES, status_of
from shared.errors import PreconditionFailed
from tests.api.serving import WITHIN_S, detail_in, serving_from
from tests.docs.pages import ROOT, blocks, page, rows, section

PAGE = page("docs/errors.md")
REASONS = [name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()[1:]]


class TestTheCatalogue:
    def test_is_what_the_proto_gives(self) -> None:
        """Otherwise `make gen` was forgotten."""
        checked = subprocess.run(
            [sys.executable, "proto/error_page.py", "--check"],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )

        assert (0, "") == (checked.returncode, checked.stderr)

    @pytest.mark.parametrize("reason", REASONS)
    def test_has_the_code_the_cause_and_the_remedy_of_each_reason(self, reason: str) -> None:
        """An error that does not say what to do is half an error."""
        told = {row[0].strip("`"): row[1:] for row in rows(section(PAGE, "## Reasons"))}

        assert CODES[reason].name == told[reason][0]
        assert all(len(cell) > 5 for cell in told[reason][1:])


class TestTheSample:
    def test_is_what_such_an_error_carries(self) -> None:
        """Word for word, the ErrorInfo in the JSON of protobuf."""
        (sample,) = (one.text for one in blocks(PAGE) if one.language == "json")
        error = PreconditionFailed(
            "state 'draft' has no transition for 'APPROVE'; it accepts SUBMIT, CANCEL",
            reason="EVENT_NOT_ACCEPTED",
            metadata={
                "event_type": "APPROVE",
                "state": '"draft"',
                "accepts": "SUBMIT, CANCEL",
            },
        )
        info = detail_in(status_of(error, "4bf92f3577b34da6"), error_details_pb2.ErrorInfo)

        assert json_format.Parse(sample, error_details_pb2.ErrorInfo()) == info


class TestTheProgram:
    async def test_prints_what_the_page_says(self, tmp_path: Path) -> None:
        """Taking an error apart is the first thing that a client's author writes."""
        shown = {one.word: one.text for one in blocks(PAGE) if one.word}
        (tmp_path / "failed.py").write_text(shown["failed.py"], "utf-8")
        async with serving_from(MemoryDatabase()) as serving:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "failed.py"),
                cwd=tmp_path,
                env={**os.environ, "ADDRESS": serving.address, "KEY": await serving.key()},
                stdout=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(WITHIN_S):
                printed, _ = await process.communicate()

        assert shown["failed"] == printed.decode()
