"""What the adapters of models say and take on the wire, where providers differ, or are hostile."""

import gzip
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from executor.adapters.llm_schemas import can_be_strict, plainly
from executor.adapters.memory_secrets import MemorySecrets
from executor.adapters.routed_llm import RoutedLlm
from executor.ports.llm import MAX_REPLY_BYTES, Llm, LlmReply, LlmRequest, Message, ToolOffer
from executor.ports.secrets import SecretMissing, Secrets
from shared.errors import InvalidRequest
from shared.guardrails.answers import answer_schema
from shared.guardrails.gates import Classification
from shared.ids import TenantId
from shared.settings import AiProvider
from shared.telemetry.redaction import Redactor
from tests.executor.providers import Behaviour, Provider, Raw, Status, serving
from tests.guardrails.policies import EVENTS, OUTPUT, a_policy

SOON = timedelta(seconds=10)
CANARY = "CANARY-IN-THE-PROMPT"
KINDS = ("anthropic", "openai")
PATHS = {"anthropic": "", "openai": "/v1"}
REQUEST = LlmRequest(
    model="m",
    system="s",
    messages=(Message(role="user", text=CANARY),),
    schema=answer_schema(a_policy(output=OUTPUT), EVENTS),
    tools=(ToolOffer(name="t0_look", description="d", schema={"type": "object"}),),
    max_output_tokens=9,
)


def secrets_of(**held: str) -> Secrets:
    named = {name: SecretStr(value) for name, value in held.items()}
    return Secrets(MemorySecrets({"acme": named}), TenantId("acme"), Redactor())


@asynccontextmanager
async def asking(
    kind: Any, behaviour: Behaviour, **settings: Any
) -> AsyncIterator[tuple[Provider, Llm]]:
    """A provider that always behaves like this, and the way to it."""
    async with serving(Provider(kind=kind, behave=lambda _: behaviour)) as provider:
        described = {"kind": kind, "base_url": provider.url + PATHS[kind], **settings}
        port = RoutedLlm({"p": AiProvider(**described)})
        try:
            yield provider, await port.connect("p", None, secrets_of(p_api_key="sk-canary-key"))
        finally:
            await port.close()


async def reply_of(kind: str, behaviour: Behaviour, request: LlmRequest = REQUEST) -> LlmReply:
    async with asking(kind, behaviour) as (_, llm):
        return await llm.call(request, idempotency_key="k", within=SOON)


def raw(body: Any, **headers: str) -> Raw:
    return Raw(body=body if isinstance(body, bytes) else json.dumps(body).encode(), headers=headers)


class TestTheRequestToAnthropic:
    async def test_asks_for_structured_output_by_its_own_means(self) -> None:
        """The schema in the words that it takes, closed, and the tools beside it."""
        async with asking("anthropic", Status(status=529)) as (provider, llm):
            await llm.call(REQUEST, idempotency_key="k", within=SOON)
        body = provider.bodies[0]
        schema = body["output_config"]["format"]["schema"]

        assert ["APPROVE", "DENY", "ESCALATE", "CANCEL_ORDER", "ASK", "abstain"] == schema[
            "properties"
        ]["choice"]["enum"]
        assert ["s", 9, "json_schema", {"type": "object"}, False] == [
            body["system"],
            body["max_tokens"],
            body["output_config"]["format"]["type"],
            body["tools"][0]["input_schema"],
            schema["additionalProperties"],
        ]
        assert "maximum" not in json.dumps(schema)


class TestTheRequestToOpenAi:
    async def test_asks_for_structured_output_by_its_own_means(self) -> None:
        """Strictly where the schema allows it; other servers get the older limit of tokens."""
        async with asking("openai", Status(status=429)) as (provider, llm):
            await llm.call(REQUEST, idempotency_key="k", within=SOON)
        body = provider.bodies[0]

        assert ["json_schema", True, "t0_look", 9] == [
            body["response_format"]["type"],
            body["response_format"]["json_schema"]["strict"],
            body["tools"][0]["function"]["name"],
            body["max_tokens"],
        ]

    async def test_leaves_it_out_for_servers_that_do_not_know_it(self) -> None:
        """What they answer is looked at all the same."""
        async with asking("openai", Status(status=429), structured_output=False) as (provider, llm):
            await llm.call(REQUEST, idempotency_key="k", within=SOON)

        assert "response_format" not in provider.bodies[0]


class TestASchemaForProviders:
    @pytest.mark.parametrize(
        ("schema", "strict"),
        [
            ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, True),
            ({"type": "object", "properties": {"a": {"type": "string"}}}, False),
            ({"type": "array", "items": {"type": "object", "properties": {"a": {}}}}, False),
            ({"anyOf": [{"type": "null"}, {"allOf": []}]}, False),
            ({"type": "array", "items": {"type": "integer", "minimum": 1}}, True),
        ],
    )
    def test_is_strict_only_where_nothing_in_it_is_optional(
        self, schema: Any, strict: bool
    ) -> None:
        """A strict server refuses a schema with members that may be left out."""
        assert strict == can_be_strict(plainly(schema))


