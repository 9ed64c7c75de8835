"""What a log line may hold, and what it must not."""

import asyncio
import contextvars
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest
import structlog
from foliot.v1.instance_service_pb2 import StartInstanceRequest

from shared.telemetry.call_names import (
    enter_attempt,
    enter_call,
    enter_message,
    enter_tenant,
)
from shared.telemetry.log_fields import OF_THE_WORK
from shared.telemetry.logging import configure_logging, get_logger
from tests.executor.work import a_task

SECRET = "s3cr3t-of-a-customer"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE_PARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Logging is the process's: give it back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail_with_a_payload() -> None:
    payload = {"card": SECRET[:]}
    raise ValueError(f"cannot charge {len(payload)} cards")


@pytest.mark.parametrize("format_", ["json", "console"])
class TestALoggedException:
    def test_shows_no_variable_of_its_frames(
        self, format_: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """They are payloads, secrets and credentials, and logs are read by many."""
        configure_logging(format_, "info")
        try:
            fail_with_a_payload()
        except ValueError:
            get_logger("test").exception("something.failed")

        written = capsys.readouterr().err
        assert "cannot charge 1 cards" in written
        assert "fail_with_a_payload" in written
        assert SECRET not in written

    def test_of_a_library_shows_none_either(
        self, format_: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The standard library's loggers come out through the same renderer."""
        configure_logging(format_, "info")
        try:
            fail_with_a_payload()
        except ValueError:
            logging.getLogger("some.library").exception("went wrong")

        written = capsys.readouterr().err
        assert "fail_with_a_payload" in written
        assert SECRET not in written


class TestALine:
    def test_in_json_is_one_object(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A collector reads line by line, a traceback's too."""
        configure_logging("json", "info")
        try:
            fail_with_a_payload()
        except ValueError:
            get_logger("test").exception("something.failed", seconds=1)

        (line,) = capsys.readouterr().err.splitlines()
        assert ("something.failed", 1) == (json.loads(line)["event"], json.loads(line)["seconds"])

    def test_says_which_call_and_which_trace_it_belongs_to(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An answer has its correlation id; the lines that it led to must be found by it."""
        configure_logging("json", "info")

        def in_a_call() -> None:
            enter_call("c0ffee", TRACE_PARENT)
            enter_tenant("acme")
            enter_message(
                StartInstanceRequest(definition_key="hello", request_id="r1", labels={"x": SECRET})
            )
            get_logger("test").info("something.happened")
            logging.getLogger("some.library").warning("something else")

        contextvars.copy_context().run(in_a_call)
        get_logger("test").info("nobody.called")

        written = capsys.readouterr().err
        *inside, outside = map(json.loads, written.splitlines())
        of_the_call = {
            "correlation_id": "c0ffee",
            "trace_id": TRACE_ID,
            "tenant_id": "acme",
            "definition": "hello",
            "request_id": "r1",
        }
        for line in inside:
            assert of_the_call == {name: line[name] for name in line if name in OF_THE_WORK}
        assert not set(OF_THE_WORK) & outside.keys()
        assert SECRET not in written

    async def test_says_which_attempt_it_belongs_to(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Whatever a handler logs, or a library of its, also in a thread: no handler says it."""
        configure_logging("json", "info")
        task = replace(a_task(attempt=2), trace_parent=TRACE_PARENT)

        async def in_an_attempt() -> None:
            enter_attempt(task)
            get_logger("test").info("something.happened")
            await asyncio.to_thread(logging.getLogger("some.library").warning, "something else")

        await asyncio.create_task(in_an_attempt())
        get_logger("test").info("nobody.called")

        *inside, outside = map(json.loads, capsys.readouterr().err.splitlines())
        expected = {
            "tenant_id": task.tenant_id,
            "definition": task.definition_key,
            "instance_id": str(task.instance_id),
            "task_id": task.task_id,
            "attempt": 2,
            "trace_id": TRACE_ID,
        }
        for line in inside:
            assert expected == {name: line[name] for name in line if name in OF_THE_WORK}
        assert not set(OF_THE_WORK) & outside.keys()
