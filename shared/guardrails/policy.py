"""
A policy: what an AI task may do at most.

Policies are layers: the platform's, the tenant's default, the one that the task names, what its
definition says for all of its tasks, what the task itself says. `tighten` takes two together, and
can only narrow. A field that is None says nothing, and
leaves it to the other layers; `settled` gives what nobody has said its default, which for
models, decisions and fields to send is: none.

Money is in millionths of a unit of the operator's currency, prices are that per million tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from shared.json import Json

MAX_POLICY_BYTES: Final = 64 * 1024
"""Of one layer as JSON."""

MAX_LAYERS: Final = 5
"""How many layers an effective policy is made of at most."""

MAX_NAME: Final = 200
"""Characters of a model, a provider, an event, a tool, a user or a role."""

MAX_PRICE: Final = 10**12
MAX_COST: Final = 10**15
MAX_REPAIR: Final = 3
MAX_ITERATIONS: Final = 20
"""Calls of models that one task may lead to, repairs and rounds of tools counted."""

MAX_INPUT_TOKENS: Final = 1_000_000
MAX_OUTPUT_TOKENS: Final = 64_000
MAX_SECONDS: Final = 3_600
MAX_TOOL_CALLS: Final = 20
MAX_QUORUM: Final = 20
MAX_EXPIRY: Final = timedelta(days=366)
MAX_KEEP: Final = timedelta(days=3_660)


class Mode(StrEnum):
    """How far a task may go; each allows what those before it allow."""

    OFF = "off"
    """No model is asked; the task fails."""

    SHADOW = "shadow"
    """A model is asked, a person decides without seeing what it would have chosen."""

    SUGGEST = "suggest"
    """A model proposes, a person decides."""

    ACT = "act"
    """What passes every gate is done without a person."""


class Risk(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Act(StrEnum):
    """What may come of choosing an event."""

    NEVER = "never"
    """A model cannot choose it."""

    WITH_APPROVAL = "with_approval"
    AUTO = "auto"


class PromptRecord(StrEnum):
    """What is kept of a prompt."""

    HASH = "hash"
    REDACTED = "redacted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """
    A model that may be asked, what it costs, and the name of the tenant's secret that holds its
    key; None is the provider's usual one.
    """

    provider: str
    model: str
    input_price: int
    output_price: int
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What holds of choosing an event."""

    describe: str = ""
    risk: Risk = Risk.HIGH
    act: Act = Act.WITH_APPROVAL
    min_confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool for reading that a model may call; the hash is of its declaration as it was seen."""

    server: str
    name: str
    manifest_sha256: str
    max_calls: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    `iterations` are calls of models a task; tokens are of one call; `seconds` are of one attempt.
    Costs are of a task, of an instance, and of a tenant's day in UTC.
    """

    iterations: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    seconds: int | None = None
    cost_per_task: int | None = None
    cost_per_instance: int | None = None
    cost_per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who decides where a model may not. Both lists None: whoever may; both empty: nobody."""

    users: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    quorum: int | None = None
    expires_in: timedelta | None = None
    four_eyes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    prompt: PromptRecord | None = None
    keep: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """
    One layer, or several taken together. Lists that are sets are in order, without repeats.

    `send`, `untrusted` and `redact` are JSON pointers into the task's input; the last two may
    have `*` for a step. `output` are JSON Schemas, all of which a choice's data must be as.
    """

    mode: Mode | None = None
    models: tuple[Model, ...] | None = None
    instructions: tuple[str, ...] = ()
    decisions: Mapping[str, Rule] | None = None
    denied_events: tuple[str, ...] = ()
    send: tuple[str, ...] | None = None
    untrusted: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()
    output: tuple[dict[str, Json], ...] = ()
    max_repair: int | None = None
    tools: tuple[Tool, ...] | None = None
    limits: Limits = field(default_factory=Limits)
    approval: Approval = field(default_factory=Approval)
    record: Record = field(default_factory=Record)


DEFAULTS: Final = Policy(
    mode=Mode.SUGGEST,
    models=(),
    decisions={},
    send=(),
    tools=(),
    max_repair=1,
    limits=Limits(
        iterations=6,
        input_tokens=50_000,
        output_tokens=2_000,
        seconds=120,
        cost_per_task=1_000_000,
        cost_per_instance=10_000_000,
        cost_per_day=100_000_000,
    ),
    approval=Approval(quorum=1, expires_in=timedelta(days=1)),
    record=Record(prompt=PromptRecord.HASH, keep=timedelta(days=90)),
)
"""What holds where no layer says anything."""
