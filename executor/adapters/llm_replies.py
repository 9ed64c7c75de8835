"""
What providers answer, as replies: the parts that they have in common. Nothing that a provider
sent is believed to have the form it should have, and none of its words gets into ours.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from executor.ports.llm import (
    MAX_ARGUMENTS_BYTES,
    MAX_REPLY_BYTES,
    MAX_TOOL_USE_ID,
    NOTHING_USED,
    LlmReply,
    ToolRequest,
    Usage,
)
from shared import json
from shared.errors import InvalidJson, LimitExceeded
from shared.guardrails.gates import Classification
from shared.json import Json

MAX_RETRY_AFTER = timedelta(days=1)
MAX_TOKENS_TOLD = 100_000_000
_REPLY_DEPTH = 64

_LASTING = frozenset({400, 401, 402, 403, 404, 405, 413, 422})
_NOT_BEGUN = _LASTING | {409, 429, 529}
"""Statuses by which a provider says that no model was asked."""

_HINTS: Mapping[int, str] = {
    400: "it does not take the request; see that the model takes structured outputs and tools",
    401: "it does not take the key; see to the provider's secret",
    402: "it wants to be paid",
    403: "the key is not for this model",
    404: "it does not know the model",
    413: "the request is too large for it",
    429: "too much is asked of it at once",
    503: "it is overloaded",
    529: "it is overloaded",
}


def by_status(status: int, headers: Mapping[str, str]) -> LlmReply:
    """The reply of a provider that answered with a status that is no success."""
    hint = _HINTS.get(status)
    return LlmReply(
        classification=Classification.PROVIDER_ERROR,
        usage=NOTHING_USED if status in _NOT_BEGUN else None,
        problem=f"the provider answered {status}" + (f": {hint}" if hint else ""),
        is_lasting=status in _LASTING,
        retry_after=_retry_after(headers),
        finish_reason=f"http_{status}",
    )


def lost(*, was_sent: bool) -> LlmReply:
    """The reply where the connection was lost, or never came about."""
    return LlmReply(
        classification=Classification.PROVIDER_ERROR,
        usage=None if was_sent else NOTHING_USED,
        problem=(
            "the connection to the provider was lost"
            if was_sent
            else "the provider cannot be reached"
        ),
        finish_reason="connection",
    )


def timed_out(within: timedelta) -> LlmReply:
    return LlmReply(
        classification=Classification.TIMEOUT,
        problem=f"the provider did not answer within {within.total_seconds():g} s",
        finish_reason="timeout",
    )


def unreadable() -> LlmReply:
    """The reply where a success cannot be read: it may have been paid for."""
    return LlmReply(
        classification=Classification.PROVIDER_ERROR,
        problem="the provider's answer is not of its own form, or too large",
        finish_reason="unreadable",
    )


def body_of(text: str | bytes) -> dict[str, Json] | None:
    """The object that an answer is; None if it is none, or too large."""
    try:
        found = json.parse(text, "reply", max_bytes=MAX_REPLY_BYTES, max_depth=_REPLY_DEPTH)
    except (InvalidJson, LimitExceeded):
        return None
    return found if isinstance(found, dict) else None


def asked(tool_use_id: Json, name: Json, arguments: Json) -> ToolRequest | None:
    """A tool that is asked for; None if it cannot even be answered that it is not there."""
    if not isinstance(tool_use_id, str) or not 0 < len(tool_use_id) <= MAX_TOOL_USE_ID:
        return None
    if not tool_use_id.isprintable():
        return None
    if isinstance(arguments, str):
        try:
            arguments = json.parse(arguments, "arguments", max_bytes=MAX_ARGUMENTS_BYTES)
        except (InvalidJson, LimitExceeded):
            arguments = None
    if arguments is not None and not _can_be_kept(arguments):
        arguments = None
    return ToolRequest(
        tool_use_id=tool_use_id,
        name=name[:MAX_TOOL_USE_ID] if isinstance(name, str) and name.isprintable() else "",
        arguments=arguments,
    )


def counted(input_tokens: Json, output_tokens: Json) -> Usage | None:
    """What a provider says it counted; None unless both are numbers that can be."""
    counts = [
        one
        for one in (input_tokens, output_tokens)
        if isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= MAX_TOKENS_TOLD
    ]
    if len(counts) < 2:
        return None
    return Usage(input_tokens=counts[0], output_tokens=counts[1])


def text_of(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _can_be_kept(arguments: Json) -> bool:
    """Within limits, and without the one character that PostgreSQL has no place for."""
    try:
        text = json.dump(arguments)
        json.parse(text, "arguments", max_bytes=MAX_ARGUMENTS_BYTES)
    except (InvalidJson, LimitExceeded):
        return False
    return "\\u0000" not in text


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    header = headers.get("retry-after", "")
    if header.isascii() and header.isdigit() and len(header) < 10:
        return min(timedelta(seconds=int(header)), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)
    return max(timedelta(), min(wait, MAX_RETRY_AFTER))
