"""
The gates that an AI task passes, each a function of what it is told, whose verdict is recorded.

What a gate says is in our words: nothing that a model wrote gets into a verdict.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, Literal

from shared.guardrails.policy import Act, Mode, Model, Policy, Risk
from shared.guardrails.reading import ABSTAIN


class Gate(StrEnum):
    """In the order in which they are passed."""

    SWITCH = "switch"
    MODEL = "model"
    CONTEXT = "context"
    COST = "cost"
    CLASSIFICATION = "classification"
    SCHEMA = "schema"
    MAPPING = "mapping"
    CLAMP = "clamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate came to; `reason` is a word for programs, `detail` a sentence for people."""

    gate: Gate
    result: Literal["passed", "lowered", "refused"]
    reason: str = ""
    detail: str = ""


class Classification(StrEnum):
    """How a call of a model ended."""

    OK = "ok"
    REFUSAL = "refusal"
    """The model declined, or a filter of its provider stopped it."""

    TRUNCATED = "truncated"
    """It reached the limit of tokens: what there is, is not whole."""

    TIMEOUT = "timeout"
    PROVIDER_ERROR = "provider_error"


class Autonomy(IntEnum):
    """What may come of an answer; each is less careful than those before it."""

    REFUSE = 0
    """Nothing: the task fails."""

    ABSTAIN = 1
    """A person decides, and is proposed nothing."""

    SHADOW = 2
    """A person decides without seeing the choice, which is kept to compare."""

    SUGGEST = 3
    """A person decides on the choice."""

    ACT = 4
    """The choice is carried out."""


GUARDED: Final = frozenset(
    {
        "cancel", "cancels", "cancelled", "cancellation", "abort", "terminate",
        "delete", "deletes", "deleted", "deletion", "erase", "purge", "remove", "destroy",
        "pay", "pays", "paid", "payment", "payments", "payout", "refund", "charge", "transfer",
        "permission", "permissions", "grant", "revoke", "role", "roles", "policy", "policies",
    }
)  # fmt: skip
"""Words of event types that are never carried out without a person, whatever a policy says."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def switch(policy: Policy, *, is_killed: bool) -> Verdict:
    """Whether a model is asked at all."""
    if is_killed:
        return _refused(Gate.SWITCH, "killed", "AI tasks are switched off here")
    if policy.mode is Mode.OFF:
        return _refused(Gate.SWITCH, "off", "the policy's mode is off")
    return _passed(Gate.SWITCH)


def model(policy: Policy, provider: str, name: str) -> Verdict:
    """Whether this one may be asked."""
    if listed(policy, provider, name) is None:
        return _refused(Gate.MODEL, "not_listed", "the policy does not list this model")
    return _passed(Gate.MODEL)


def listed(policy: Policy, provider: str, name: str) -> Model | None:
    """The policy's entry of a model."""
    for one in policy.models or ():
        if (one.provider, one.model) == (provider, name):
            return one
    return None


