"""What a log line may hold, and what it must not."""

import contextvars
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from shared.telemetry.call_names import enter_call
from shared.telemetry.logging import configure_logging, get_logger

SECRET = "s3cr3t-of-a-customer"


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
            enter_call("c0ffee", "4bf92f3577b34da6a3ce929d0e0e4736")
            get_logger("test").info("something.happened")
            logging.getLogger("some.library").warning("something else")

        contextvars.copy_context().run(in_a_call)
        get_logger("test").info("nobody.called")

        *inside, outside = map(json.loads, capsys.readouterr().err.splitlines())
        assert [("c0ffee", "4bf92f3577b34da6a3ce929d0e0e4736")] * 2 == [
            (line["correlation_id"], line["trace_id"]) for line in inside
        ]
        assert not {"correlation_id", "trace_id"} & outside.keys()
