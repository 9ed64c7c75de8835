"""
HTTP tasks: one request a try.

    input   {"method": "POST", "url": "https://…", "headers": {…}, "json": … or "body": "…",
             "timeout_s": 10}
    output  {"status": 200, "headers": {…}, "body": …}

The body of the output is JSON where the answer says it is, text otherwise. Every attempt
carries the same `Idempotency-Key` header, so that the other side can tell a repeat.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from executor.handlers.fitting import MAX_RETRY_AFTER
from executor.ports import Ports
from executor.ports.http import HttpRefused, HttpResponse, HttpTooLarge, HttpUnreachable
from shared.errors import InvalidJson, InvalidRequest, LimitExceeded
from shared.json import Json, dump, parse
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
RETRYABLE = frozenset({408, 425, 429})
DEFAULT_TIMEOUT = timedelta(seconds=30)
MAX_TIMEOUT = timedelta(minutes=10)
MAX_QUOTED = 500
"""How much of a refusal's body goes into the failure, in characters."""

KEPT_HEADERS = ("content-type", "etag", "last-modified", "location", "retry-after", "x-request-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    within: timedelta


class HttpHandler:
    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        return type is TaskType.HTTP

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """A status of 2xx succeeds; 408, 425, 429, 5xx and no answer may be retried."""
        try:
            request = _request_of(task)
            response = await ports.http.request(
                request.method,
                request.url,
                headers=request.headers,
                body=request.body,
                within=request.within,
            )
        except InvalidRequest as error:
            return _failed("http.input", error.message, retryable=False)
        except HttpRefused as error:
            return _failed("http.refused", error.message, retryable=False)
        except HttpTooLarge as error:
            return _failed("http.too_large", error.message, retryable=False)
        except HttpUnreachable as error:
            return _failed("http.unreachable", error.message, retryable=True)
        return _outcome_of(response, ports.clock.now())


def _request_of(task: ClaimedTask) -> _Request:
    given = task.input
    if not isinstance(given, dict):
        raise InvalidRequest("an HTTP task's input is an object with at least a url")
    url = given.get("url")
    if not isinstance(url, str) or not url:
        raise InvalidRequest("url is missing; it is text, as 'https://example.com/orders'")
    method = given.get("method", "GET")
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise InvalidRequest(f"method {method!r} is none of {', '.join(sorted(METHODS))}")
    headers = _headers_of(given.get("headers"))
    body = _body_of(given, headers)
    headers.setdefault("idempotency-key", str(task.idempotency_key))
    return _Request(
        method=method.upper(),
        url=url,
        headers=headers,
        body=body,
        within=_timeout_of(given.get("timeout_s")),
    )


def _headers_of(given: Json) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise InvalidRequest("headers is an object of texts")
    return {name.lower(): str(value) for name, value in given.items()}


def _body_of(given: Mapping[str, Json], headers: dict[str, str]) -> bytes | None:
    if "json" in given and "body" in given:
        raise InvalidRequest("json and body are both set; send one of them")
    if "json" in given:
        headers.setdefault("content-type", "application/json")
        return dump(given["json"]).encode()
    body = given.get("body")
    if body is None:
        return None
    if not isinstance(body, str):
        raise InvalidRequest("body is text; use json for anything else")
    return body.encode()


def _timeout_of(given: Json) -> timedelta:
    if given is None:
        return DEFAULT_TIMEOUT
    longest = MAX_TIMEOUT.total_seconds()
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= longest:
        raise InvalidRequest(f"timeout_s {given!r} is not a number of seconds up to {longest:g}")
    return timedelta(seconds=given)


def _outcome_of(response: HttpResponse, now: datetime) -> Outcome:
    kept: dict[str, Json] = {
        name: response.headers[name] for name in KEPT_HEADERS if name in response.headers
    }
    if 200 <= response.status < 300:
        return Outcome.succeeded(
            {"status": response.status, "headers": kept, "body": _body_from(response)}
        )
    return Outcome.failed(
        Failure(
            kind="http.status",
            message=f"the server answered {response.status}",
            retryable=response.status in RETRYABLE or response.status >= 500,
            details={
                "status": response.status,
                "headers": kept,
                "body": response.body.decode(errors="replace")[:MAX_QUOTED],
            },
            retry_after=_retry_after(response.headers.get("retry-after"), now),
        )
    )


def _body_from(response: HttpResponse) -> Json:
    """JSON if the answer says so and is, within limits; else text."""
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json" or content_type.endswith("+json"):
        try:
            return parse(response.body, "body")
        except (InvalidJson, LimitExceeded):
            pass
    return response.body.decode(errors="replace")


def _retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Seconds, or an HTTP date; None for anything else, so that the task's policy holds."""
    if header is None:
        return None
    if header.isascii() and header.isdigit() and len(header) < 10:
        wait = timedelta(seconds=int(header))
    else:
        try:
            at = parsedate_to_datetime(header)
        except ValueError:
            return None
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return max(timedelta(), min(wait, MAX_RETRY_AFTER))


def _failed(kind: str, message: str, *, retryable: bool) -> Outcome:
    return Outcome.failed(Failure(kind=kind, message=message, retryable=retryable))