def worst_cost(entry: Model, input_tokens: int, output_tokens: int) -> int:
    """
    What a call costs at most, in millionths of a unit, rounded up.

    Tokens are counted as charged: what a provider caches or thinks is among them.
    """
    millionths = input_tokens * entry.input_price + output_tokens * entry.output_price
    return -(-millionths // 1_000_000)


def cost(
    policy: Policy, entry: Model, input_tokens: int, output_tokens: int, spent: int
) -> Verdict:
    """Whether the call fits into what the task may use, `spent` of which is gone."""
    limits = policy.limits
    if input_tokens > (limits.input_tokens or 0):
        return _refused(Gate.COST, "input_tokens", "the prompt is longer than the policy allows")
    if output_tokens > (limits.output_tokens or 0):
        return _refused(Gate.COST, "output_tokens", "more is asked for than the policy allows")
    if spent + worst_cost(entry, input_tokens, output_tokens) > (limits.cost_per_task or 0):
        return _refused(Gate.COST, "cost_per_task", "the call could cost more than the task may")
    return _passed(Gate.COST)


def classified(classification: Classification) -> Verdict:
    """Whether there is an answer to look at."""
    if classification is Classification.OK:
        return _passed(Gate.CLASSIFICATION)
    return _refused(Gate.CLASSIFICATION, str(classification), "the model gave no whole answer")


def choices(policy: Policy, events: Iterable[str]) -> tuple[str, ...]:
    """What a model may choose, besides to abstain: of the task, decided on, and not denied."""
    rules = policy.decisions or {}
    return tuple(
        event
        for event in dict.fromkeys(events)
        if event in rules
        and event != ABSTAIN
        and rules[event].act is not Act.NEVER
        and not is_denied(policy, event)
    )


def is_denied(policy: Policy, event: str) -> bool:
    """Whether the policy's own list names it; `*` at the end of a name stands for anything."""
    return any(
        event.startswith(name[:-1]) if name.endswith("*") else event == name
        for name in policy.denied_events
    )


def is_guarded(event: str) -> bool:
    """Whether an event says of itself that it cancels, deletes, pays or changes who may what."""
    return any(word.lower() in GUARDED for word in _WORD.findall(event))


def mapping(policy: Policy, events: Iterable[str], choice: str) -> Verdict:
    """Whether the choice is an event that may be chosen. To abstain always may be."""
    if choice == ABSTAIN:
        return Verdict(gate=Gate.MAPPING, result="lowered", reason="abstained")
    if choice not in choices(policy, events):
        return _refused(Gate.MAPPING, "not_allowed", "this event is not among the model's choices")
    return _passed(Gate.MAPPING)


def clamp(
    policy: Policy, event: str, confidence: float, *, is_tainted: bool
) -> tuple[Autonomy, Verdict]:
    """
    What may come of choosing an event. Everything here can only lower it:

    - the mode, and what the event's rule says may come of it
    - high risk, and words of GUARDED in the event's name: a person approves
    - confidence below the rule's; it is the model's own, so that it never raises anything
    - a context with untrusted parts, from medium risk on: whoever wrote them may be choosing
    """
    mode = policy.mode or Mode.OFF
    if mode is Mode.OFF:
        return Autonomy.REFUSE, _refused(Gate.CLAMP, "off", "the policy's mode is off")
    rule = (policy.decisions or {}).get(event)
    if rule is None or rule.act is Act.NEVER:
        return Autonomy.REFUSE, _refused(Gate.CLAMP, "never", "a model cannot choose this event")
    if mode is Mode.SHADOW:
        return Autonomy.SHADOW, _lowered("shadow", "the policy's mode is shadow")
    reasons = [
        (mode is Mode.SUGGEST, "suggest", "the policy's mode is suggest"),
        (rule.act is Act.WITH_APPROVAL, "with_approval", "the event takes an approval"),
        (is_guarded(event), "guarded", "events of this kind always take an approval"),
        (rule.risk is Risk.HIGH, "risk", "the event's risk is high"),
        (confidence < rule.min_confidence, "confidence", "the model is not sure enough"),
        (
            is_tainted and rule.risk is not Risk.LOW,
            "tainted",
            "the model read untrusted text, and the event's risk is not low",
        ),
    ]
    lowered = _first(reasons)
    if lowered is not None:
        return Autonomy.SUGGEST, lowered
    return Autonomy.ACT, _passed(Gate.CLAMP)


def _first(reasons: Sequence[tuple[bool, str, str]]) -> Verdict | None:
    for holds, reason, detail in reasons:
        if holds:
            return _lowered(reason, detail)
    return None


def _passed(gate: Gate) -> Verdict:
    return Verdict(gate=gate, result="passed")


def _lowered(reason: str, detail: str) -> Verdict:
    return Verdict(gate=Gate.CLAMP, result="lowered", reason=reason, detail=detail)


def _refused(gate: Gate, reason: str, detail: str) -> Verdict:
    return Verdict(gate=gate, result="refused", reason=reason, detail=detail)
