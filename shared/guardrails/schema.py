"""
A policy as a JSON Schema (2020-12), for editors: which keys stand where, and what they are.

It says what a schema can and the reader does not say better: of names, pointers and durations only
that they are texts.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from shared.guardrails.policy import (
    MAX_COST,
    MAX_INPUT_TOKENS,
    MAX_ITERATIONS,
    MAX_OUTPUT_TOKENS,
    MAX_PRICE,
    MAX_QUORUM,
    MAX_REPAIR,
    MAX_SECONDS,
    MAX_TOOL_CALLS,
    Act,
    Mode,
    PromptRecord,
    Risk,
)

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}


def policy_schema() -> dict[str, Any]:
    """Of one layer."""
    return _closed(
        mode=("How far a task may go.", _one_of(Mode)),
        models=("Models that may be asked, the first of them first.", _list(_model())),
        instructions=("What a task is about, in your words.", {"anyOf": [_TEXT, _TEXTS]}),
        decisions=(
            "What holds of choosing an event, by its type.",
            {"type": "object", "additionalProperties": _rule()},
        ),
        denied_events=("Events that are never chosen; `*` may end one.", _TEXTS),
        send=("JSON pointers into the input: what a model is shown.", _TEXTS),
        untrusted=("JSON pointers into the input: what others wrote.", _TEXTS),
        redact=("JSON pointers into the input: what is left out.", _TEXTS),
        output=("A JSON Schema of the choice's data: of a closed object.", {"type": "object"}),
        max_repair=("How often a model may mend an answer of another form.", _upto(MAX_REPAIR)),
        tools=("Tools for reading that a model may call.", _list(_tool())),
        limits=("What a task may use.", _limits()),
        approval=("Who decides where a model may not.", _approval()),
        record=("What is kept of a call.", _record()),
    )


def _model() -> dict[str, Any]:
    price = _upto(MAX_PRICE)
    return _closed(
        ("provider", "model", "input_price", "output_price"),
        provider=("The provider, as executors name it.", _TEXT),
        model=("The model, as its provider names it.", _TEXT),
        input_price=("Millionths of the currency for a million tokens in.", price),
        output_price=("Millionths of the currency for a million tokens out.", price),
        secret=("The name of the tenant's secret that is the key.", _TEXT),
    )


def _rule() -> dict[str, Any]:
    return _closed(
        describe=("What choosing it means, as a model reads it.", _TEXT),
        risk=("What is at stake.", _one_of(Risk)),
        act=("What may come of choosing it.", _one_of(Act)),
        min_confidence=(
            "How sure a model has to be of it.",
            {"type": "number", "minimum": 0, "maximum": 1},
        ),
    )


def _tool() -> dict[str, Any]:
    return _closed(
        ("server", "name", "manifest_sha256"),
        server=("The tools' server, as executors name it.", _TEXT),
        name=("The tool.", _TEXT),
        manifest_sha256=("The hash of its declaration, 64 hexadecimal digits.", _TEXT),
        max_calls=("How often a task may call it.", _upto(MAX_TOOL_CALLS, least=1)),
    )


def _limits() -> dict[str, Any]:
    cost = _upto(MAX_COST)
    return _closed(
        iterations=("Calls of models a task.", _upto(MAX_ITERATIONS)),
        input_tokens=("Tokens of a prompt.", _upto(MAX_INPUT_TOKENS)),
        output_tokens=("Tokens of an answer.", _upto(MAX_OUTPUT_TOKENS)),
        seconds=("Seconds of an attempt.", _upto(MAX_SECONDS)),
        cost_per_task=("Millionths of the currency a task.", cost),
        cost_per_instance=("Millionths of the currency an instance.", cost),
        cost_per_day=("Millionths of the currency a tenant's day in UTC.", cost),
    )


def _approval() -> dict[str, Any]:
    return _closed(
        users=("Users who may decide.", _TEXTS),
        roles=("Roles that may decide.", _TEXTS),
        quorum=("How many of them must approve.", _upto(MAX_QUORUM, least=1)),
        expires_in=("How long they have, as PT30M or P7D.", _TEXT),
        four_eyes=("Whether who started the instance may not.", {"type": "boolean"}),
    )


def _record() -> dict[str, Any]:
    return _closed(
        prompt=("What is kept of a prompt.", _one_of(PromptRecord)),
        keep=("How long texts are kept, as P90D.", _TEXT),
    )


def _closed(
    required: tuple[str, ...] = (), /, **members: tuple[str, Mapping[str, Any]]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "object",
        "properties": {
            key: {"description": about, **shape} for key, (about, shape) in members.items()
        },
        "additionalProperties": False,
    }
    return found | {"required": list(required)} if required else found


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _one_of(words: type[StrEnum]) -> dict[str, Any]:
    return {"enum": [str(one) for one in words]}


def _upto(most: int, *, least: int = 0) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}
