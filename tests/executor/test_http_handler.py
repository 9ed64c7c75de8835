"""The HTTP handler: what it asks of the port, and what it makes of the answer."""

from datetime import timedelta

import pytest

from executor.handlers.http import HttpHandler
from executor.ports.http import HttpRefused, HttpResponse, HttpTooLarge, HttpUnreachable
from shared.json import Json
from shared.tasks import Failure, Outcome, TaskType
from tests.executor.ports import CannedWeb, canned_ports
from tests.executor.work import a_task

URL = "https://example.com/orders"


def response(status: int = 200, body: bytes = b"", **headers: str) -> HttpResponse:
    """An answer; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status=status, headers=named, body=body)


async def carried_out(
    input_: Json, answer: HttpResponse | Exception | None = None
) -> tuple[Outcome, CannedWeb]:
    """The outcome of one attempt, and what was sent."""
    web = CannedWeb() if answer is None else CannedWeb(answer)
    ports = canned_ports(web=web)
    return await HttpHandler().execute(a_task(TaskType.HTTP, input=input_), ports), web


async def failure_of(answer: HttpResponse | Exception) -> Failure:
    """How an attempt fails that gets this answer."""
    outcome, _ = await carried_out({"url": URL}, answer)
    assert outcome.failure is not None
    return outcome.failure


class TestAnHttpRequest:
    async def test_is_a_get_unless_the_input_says_otherwise(self) -> None:
        """Reading is the harmless default."""
        _, web = await carried_out({"url": URL})

        assert [("GET", URL, None)] == [(one.method, one.url, one.body) for one in web.sent]

    async def test_carries_json_as_json(self) -> None:
        """The body is canonical, and labelled."""
        _, web = await carried_out({"url": URL, "method": "post", "json": {"b": 1, "a": 2}})
        [sent] = web.sent

        assert ("POST", b'{"a":2,"b":1}', "application/json") == (
            sent.method,
            sent.body,
            sent.headers["content-type"],
        )

    async def test_tells_repeats_by_the_tasks_idempotency_key(self) -> None:
        """The other side may get the same request twice, and has to be able to tell."""
        _, web = await carried_out({"url": URL, "headers": {"X-One": "1"}})

        assert {
            "x-one": "1",
            "idempotency-key": str(a_task().idempotency_key),
        } == web.sent[0].headers

    async def test_takes_its_time_limit_from_the_input(self) -> None:
        """In seconds."""
        _, web = await carried_out({"url": URL, "timeout_s": 1.5})

        assert timedelta(seconds=1.5) == web.sent[0].within

    @pytest.mark.parametrize(
        "input_",
        [
            None,
            {},
            {"url": 1},
            {"url": URL, "method": "CONNECT"},
            {"url": URL, "headers": {"a": 1}},
            {"url": URL, "headers": []},
            {"url": URL, "json": 1, "body": "1"},
            {"url": URL, "body": {}},
            {"url": URL, "timeout_s": 0},
            {"url": URL, "timeout_s": True},
            {"url": URL, "timeout_s": 1e9},
        ],
    )
    async def test_with_a_wrong_input_is_not_sent_and_not_tried_again(self, input_: Json) -> None:
        """The same input would fail the same way."""
        outcome, web = await carried_out(input_)
        assert outcome.failure is not None

        assert ("http.input", False, []) == (
            outcome.failure.kind,
            outcome.failure.retryable,
            web.sent,
        )


class TestAnAnswer:
    async def test_of_json_becomes_json(self) -> None:
        """Whatever its exact type is called."""
        outcome, _ = await carried_out(
            {"url": URL},
            response(
                201,
                b'{"id":9007199254740993}',
                content_type="application/hal+json; charset=utf-8",
                set_cookie="secret",
            ),
        )

        assert {
            "status": 201,
            "headers": {"content-type": "application/hal+json; charset=utf-8"},
            "body": {"id": 9007199254740993},
        } == outcome.output

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
    async def test_that_is_not_json_becomes_text(self, content_type: str) -> None:
        """A label that lies does not fail the task."""
        outcome, _ = await carried_out(
            {"url": URL}, response(200, b"{\xff", content_type=content_type)
        )
        assert isinstance(outcome.output, dict)

        assert "{\ufffd" == outcome.output["body"]

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    async def test_that_says_later_may_be_tried_again(self, status: int) -> None:
        """The policy decides when."""
        failure = await failure_of(response(status))

        assert ("http.status", True) == (failure.kind, failure.retryable)

    @pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 409, 422])
    async def test_that_says_no_is_final(self, status: int) -> None:
        """Redirects too: they are not followed."""
        failure = await failure_of(response(status, b"why not"))

        assert ("http.status", False, {"status": status, "headers": {}, "body": "why not"}) == (
            failure.kind,
            failure.retryable,
            failure.details,
        )

    @pytest.mark.parametrize(
        ("header", "wait"),
        [
            ("120", timedelta(minutes=2)),
            ("Thu, 01 Jan 2026 12:05:00 GMT", timedelta(minutes=5)),
            ("Thu, 01 Jan 2026 11:00:00 GMT", timedelta()),
            ("999999999", timedelta(hours=24)),
            ("soon", None),
            ("-1", None),
        ],
    )
    async def test_says_when_to_come_back(self, header: str, wait: timedelta | None) -> None:
        """In seconds or as a date; what is neither is as if it were not there."""
        failure = await failure_of(response(503, retry_after=header))

        assert wait == failure.retry_after

    @pytest.mark.parametrize(
        ("error", "kind", "is_retryable"),
        [
            (HttpUnreachable("gone"), "http.unreachable", True),
            (HttpRefused("no"), "http.refused", False),
            (HttpTooLarge("big"), "http.too_large", False),
        ],
    )
    async def test_that_never_came_is_a_failure_with_its_reason(
        self, error: Exception, kind: str, is_retryable: bool
    ) -> None:
        """Only what may pass is tried again."""
        failure = await failure_of(error)

        assert (kind, is_retryable) == (failure.kind, failure.retryable)


class TestHandlersOfOtherTypes:
    def test_are_not_this_one(self) -> None:
        """Each type has one handler."""
        handled = [type_ for type_ in TaskType if HttpHandler().can_handle(type_)]

        assert [TaskType.HTTP] == handled
