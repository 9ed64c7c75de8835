"""
What every way to a model promises, kept by the one in memory, by Anthropic's SDK and by
OpenAI's, the latter two with real servers that speak their wire formats.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from executor.adapters.llm_replies import by_status, lost
from executor.adapters.memory_llm import MemoryLlm
from executor.adapters.memory_secrets import MemorySecrets
from executor.adapters.routed_llm import RoutedLlm
from executor.ports.llm import (
    LlmPort,
    LlmReply,
    LlmRequest,
    Message,
    ProviderMissing,
    ToolAnswer,
    ToolOffer,
    ToolRequest,
    Usage,
)
from executor.ports.secrets import SecretMissing, Secrets
from shared.guardrails.gates import Classification
from shared.ids import TenantId
from shared.json import Json
from shared.settings import AiProvider
from shared.telemetry.redaction import Redactor
from tests.executor.eventually import eventually
from tests.executor.providers import HANG, HANG_UP, Behaviour, Provider, Status, serving

SOON = timedelta(seconds=10)
ACME = TenantId("acme")
KEYS = {"acme": {"usual": "sk-acme-usual", "special": "sk-acme-special"}}
SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {"choice": {"type": "string", "enum": ["A", "abstain"]}},
    "required": ["choice"],
    "additionalProperties": False,
}
LOOK = ToolOffer(name="t0_look", description="looks", schema={"type": "object", "properties": {}})
ASK = ToolRequest(tool_use_id="use-1", name="t0_look", arguments={"at": [1, "x"]})
PLAIN = LlmRequest(
    model="m-1",
    system="system text",
    messages=(Message(role="user", text="user text"),),
    schema=SCHEMA,
    max_output_tokens=77,
)
DONE = LlmReply(
    classification=Classification.OK,
    text='{"choice": "A"}',
    reported_model="m-1-reported",
    usage=Usage(input_tokens=12, output_tokens=3),
)


def a_secrets() -> Secrets:
    held = {
        tenant: {name: SecretStr(value) for name, value in names.items()}
        for tenant, names in KEYS.items()
    }
    return Secrets(MemorySecrets(held), ACME, Redactor())


@dataclass
class World:
    """A provider "p" that behaves as it is told, and what it was asked."""

    port: LlmPort
    behaviour: list[Behaviour]
    count: Callable[[], int]
    key: Callable[[], str]
    idempotency_key: Callable[[], str]
    said: Callable[[], str]

    async def ask(
        self, request: LlmRequest = PLAIN, within: timedelta = SOON, secret: str | None = None
    ) -> LlmReply:
        """One call."""
        llm = await self.port.connect("p", secret, a_secrets())
        return await llm.call(request, idempotency_key="task-1-call-1", within=within)


async def in_memory(behaviour: list[Behaviour], _: AsyncExitStack) -> World:
    async def answer(_request: LlmRequest) -> LlmReply:
        found = behaviour[0]
        if isinstance(found, Status):
            return by_status(found.status, found.headers)
        if found == HANG:
            await asyncio.Event().wait()
        return found if isinstance(found, LlmReply) else lost(was_sent=True)

    port = MemoryLlm(answer, {"p": "usual"})
    return World(
        port=port,
        behaviour=behaviour,
        count=lambda: len(port.exchanges),
        key=lambda: port.exchanges[-1].api_key,
        idempotency_key=lambda: port.exchanges[-1].idempotency_key,
        said=lambda: str(port.exchanges[-1].request),
    )


def served(kind: Any, path: str) -> Callable[[list[Behaviour], AsyncExitStack], Any]:
    async def world(behaviour: list[Behaviour], exits: AsyncExitStack) -> World:
        provider = Provider(kind=kind, behave=lambda _: behaviour[0])
        await exits.enter_async_context(serving(provider))
        port = RoutedLlm({"p": AiProvider(kind=kind, base_url=provider.url + path, secret="usual")})
        exits.push_async_callback(port.close)
        return World(
            port=port,
            behaviour=behaviour,
            count=lambda: len(provider.bodies),
            key=lambda: provider.key,
            idempotency_key=lambda: provider.headers[-1]["idempotency-key"],
            said=lambda: str(provider.bodies[-1]),
        )

    return world


WORLDS = {
    "memory": in_memory,
    "anthropic": served("anthropic", ""),
    "openai": served("openai", "/v1"),
}


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Each way to a model in turn."""
    async with AsyncExitStack() as exits:
        yield await WORLDS[request.param]([DONE], exits)


