"""
HTTP tasks: one request a try.

    input   {"method": "POST", "url": "https://…", "headers": {…}, "auth": {…},
             "json": … or "body": "…", "timeout_s": 10, "redirects": 0,
             "output": {"id": "/body/id"}, "callback": true, "store": true}
    output  {"status": 200, "headers": {…}, "body": …}, or what `output` chooses of it

The body of the output is JSON where the answer says it is, text otherwise. Every attempt
carries the same `Idempotency-Key` header, so that the other side can tell a repeat. With `store`
the body becomes an object, of whatever kind it is, and the output has the reference to it.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from executor.handlers.fitting import MAX_RETRY_AFTER
from executor.handlers.http_input import Wanted, wanted_of
from executor.ports import Ports
from executor.ports.http import (
    MAX_RESPONSE_BYTES,
    HttpRefused,
    HttpResponse,
    HttpTooLarge,
    HttpUnreachable,
)
from executor.ports.object_storage import (
    MAX_OBJECT_BYTES,
    ObjectCorrupt,
    ObjectMissing,
    ObjectsUnavailable,
    ObjectTooLarge,
    fit_content_type,
)
from executor.ports.secrets import SecretMissing, SecretsUnavailable
from shared.errors import InvalidJson, InvalidRequest, LimitExceeded
from shared.json import Json, parse
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType

RETRYABLE = frozenset({408, 425, 429})
MAX_QUOTED = 500
"""How much of a refusal's body goes into the failure, in characters."""

KEPT_HEADERS = ("content-type", "etag", "last-modified", "location", "retry-after", "x-request-id")


class HttpHandler:
    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        return type is TaskType.HTTP

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """
        A status of 2xx succeeds, or leaves the task open for a callback; 408, 425, 429, 5xx and no
        answer may be retried.
        """
        try:
            wanted = await wanted_of(task, ports)
            response = await ports.http.request(
                wanted.method,
                wanted.url,
                headers=wanted.headers,
                body=wanted.body,
                within=wanted.within,
                redirects=wanted.redirects,
                max_bytes=MAX_OBJECT_BYTES if wanted.stores else MAX_RESPONSE_BYTES,
            )
            if not 200 <= response.status < 300:
                return _refusal(response, ports)
            if wanted.awaits_callback:
                return Outcome.awaiting()
            return _success(response, wanted, await _body_of(response, wanted, ports))
        except InvalidRequest as error:
            return _failed("http.input", error.message, retryable=False)
        except SecretMissing as error:
            return _failed("secret.missing", error.message, retryable=False)
        except SecretsUnavailable as error:
            return _failed("secret.unavailable", error.message, retryable=True)
        except HttpRefused as error:
            return _failed("http.refused", error.message, retryable=False)
        except HttpTooLarge as error:
            return _failed("http.too_large", error.message, retryable=False)
        except HttpUnreachable as error:
            return _failed("http.unreachable", error.message, retryable=True)
        except (ObjectMissing, ObjectCorrupt, ObjectTooLarge) as error:
            return _failed("http.object", error.message, retryable=False)
        except ObjectsUnavailable as error:
            return _failed("http.object", error.message, retryable=True)


async def _body_of(response: HttpResponse, wanted: Wanted, ports: Ports) -> Json:
    if not wanted.stores or ports.objects is None:
        return _body_from(response)
    content_type = fit_content_type(response.headers.get("content-type", ""))
    content = _without_secrets(response.body, ports)
    return (await ports.objects.put(content, content_type)).as_json()


def _without_secrets(body: bytes, ports: Ports) -> bytes:
    """Of an answer in text: a server may tell what it was told."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body
    clean = ports.secrets.redacted(text)
    return body if clean == text else clean.encode()


def _success(response: HttpResponse, wanted: Wanted, body: Json) -> Outcome:
    if wanted.chosen is None:
        return Outcome.succeeded(
            {"status": response.status, "headers": _kept(response), "body": body}
        )
    return Outcome.succeeded(
        wanted.chosen.of(
            {"status": response.status, "headers": dict(response.headers), "body": body}
        )
    )


def _refusal(response: HttpResponse, ports: Ports) -> Outcome:
    # Secrets go before it is cut, or half of one might stay.
    said = ports.secrets.redacted(response.body.decode(errors="replace"))[:MAX_QUOTED]
    return Outcome.failed(
        Failure(
            kind="http.status",
            message=f"the server answered {response.status}",
            retryable=response.status in RETRYABLE or response.status >= 500,
            details={"status": response.status, "headers": _kept(response), "body": said},
            retry_after=_retry_after(response.headers.get("retry-after"), ports.clock.now()),
        )
    )


def _kept(response: HttpResponse) -> dict[str, Json]:
    return {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}


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
