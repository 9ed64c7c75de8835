"""
The answer that is asked of a model, as a JSON Schema, and how one is read.

    {"choice": "APPROVE", "confidence": 0.9, "reason": "…", "data": {…}}
"""

from dataclasses import dataclass
from typing import Final

from shared import json
from shared.errors import InvalidJson, LimitExceeded
from shared.forms import TooMuchToCheck, Violation, violations
from shared.guardrails.gates import Gate, Verdict, choices
from shared.guardrails.policy import Policy
from shared.guardrails.reading import ABSTAIN
from shared.json import Json

MAX_ANSWER_BYTES: Final = 64 * 1024
MAX_REASON: Final = 2_000
"""Characters of what a model says of its choice, for whoever reviews it."""

MAX_KEY: Final = 100
"""Characters of a key that an error repeats."""

MAX_ERRORS: Final = 10
"""What a model is told at once of what is wrong with its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A model's answer, of the right form. Its texts are the model's: data, never instructions."""

    choice: str
    confidence: float
    reason: str
    data: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """`errors` say what is wrong, by place, and repeat nothing of the answer but its keys."""

    verdict: Verdict
    errors: tuple[str, ...]


def answer_schema(policy: Policy, events: tuple[str, ...]) -> dict[str, Json]:
    """What a model is asked for: closed, and with no choice that the policy does not allow."""
    if not policy.output:
        return _closed(policy, events, {})
    wanted: Json = policy.output[0] if len(policy.output) == 1 else {"allOf": list(policy.output)}
    return _closed(policy, events, {"data": {"anyOf": [wanted, {"type": "null"}]}})


def _closed(policy: Policy, events: tuple[str, ...], data: dict[str, Json]) -> dict[str, Json]:
    properties: dict[str, Json] = {
        "choice": {"type": "string", "enum": [*choices(policy, events), ABSTAIN]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "reason": {"type": "string", "maxLength": MAX_REASON},
        **data,
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def read_answer(policy: Policy, events: tuple[str, ...], raw: str) -> Answer | Unreadable:
    """The answer that a raw output is. Nothing is mended: an output is one JSON object or none."""
    try:
        given = json.parse(raw, "answer", max_bytes=MAX_ANSWER_BYTES)
    except InvalidJson:
        return _unreadable("not_json", "answer with one JSON object and nothing around it")
    except LimitExceeded as error:
        return _unreadable("too_large", error.message)
    if "\\u0000" in json.dump(given):
        return _unreadable("nul", "leave out the character U+0000, which cannot be kept")
    # The data is looked at on its own: whoever abstains owes none, and of alternatives it could
    # not be said what is wrong.
    outer = _closed(policy, events, {"data": {}} if policy.output else {})
    try:
        found = _told("", violations(outer, given))
        if not found and isinstance(given, dict) and given["choice"] != ABSTAIN:
            for schema in policy.output:
                found += _told("data", violations(schema, given["data"]))
    except TooMuchToCheck as error:
        return _unreadable("too_large", f"the answer is too large to be checked: {error}")
    if found or not isinstance(given, dict):
        return _unreadable("not_valid", *found[:MAX_ERRORS])
    return Answer(
        choice=str(given["choice"]),
        confidence=float(given["confidence"]),  # type: ignore[arg-type]  # the schema says so
        reason=str(given["reason"]),
        data=None if given["choice"] == ABSTAIN else given.get("data"),
    )


def _told(inside: str, found: tuple[Violation, ...]) -> list[str]:
    return [
        "/".join([*([inside] if inside else []), *(str(step)[:MAX_KEY] for step in path)])
        + f" {message}"
        for path, message in found
    ]


def _unreadable(reason: str, *errors: str) -> Unreadable:
    verdict = Verdict(
        gate=Gate.SCHEMA,
        result="refused",
        reason=reason,
        detail="the answer is not of the form that the policy asks for",
    )
    return Unreadable(verdict=verdict, errors=errors)
