"""The one table from errors to statuses."""

import contextvars
import json
import logging
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import grpc
import pytest
from foliot.v1 import (
    definition_service_pb2,
    definition_service_pb2_grpc,
    diagnostic_pb2,
    error_reason_pb2,
)
from foliot.v1.json_pb2 import Json
from google.rpc import error_details_pb2
from grpc import StatusCode

from control_plane.api.errors import CODES, code_of, reason_of, status_of
from control_plane.engine import Diagnostic, SpecInvalid
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
from shared.telemetry.call_names import enter_call
from tests.api.serving import Serving, detail_in, info_in, with_key

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

    @pytest.mark.parametrize(
        ("error", "outcome"),
        [
            (Unavailable("going"), "not_done"),
            (Overloaded("busy", retry_in=timedelta(seconds=1)), "not_done"),
            (Unavailable("?", reason="DATABASE_GONE"), "unknown"),
            (OSError("connection reset"), "unknown"),
        ],
        ids=str,
    )
    def test_of_availability_says_what_became_of_the_request_and_when_to_come_back(
        self, error: Exception, outcome: str
    ) -> None:
        """Whoever repeats must know whether it may have been done already."""
        found = detail_in(status_of(error, "c0ffee"), error_details_pb2.RetryInfo)
        assert isinstance(found, error_details_pb2.RetryInfo)

        assert outcome == info_of(error).metadata["outcome"]
        assert found.retry_delay.ToTimedelta() > timedelta()

    def test_of_a_limit_names_the_field_that_is_too_large(self) -> None:
        """What to make smaller is a matter of the request."""
        found = detail_in(
            status_of(LimitExceeded("spec bytes", actual=2, maximum=1, field="spec"), "c0ffee"),
            error_details_pb2.BadRequest,
        )
        assert isinstance(found, error_details_pb2.BadRequest)

        assert ["spec"] == [one.field for one in found.field_violations]

    def test_of_a_limit_on_what_there_is_names_that(self) -> None:
        """The request is right; there is no more room."""
        found = detail_in(
            status_of(LimitExceeded("retentions", actual=2, maximum=1), "c0ffee"),
            error_details_pb2.QuotaFailure,
        )
        assert isinstance(found, error_details_pb2.QuotaFailure)

        assert ["retentions"] == [one.subject for one in found.violations]

    def test_says_which_trace_it_belongs_to(self) -> None:
        """Whoever follows a trace finds the error in it, and the other way round."""

        def in_a_call() -> error_details_pb2.ErrorInfo:
            enter_call("c0ffee", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            return info_of(NotFound("task", "x:1"))

        info = contextvars.copy_context().run(in_a_call)

        assert "4bf92f3577b34da6a3ce929d0e0e4736" == info.metadata["trace_id"]

    @pytest.mark.parametrize(
        "error",
        [
            InvalidRequest("é" * 100_000, field="é" * 100_000),
            NotFound("definition", "\ud800" * 100_000),
            LimitExceeded("x" * 100_000, actual=2, maximum=1),
            SpecInvalid(
                tuple(
                    Diagnostic(
                        severity="error",
                        rule="unknown-key",
                        json_pointer="/states/é" * 60,
                        message=f"{number} " + "é" * 200,
                        remedy="é" * 200,
                    )
                    for number in range(200)
                )
            ),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_is_never_more_than_a_client_takes(self, error: FoliotError) -> None:
        """A status travels in trailers, of which clients take 8 KiB; they see no larger one."""
        status = status_of(error, "c0ffee" * 10)
        travelling = len(quote(status.message)) + len(b64encode(status.SerializeToString()))

        assert travelling < 8 * 1024 - 500
        assert REASONS >= {info_of(error).reason}

    def test_of_a_definition_tells_as_much_as_there_is_room_for(self) -> None:
        """And how many errors there are in all."""
        found = tuple(
            Diagnostic(
                severity="error", rule="unknown-key", json_pointer="", message="x" * 90, remedy=""
            )
            for _ in range(200)
        )
        status = status_of(SpecInvalid(found), "c0ffee")
        listed = detail_in(status, diagnostic_pb2.DiagnosticList)
        assert isinstance(listed, diagnostic_pb2.DiagnosticList)

        assert "200" == info_of(SpecInvalid(found)).metadata["error_count"]
        assert 20 < len(listed.diagnostics) < 60


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


class TestASpecThatIsAllWrong:
    async def test_is_told_to_a_client_that_takes_no_more_than_usual(
        self, serving: Serving
    ) -> None:
        """More than that, and the client would see a status of its own instead of ours."""
        states = {f"s{number}": {"on": {"E": "nowhere"}} for number in range(150)}
        spec = Json(json=json.dumps({"initial": "s0", "states": states}))
        key = await serving.key()

        async with grpc.aio.insecure_channel(
            serving.address,
            options=[("grpc.max_metadata_size", 8 * 1024)],
            interceptors=with_key(key),
        ) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await definition_service_pb2_grpc.DefinitionServiceStub(channel).CreateDefinition(
                    definition_service_pb2.CreateDefinitionRequest(key="all-wrong", spec=spec)
                )

        info = info_in(refused.value)
        assert ("DEFINITION_INVALID", "100") == (info.reason, info.metadata["error_count"])
