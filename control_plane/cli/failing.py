"""How a command ends that cannot go on: a line that says why, and never a traceback."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
from foliot.v1 import diagnostic_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from rich.console import Console
from rich.text import Text

from control_plane.cli.plain import visible
from shared.errors import FoliotError, NotFound

FAILED = 1
CONFIGURATION = 2
NOT_THERE = 3
NOT_ALLOWED = 4
UNREACHED = 5
INTERRUPTED = 130

EXIT_CODES = {
    0: "done",
    FAILED: "refused, or something was found that must not be; standard error says why",
    CONFIGURATION: "the command line or a setting is wrong",
    NOT_THERE: "there is no such thing in this tenant",
    NOT_ALLOWED: "the key is missing, is none, or does not allow it",
    UNREACHED: "no server answered, or not in time; trying again may help",
    INTERRUPTED: "ended by Ctrl-C",
}

_BY_CODE = {
    grpc.StatusCode.NOT_FOUND: NOT_THERE,
    grpc.StatusCode.UNAUTHENTICATED: NOT_ALLOWED,
    grpc.StatusCode.PERMISSION_DENIED: NOT_ALLOWED,
    grpc.StatusCode.UNAVAILABLE: UNREACHED,
    grpc.StatusCode.DEADLINE_EXCEEDED: UNREACHED,
}

_WITHOUT_DETAILS = {
    grpc.StatusCode.UNAVAILABLE: "no control plane answers; try again, or see whether one serves",
    grpc.StatusCode.DEADLINE_EXCEEDED: "the control plane has not answered in time; try again",
    grpc.StatusCode.UNIMPLEMENTED: "this control plane does not know the call: it is of another"
    " release, or something else answers there",
}
"""What gRPC itself has to say is for its own people."""


class NotReached(FoliotError):
    """Nobody answers, or not in time."""


def _as_it_is(json_pointer: str) -> str:
    return json_pointer or "/"


@contextmanager
def explained(
    failed: int = FAILED, *, place_of: Callable[[str], str] = _as_it_is
) -> Iterator[None]:
    """
    Turn what is expected to go wrong into an exit code and a sentence on stderr. `failed` is
    the code of what has none of its own, `place_of` where the part of a spec is written that
    a JSON pointer names.
    """
    try:
        yield
    except NotReached as error:
        say(str(error))
        sys.exit(UNREACHED)
    except NotFound as error:
        say(f"{error.reason}: {error.message}")
        sys.exit(NOT_THERE)
    except FoliotError as error:
        say(str(error))
        sys.exit(failed)
    except grpc.aio.AioRpcError as error:
        _tell(error, place_of)
        sys.exit(_BY_CODE.get(error.code(), failed))
    except BrokenPipeError:
        # Whoever read us has seen enough; nor may the interpreter flush into the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(failed)
    except Exception as error:
        _explain_others(error, failed)
        raise


def _explain_others(error: Exception, failed: int) -> None:
    """What takes a while to import, and comes from what few commands do."""
    from pydantic import ValidationError
    from pydantic_settings.exceptions import SettingsError

    from control_plane.embedded import EmbeddedError

    if isinstance(error, ValidationError):
        for problem in error.errors():
            name = "FOLIOT_" + "_".join(str(part) for part in problem["loc"]).upper()
            say(f"{name}: {problem['msg']}")
        sys.exit(CONFIGURATION)
    if isinstance(error, SettingsError):
        from shared.settings import unreadable

        say(unreadable(error))
        sys.exit(CONFIGURATION)
    if isinstance(error, EmbeddedError):
        say(str(error))
        sys.exit(failed)


def say(message: str, *more: str) -> None:
    """As it is: what stands in brackets is no markup. More lines stand below, indented."""
    console = Console(stderr=True, highlight=False)
    console.print(Text.assemble(("foliot:", "bold red"), f" {visible(message)}"), soft_wrap=True)
    for line in more:
        console.print(Text(f"    {visible(line)}"), soft_wrap=True)


def info_of(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    """What a refusal says for programs; None if it is not the control plane's own."""
    found = error_details_pb2.ErrorInfo()
    return found if _detail(error, found) else None


def _tell(error: grpc.aio.AioRpcError, place_of: Callable[[str], str]) -> None:
    info = info_of(error)
    if info is None:
        text = _WITHOUT_DETAILS.get(error.code(), error.details() or "")
        say(f"{error.code().name}: {text}")
        return
    message = error.details() or ""
    say(f"{info.reason}: {message}", *_more(error, info, message, place_of))


def _more(
    error: grpc.aio.AioRpcError,
    info: error_details_pb2.ErrorInfo,
    message: str,
    place_of: Callable[[str], str],
) -> Iterator[str]:
    bad = error_details_pb2.BadRequest()
    if _detail(error, bad):
        for one in bad.field_violations:
            said = "" if one.description == message else f": {one.description}"
            yield f"field {one.field}{said}"
    found = diagnostic_pb2.DiagnosticList()
    if _detail(error, found):
        for problem in found.diagnostics:
            remedy = f" → {problem.remedy}" if problem.remedy else ""
            yield f"{place_of(problem.json_pointer)}: {problem.message}{remedy}"
    retry = error_details_pb2.RetryInfo()
    if _detail(error, retry):
        yield f"try again in {retry.retry_delay.ToTimedelta().total_seconds():g} s"
    if correlation_id := info.metadata.get("correlation_id"):
        yield f"correlation id {correlation_id}"


def _detail(error: grpc.aio.AioRpcError, kind: Message) -> bool:
    status = rpc_status.from_call(error)
    return status is not None and any(packed.Unpack(kind) for packed in status.details)
