"""The one table from errors to statuses."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from foliot.v1 import error_reason_pb2
from google.rpc import error_details_pb2
from grpc import StatusCode

from control_plane.api.errors import CODES, code_of, reason_of, status_of
from control_plane.ports.claims import SessionExpired
from shared.errors import (
    AlreadyExists,
    Conflict,
    FoliotError,
    InvalidJson,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    Overloaded,
    PermissionDenied,
    PreconditionFailed,
    Unauthenticated,
    Unavailable,
)
from tests.api.serving import detail_in

ROOT = Path(__file__).resolve().parents[2]
REASONS = {
    name.removeprefix("ERROR_REASON_")
    for name, number in error_reason_pb2.ErrorReason.items()
    if number
}


def info_of(error: BaseException) -> error_details_pb2.ErrorInfo:
    found = detail_in(status_of(error, "c0ffee"), error_details_pb2.ErrorInfo)
    assert isinstance(found, error_details_pb2.ErrorInfo)
    return found


class TestTheTable:
    def test_has_every_reason_of_the_contract_and_no_other(self) -> None:
        """A reason without a code could not be sent; one without a comment means nothing."""
        assert set(CODES) == REASONS

    @pytest.mark.parametrize("reason", sorted(REASONS))
    def test_says_what_the_reasons_comment_says(self, reason: str, comments: str) -> None:
        """Each reason comes with exactly one code, and the proto tells which."""
        code = CODES[reason].name

        assert f"ERROR_REASON_{reason} comes with {code}:" in comments


@pytest.fixture(scope="module")
def comments() -> str:
    """The text of the proto."""
    text = (ROOT / "proto/foliot/v1/error_reason.proto").read_text()
    return " ".join(line.strip().removeprefix("//").strip() for line in text.splitlines())


class TestAnError:
    @pytest.mark.parametrize(
        ("error", "reason", "code"),
        [
            (NotFound("task", "x:1"), "TASK_NOT_FOUND", StatusCode.NOT_FOUND),
            (InvalidRequest("no", field="a"), "FIELD_INVALID", StatusCode.INVALID_ARGUMENT),
            (InvalidJson("no", field="a"), "MALFORMED_REQUEST", StatusCode.INVALID_ARGUMENT),
            (LimitExceeded("a", actual=2, maximum=1), "LIMIT_EXCEEDED", None),
            (Conflict("later"), "REVISION_MISMATCH", StatusCode.ABORTED),
            (SessionExpired("gone"), "LEASE_LOST", StatusCode.ABORTED),
            (Unavailable("going"), "SERVER_DRAINING", StatusCode.UNAVAILABLE),
            (Unavailable("?", reason="DATABASE_GONE"), "OUTCOME_UNKNOWN", StatusCode.UNAVAILABLE),
            (Unauthenticated("no"), "CREDENTIAL_INVALID", StatusCode.UNAUTHENTICATED),
            (PermissionDenied("no"), "PERMISSION_DENIED", StatusCode.PERMISSION_DENIED),
            (
                AlreadyExists("taken", reason="BUSINESS_KEY_IN_USE"),
                "BUSINESS_KEY_IN_USE",
                StatusCode.ALREADY_EXISTS,
            ),
            (OSError("connection reset"), "OUTCOME_UNKNOWN", StatusCode.UNAVAILABLE),
            (PreconditionFailed("which?"), "INTERNAL", StatusCode.INTERNAL),
            (ZeroDivisionError("secret"), "INTERNAL", StatusCode.INTERNAL),
        ],
        ids=str,
    )
    def test_becomes_one_reason_and_its_code(
        self, error: Exception, reason: str, code: StatusCode | None
    ) -> None:
        """A program branches on the reason; the code follows from it."""
        status = status_of(error, "c0ffee")

        assert reason == info_of(error).reason
        assert (code or CODES[reason]) is code_of(status)

    def test_always_says_where_to_look_it_up(self) -> None:
        """The correlation id is what to give to support."""
        info = info_of(NotFound("instance", "x"))

        assert ("foliot", "c0ffee", "x") == (
            info.domain,
            info.metadata["correlation_id"],
            info.metadata["instance_id"],
        )

    def test_with_a_field_says_which(self) -> None:
        """A form can show the message beside its field."""
        found = detail_in(
            status_of(InvalidRequest("too long", field="reason"), "c0ffee"),
            error_details_pb2.BadRequest,
        )
        assert isinstance(found, error_details_pb2.BadRequest)

        assert ("reason", "too long") == (
            found.field_violations[0].field,
            found.field_violations[0].description,
        )

    def test_that_passes_says_when(self) -> None:
        """Clients wait as long as they are told to, and not a moment less."""
        found = detail_in(
            status_of(Overloaded("busy", retry_in=timedelta(microseconds=1_500_100)), "c0ffee"),
            error_details_pb2.RetryInfo,
        )
        assert isinstance(found, error_details_pb2.RetryInfo)

        assert timedelta(milliseconds=1_501) == found.retry_delay.ToTimedelta()


class TestABug:
    def test_tells_its_text_to_the_log_and_to_nobody_else(
        self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        """What an exception says may hold what its caller must not see."""
        with caplog.at_level(logging.ERROR):
            status = status_of(ZeroDivisionError("postgresql://user:secret@host"), "c0ffee")

        logged = caplog.text + "".join(capsys.readouterr())
        assert "secret" not in str(status)
        assert "c0ffee" in str(status)
        assert "secret" in logged
        assert "c0ffee" in logged

    def test_is_what_an_error_without_a_reason_is(self) -> None:
        """Ours or not: an error nobody gave a reason is a bug."""
        assert "INTERNAL" == reason_of(FoliotError("?"))