@pytest.mark.parametrize("kind", KINDS)
class TestAHostileProvider:
    @pytest.mark.parametrize(
        "behaviour",
        [
            raw(b""),
            raw(b"not json"),
            raw([]),
            raw({}),
            raw({"content": None, "choices": []}),
            raw({"content": [], "choices": [{"message": None}]}),
            raw({"choices": [None], "content": 7}),
            raw(b"[" * 5_000),
            raw(b'"' + b"x" * MAX_REPLY_BYTES + b'"'),
            raw(gzip.compress(b"{}"), **{"content-encoding": "gzip"}),
            raw({"content": [], "stop_reason": "CANARY-PROVIDER", "choices": [{"message": {}}]}),
            Status(status=302, headers={"location": "http://127.0.0.1:1/"}),
            Status(status=400, headers={"retry-after": "CANARY-PROVIDER"}),
        ],
    )
    async def test_gets_nothing_across_but_that_it_failed(
        self, kind: str, behaviour: Behaviour
    ) -> None:
        """Neither its words, nor more than was asked for, nor an exception."""
        reply = await reply_of(kind, behaviour)

        assert Classification.PROVIDER_ERROR is reply.classification
        assert "CANARY" not in repr(reply)

    async def test_cannot_make_up_tools_that_have_no_form(self, kind: str) -> None:
        """Names and arguments of another type are none; what remains is still only data."""
        calls: list[Any] = [
            None,
            {"id": 7, "function": {"name": "x", "arguments": "{}"}},
            {"id": "a", "function": {"name": 7, "arguments": "{"}},
            {"id": "b", "function": {"name": "x" * 500, "arguments": '{"a": 1}'}},
        ]
        blocks = [
            {"type": "tool_use", "id": 7, "name": "x", "input": {}},
            {"type": "tool_use", "id": "a", "name": 7, "input": None},
            {"type": "tool_use", "id": "b", "name": "x" * 500, "input": {"a": 1}},
        ]
        message = {"content": 5, "tool_calls": calls}
        body = {
            "choices": [{"message": message, "finish_reason": "tool_calls"}],
            "content": blocks,
            "stop_reason": "tool_use",
            "usage": {"input_tokens": True, "output_tokens": 1e9, "prompt_tokens": -1},
        }
        reply = await reply_of(kind, raw(body))

        assert [("a", "", None), ("b", "x" * 200, {"a": 1})] == [
            (one.tool_use_id, one.name, one.arguments) for one in reply.asks
        ]
        assert reply.usage is None

    async def test_that_stops_by_its_filter_has_refused(self, kind: str) -> None:
        """Whatever text came before is no answer."""
        body = {
            "choices": [{"message": {"content": "half"}, "finish_reason": "content_filter"}],
            "content": [{"type": "text", "text": "half"}],
            "stop_reason": "refusal",
        }
        reply = await reply_of(kind, raw(body))

        assert (Classification.REFUSAL, "") == (reply.classification, reply.text)


@pytest.mark.parametrize("kind", KINDS)
class TestACall:
    async def test_says_nothing_of_itself_in_logs(
        self, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The SDKs can be told by the environment to log requests, keys and all."""
        monkeypatch.setenv("ANTHROPIC_LOG", "debug")
        monkeypatch.setenv("OPENAI_LOG", "debug")
        caplog.set_level(logging.DEBUG)
        for name in ("anthropic", "openai", "httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        await reply_of(kind, Status(status=429))

        assert "CANARY" not in caplog.text
        assert "sk-canary-key" not in caplog.text

    async def test_goes_where_the_operator_says_and_nowhere_by_the_environment(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Addresses, keys, accounts and proxies of the environment are somebody else's."""
        for name in ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY"):
            monkeypatch.setenv(name, "sk-environment")
        for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
            monkeypatch.setenv(name, "canary-account")
        async with asking(kind, Status(status=429)) as (provider, llm):
            await llm.call(REQUEST, idempotency_key="k", within=SOON)

        assert provider.key == "sk-canary-key"
        assert "canary-account" not in str(provider.headers)
        assert "sk-environment" not in str(provider.headers)

    async def test_to_nobody_has_cost_nothing(self, kind: str) -> None:
        """Where no connection came about, no model was asked."""
        port = RoutedLlm(
            {"p": AiProvider(kind=kind, base_url="http://127.0.0.1:1", needs_key=False)}  # type: ignore[arg-type]  # one of the kinds
        )
        llm = await port.connect("p", None, secrets_of())
        reply = await llm.call(replace(REQUEST), idempotency_key="k", within=SOON)
        await port.close()

        assert reply.usage is not None
        assert reply.problem == "the provider cannot be reached"


class TestAProvidersKey:
    async def test_is_the_operators_only_where_the_tenant_has_none(self) -> None:
        """A tenant with its own account is billed on it; one that named a secret gets no other."""
        own = AiProvider(kind="openai", base_url="http://h", api_key=SecretStr("sk-operators"))
        port = RoutedLlm({"p": own})
        secrets = secrets_of()
        await port.connect("p", None, secrets)
        with pytest.raises(SecretMissing):
            await port.connect("p", "mine", secrets)

        assert secrets.redacted("x sk-operators y") == "x *** y"

    async def test_is_asked_of_every_tenant_where_the_operator_has_none(self) -> None:
        """Under the provider's name."""
        port = RoutedLlm({"p": AiProvider(kind="openai")})
        with pytest.raises(SecretMissing, match="'p_api_key'"):
            await port.connect("p", None, secrets_of())


class TestAMissingPackage:
    def test_is_told_at_the_start_with_the_remedy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not when the first task comes, in the night."""
        monkeypatch.setattr("executor.adapters.routed_llm.find_spec", lambda _: None)
        with pytest.raises(InvalidRequest, match=r"install foliot\[ai\]"):
            RoutedLlm({"p": AiProvider(kind="openai")})