class TestACall:
    async def test_brings_what_the_model_said_and_what_was_used(self, world: World) -> None:
        """The text as it came, and the tokens with those that were cached."""
        reply = await world.ask()

        assert DONE == replace(reply, finish_reason="")

    async def test_says_all_that_is_to_be_said(self, world: World) -> None:
        """Both prompts, the tools and what they answered, and how much may be written."""
        request = replace(
            PLAIN,
            tools=(LOOK,),
            messages=(
                *PLAIN.messages,
                Message(role="assistant", text="thinking", asks=(ASK,)),
                Message(
                    role="user",
                    answers=(ToolAnswer(tool_use_id="use-1", text="seen", is_error=False),),
                ),
            ),
        )
        await world.ask(request)

        said = world.said()
        assert [] == [
            word
            for word in (
                *("m-1", "system text", "user text", "77", "t0_look", "looks"),
                *("thinking", "use-1", "seen", "abstain"),
            )
            if word not in said
        ]

    async def test_goes_by_the_tenants_key_and_a_key_of_its_own(self, world: World) -> None:
        """Whose account is billed is not a matter of chance; a repeat can be told by its key."""
        await world.ask()
        usual = world.key()
        await world.ask(secret="special")

        assert ["sk-acme-usual", "sk-acme-special"] == [usual, world.key()]
        assert world.idempotency_key() == "task-1-call-1"

    async def test_brings_the_tools_that_the_model_asks_for(self, world: World) -> None:
        """With their arguments as data."""
        world.behaviour[0] = replace(DONE, text="", asks=(ASK,))
        reply = await world.ask(replace(PLAIN, tools=(LOOK,)))

        assert (Classification.OK, (ASK,)) == (reply.classification, reply.asks)

    async def test_that_the_model_refuses_says_so(self, world: World) -> None:
        """With nothing of its words, which are no answer; it is paid for all the same."""
        world.behaviour[0] = replace(DONE, text="", classification=Classification.REFUSAL)
        reply = await world.ask()

        assert (Classification.REFUSAL, "", DONE.usage) == (
            reply.classification,
            reply.text,
            reply.usage,
        )

    async def test_that_was_cut_off_says_so(self, world: World) -> None:
        """Half of an answer may be valid, and the opposite of the whole."""
        world.behaviour[0] = replace(
            DONE, text='{"choice":', classification=Classification.TRUNCATED
        )
        reply = await world.ask()

        assert (Classification.TRUNCATED, '{"choice":') == (reply.classification, reply.text)

    @pytest.mark.parametrize(
        ("status", "is_lasting", "is_free"),
        [
            (400, True, True),
            (401, True, True),
            (404, True, True),
            (429, False, True),
            (500, False, False),
            (503, False, False),
            (529, False, True),
        ],
    )
    async def test_that_the_provider_turns_away_is_made_once_and_told_in_our_words(
        self, world: World, status: int, is_lasting: bool, is_free: bool
    ) -> None:
        """An SDK that tries again by itself would spend what nobody has reserved."""
        world.behaviour[0] = Status(status=status, headers={"retry-after": "7"})
        reply = await world.ask()

        assert (Classification.PROVIDER_ERROR, is_lasting) == (
            reply.classification,
            reply.is_lasting,
        )
        assert (Usage(input_tokens=0, output_tokens=0) if is_free else None) == reply.usage
        assert timedelta(seconds=7) == reply.retry_after
        assert str(status) in reply.problem
        assert "CANARY" not in repr(reply)
        assert world.count() == 1

    async def test_that_gets_no_answer_in_time_says_so_and_may_have_been_paid_for(
        self, world: World
    ) -> None:
        """What was used is not known, so that all that was set aside counts."""
        world.behaviour[0] = HANG
        reply = await world.ask(within=timedelta(seconds=0.3))

        assert (Classification.TIMEOUT, None) == (reply.classification, reply.usage)

    async def test_whose_connection_is_lost_may_have_been_paid_for(self, world: World) -> None:
        """It is not made again by itself either."""
        world.behaviour[0] = HANG_UP
        reply = await world.ask()

        assert (Classification.PROVIDER_ERROR, None, 1) == (
            reply.classification,
            reply.usage,
            world.count(),
        )

    async def test_can_be_cancelled(self, world: World) -> None:
        """A task that is not needed any more does not wait for a model."""
        world.behaviour[0] = HANG
        asking = asyncio.create_task(world.ask())
        await eventually(lambda: world.count() == 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        assert asking.cancelled()


class TestAConnection:
    async def test_to_a_provider_that_is_not_set_up_is_refused(self, world: World) -> None:
        """By its name, with those that there are."""
        with pytest.raises(ProviderMissing, match=r"'q'.*p"):
            await world.port.connect("q", None, a_secrets())

    async def test_without_the_tenants_key_is_refused(self, world: World) -> None:
        """Nobody else's key is taken instead of one that was asked for by name."""
        with pytest.raises(SecretMissing):
            await world.port.connect("p", "other", a_secrets())

        assert world.count() == 0
