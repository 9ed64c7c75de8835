"""The HTTP handler: what it asks of the port, and what it makes of the answer."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from executor.adapters.signed_callbacks import SignedCallbacks
from executor.handlers.http import MAX_QUOTED, HttpHandler
from executor.ports.http import HttpRefused, HttpResponse, HttpTooLarge, HttpUnreachable
from executor.ports.secrets import SecretsUnavailable
from shared.callbacks import Callback, CallbackKeys
from shared.ids import TenantId
from shared.json import Json, dump, load
from shared.tasks import Failure, Outcome, TaskType
from tests.executor.ports import CALLBACK_KEYS, CannedWeb, canned, canned_ports
from tests.executor.work import NOON, a_task

URL = "https://example.com/orders"
HEADERS = {"content-type": "application/json", "x-total": "2"}
BODY: Json = {"order": {"id": 7}, "lines": [{}, {"/~": "odd"}]}


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


SECRETS = {"acme": {"token": "swordfish", "hook": "https://hooks.example.com/T0/swordfish"}}


async def with_secrets(
    input_: Json, answer: HttpResponse | Exception | None = None
) -> tuple[Outcome, CannedWeb]:
    """The outcome of one attempt of a tenant that has secrets, and what was sent."""
    web = CannedWeb() if answer is None else CannedWeb(answer)
    ports = canned_ports(web=web, secrets=SECRETS)
    return await HttpHandler().execute(a_task(TaskType.HTTP, input=input_), ports), web


class TestASecretOfARequest:
    @pytest.mark.parametrize(
        ("said", "sent"),
        [
            ({"auth": {"bearer": {"$secret": "token"}}}, "Bearer swordfish"),
            (
                {"auth": {"user": "ada", "password": {"$secret": "token"}}},
                "Basic YWRhOnN3b3JkZmlzaA==",
            ),
            ({"headers": {"Authorization": ["Token ", {"$secret": "token"}]}}, "Token swordfish"),
            ({"headers": {"Authorization": {"$secret": "token"}}}, "swordfish"),
        ],
    )
    async def test_is_looked_up_for_its_header(self, said: dict[str, Json], sent: str) -> None:
        """In the forms in which services want it."""
        _, web = await with_secrets({"url": URL, **said})

        assert sent == web.sent[0].headers["authorization"]

    async def test_may_stand_in_the_body_and_be_the_url(self) -> None:
        """Some services have their key in the address."""
        body: Json = {"key": {"$secret": "token"}, "list": [{"$secret": "token"}]}
        _, web = await with_secrets({"url": {"$secret": "hook"}, "json": body})

        assert [(SECRETS["acme"]["hook"], b'{"key":"swordfish","list":["swordfish"]}')] == [
            (one.url, one.body) for one in web.sent
        ]

    async def test_that_is_missing_fails_the_task_for_good(self) -> None:
        """Nothing is sent without it."""
        outcome, web = await with_secrets({"url": URL, "auth": {"bearer": {"$secret": "none"}}})
        assert outcome.failure is not None

        assert ("secret.missing", False, []) == (
            outcome.failure.kind,
            outcome.failure.retryable,
            web.sent,
        )

    async def test_that_cannot_be_looked_up_now_is_tried_again(self) -> None:
        """A place of secrets may be down for a while."""

        class Down:
            async def resolve(self, tenant_id: TenantId, name: str) -> str:
                raise SecretsUnavailable("the place of secrets is down")

        ports = replace(canned(), secrets=Down()).of(TenantId("acme"))
        task = a_task(TaskType.HTTP, input={"url": {"$secret": "hook"}})
        failure = (await HttpHandler().execute(task, ports)).failure
        assert failure is not None

        assert ("secret.unavailable", True) == (failure.kind, failure.retryable)

    async def test_that_a_server_sends_back_is_in_no_failure(self) -> None:
        """Not even the half of it that a cut would leave."""
        said = b"x" * (MAX_QUOTED - 4) + b"swordfish, YWRhOnN3b3JkZmlzaA=="
        for padding in (b"", b"y" * 20):
            outcome, _ = await with_secrets(
                {"url": URL, "auth": {"user": "ada", "password": {"$secret": "token"}}},
                response(400, said[len(padding) :]),
            )
            assert outcome.failure is not None

            assert "swor" not in str(outcome.failure.details)
            assert "YWRh" not in str(outcome.failure.details)

    @pytest.mark.parametrize(
        "said",
        [
            {"auth": {}},
            {"auth": "Bearer x"},
            {"auth": {"bearer": 1}},
            {"auth": {"bearer": "x", "user": "y"}},
            {"auth": {"bearer": "x"}, "headers": {"Authorization": "y"}},
            {"redirects": 11},
            {"redirects": -1},
            {"redirects": True},
            {"callback": "yes"},
            {"callback": {"within_s": 0}},
            {"callback": True, "json": {"$callback": "nothing"}},
            {"output": 1},
            {"output": {"a": 1}},
            {"output": "body"},
            {"output": "/~2"},
            {"retires": 3},
        ],
    )
    async def test_or_anything_else_that_is_said_wrongly_is_not_sent(
        self, said: dict[str, Json]
    ) -> None:
        """A word that is not known is a typing error."""
        outcome, web = await with_secrets({"url": URL, **said})
        assert outcome.failure is not None

        assert ("http.input", []) == (outcome.failure.kind, web.sent)


class TestAnOutput:
    @pytest.mark.parametrize(
        ("chosen", "output"),
        [
            ("/body/order/id", 7),
            ("/body/lines/1/~1~0", "odd"),
            ("/status", 200),
            ("", {"status": 200, "headers": HEADERS, "body": BODY}),
            ({"id": "/body/order/id", "total": "/headers/x-total"}, {"id": 7, "total": "2"}),
            ({"none": "/body/no/where", "nor": "/body/lines/9"}, {"none": None, "nor": None}),
            ({"last": "/body/lines/-", "deep": "/body/order/id/x"}, {"last": None, "deep": None}),
            ({}, {}),
        ],
    )
    async def test_is_what_was_chosen_of_the_answer(self, chosen: Json, output: Json) -> None:
        """By JSON pointers; null for what is not there."""
        answer = HttpResponse(status=200, headers=HEADERS, body=dump(BODY).encode())
        outcome, _ = await carried_out({"url": URL, "output": chosen}, answer)

        assert Outcome.succeeded(output) == outcome


class TestARedirect:
    async def test_is_followed_as_often_as_the_input_says(self) -> None:
        """Not at all unless it does."""
        _, none = await carried_out({"url": URL})
        _, three = await carried_out({"url": URL, "redirects": 3})

        assert (0, 3) == (none.sent[0].redirects, three.sent[0].redirects)


class TestACallback:
    async def test_leaves_the_task_open_and_gives_the_right_to_end_it_along(self) -> None:
        """In a header; and wherever else the service wants it."""
        body: Json = {"reply": {"to": {"$callback": "taskId"}, "with": {"$callback": "token"}}}
        outcome, web = await carried_out({"url": URL, "json": body, "callback": {"within_s": 60}})
        [sent] = web.sent
        token = sent.headers["foliot-callback-token"]

        assert Outcome.awaiting() == outcome
        assert Callback(
            tenant_id=TenantId("acme"),
            task_id=a_task().task_id,
            expires_at=NOON + timedelta(minutes=1),
        ) == CALLBACK_KEYS.read(token, NOON)
        assert {"reply": {"to": a_task().task_id, "with": token}} == load(sent.body or b"")
        assert a_task().task_id == sent.headers["foliot-callback-task"]

    async def test_is_not_awaited_of_who_refused(self) -> None:
        """And its token is a secret in what is told of it."""
        web = CannedWeb()

        async def echo(*_: object, headers: Mapping[str, str], **__: object) -> HttpResponse:
            return response(503, headers["foliot-callback-token"].encode())

        web.request = echo  # type: ignore[method-assign]  # a server that sends back what it got
        task = a_task(TaskType.HTTP, input={"url": URL, "callback": True})
        failure = (await HttpHandler().execute(task, canned_ports(web=web))).failure
        assert failure is not None

        assert (True, {"status": 503, "headers": {}, "body": "***"}) == (
            failure.retryable,
            failure.details,
        )

    async def test_without_a_key_is_not_asked_for(self) -> None:
        """Nobody could end the task."""
        adapters = replace(canned(), callbacks=SignedCallbacks(CallbackKeys([])))
        task = a_task(TaskType.HTTP, input={"url": URL, "callback": True})
        failure = (await HttpHandler().execute(task, adapters.of(TenantId("acme")))).failure
        assert failure is not None

        assert "FOLIOT_CALLBACK_KEYS" in failure.message
        assert [] == adapters.http.sent  # type: ignore[attr-defined]  # a canned web
