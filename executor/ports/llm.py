"""
How AI tasks ask a model: one request, one reply, whatever came of it.

Only the AI handler is given this port: in other hands it would be a way round the gates.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, Protocol

from executor.ports.secrets import Secrets
from shared.errors import FoliotError
from shared.guardrails.gates import Classification
from shared.json import Json

MAX_REPLY_BYTES: Final = 1024 * 1024
"""Of a provider's whole answer, as it comes over the wire."""

MAX_TOOL_REQUESTS: Final = 16
"""Tools that a model may ask for in one reply; what is beyond is not looked at."""

MAX_TOOL_USE_ID: Final = 200
MAX_ARGUMENTS_BYTES: Final = 64 * 1024
"""Of what one tool is to be called with, as JSON; more is taken for none that can be read."""


class ProviderMissing(FoliotError):
    """This executor knows no such provider; another one may."""

    reason = "AI_PROVIDER_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOffer:
    """A tool as it is offered to a model: by a name that is one request's own."""

    name: str
    description: str
    schema: dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """
    A tool that a model asks for. `name` and `arguments` are the model's: data, to be looked at
    before anything is called. Arguments that cannot be read are None.
    """

    tool_use_id: str
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """What a model is told of a tool that it asked for."""

    tool_use_id: str
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    What was said, by us ("user") or by the model ("assistant"). `asks` are an assistant's, and
    `answers` are the reply to them; both stand next to one another.
    """

    role: Literal["user", "assistant"]
    text: str = ""
    asks: tuple[ToolRequest, ...] = ()
    answers: tuple[ToolAnswer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmRequest:
    """
    `schema` is what the answer has to be, as JSON Schema: providers are asked to hold the model
    to as much of it as they can, and nobody relies on it.
    """

    model: str
    system: str
    messages: tuple[Message, ...]
    schema: dict[str, Json]
    tools: tuple[ToolOffer, ...] = ()
    max_output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counts them, cached ones included."""

    input_tokens: int
    output_tokens: int


NOTHING_USED: Final = Usage(input_tokens=0, output_tokens=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmReply:
    """
    What came of a call. `text` and `asks` are the model's, and are there with OK only, text also
    with TRUNCATED.

    `usage` is None where it is not known what was used: then it counts as all that was allowed.
    `problem` says in our words what went wrong; `is_lasting` that trying again is of no use;
    `retry_after` when the provider wants to be asked again.
    """

    classification: Classification
    text: str = ""
    asks: tuple[ToolRequest, ...] = ()
    reported_model: str = ""
    usage: Usage | None = None
    problem: str = ""
    is_lasting: bool = False
    retry_after: timedelta | None = None
    finish_reason: str = ""


class Llm(Protocol):
    """One provider, with the credential that a tenant's tasks ask by."""

    async def call(
        self, request: LlmRequest, *, idempotency_key: str, within: timedelta
    ) -> LlmReply:
        """
        Send one request, once, and read the reply, both in that time. Never tries again by
        itself: each try is paid for.

        Total: whatever the provider does is a classification. Raises nothing; cancelling it
        passes through, and then the model may have been asked.
        """


class LlmPort(Protocol):
    async def connect(self, provider: str, secret: str | None, secrets: Secrets) -> Llm:
        """
        The provider of that name, with the key that the tenant's secret of the name holds; None
        is the one that the operator has set for the provider.

        Raises ProviderMissing, SecretMissing or SecretsUnavailable.
        """
