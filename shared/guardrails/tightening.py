"""
Layers of policies, taken together: nothing that one of them forbids is allowed by another.

`tighten` is associative and idempotent, and its result is never wider than either layer. It is
not commutative in what is no matter of permission: models are asked in the order of the inner
layer, instructions stand in the order of the layers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import reduce
from typing import TypeVar

from shared.guardrails.pointers import outermost, within_both
from shared.guardrails.policy import (
    DEFAULTS,
    Act,
    Approval,
    Limits,
    Mode,
    Model,
    Policy,
    PromptRecord,
    Record,
    Risk,
    Rule,
    Tool,
)
from shared.json import Json, dump

_Value = TypeVar("_Value")
_Named = TypeVar("_Named", Mode, Risk, Act, PromptRecord)


def effective(layers: Iterable[Policy]) -> Policy:
    """What holds where all of them do, the outermost first."""
    return settled(reduce(tighten, layers, Policy()))


def tighten(outer: Policy, inner: Policy) -> Policy:
    """What both allow."""
    return Policy(
        mode=_lower(outer.mode, inner.mode),
        models=_both(outer.models, inner.models, _models),
        instructions=tuple(dict.fromkeys((*outer.instructions, *inner.instructions))),
        decisions=_both(outer.decisions, inner.decisions, _rules),
        denied_events=_union(outer.denied_events, inner.denied_events),
        send=_both(outer.send, inner.send, within_both),
        untrusted=outermost((*outer.untrusted, *inner.untrusted)),
        redact=outermost((*outer.redact, *inner.redact)),
        output=schemas((*outer.output, *inner.output)),
        max_repair=_both(outer.max_repair, inner.max_repair, min),
        tools=_both(outer.tools, inner.tools, _tools),
        limits=_limits(outer.limits, inner.limits),
        approval=_approval(outer.approval, inner.approval),
        record=Record(
            prompt=_lower(outer.record.prompt, inner.record.prompt),
            keep=_both(outer.record.keep, inner.record.keep, min),
        ),
    )


def settled(policy: Policy) -> Policy:
    """The policy with the default of everything that it says nothing about."""
    limits, approval, record = policy.limits, policy.approval, policy.record
    return Policy(
        mode=_or(policy.mode, DEFAULTS.mode),
        models=_or(policy.models, DEFAULTS.models),
        instructions=policy.instructions,
        decisions=_or(policy.decisions, DEFAULTS.decisions),
        denied_events=policy.denied_events,
        send=_or(policy.send, DEFAULTS.send),
        untrusted=policy.untrusted,
        redact=policy.redact,
        output=policy.output,
        max_repair=_or(policy.max_repair, DEFAULTS.max_repair),
        tools=_or(policy.tools, DEFAULTS.tools),
        limits=Limits(
            **{
                one.name: _or(getattr(limits, one.name), getattr(DEFAULTS.limits, one.name))
                for one in fields(Limits)
            }
        ),
        approval=Approval(
            users=approval.users,
            roles=approval.roles,
            quorum=_or(approval.quorum, DEFAULTS.approval.quorum),
            expires_in=_or(approval.expires_in, DEFAULTS.approval.expires_in),
            four_eyes=approval.four_eyes,
        ),
        record=Record(
            prompt=_or(record.prompt, DEFAULTS.record.prompt),
            keep=_or(record.keep, DEFAULTS.record.keep),
        ),
    )


def schemas(given: Iterable[dict[str, Json]]) -> tuple[dict[str, Json], ...]:
    """The schemas without repeats, in one order."""
    by_text = {dump(one): one for one in given}
    return tuple(by_text[text] for text in sorted(by_text))


def _or(value: _Value | None, default: _Value | None) -> _Value | None:
    return default if value is None else value


def _both(
    outer: _Value | None, inner: _Value | None, meet: Callable[[_Value, _Value], _Value]
) -> _Value | None:
    if outer is None or inner is None:
        return inner if outer is None else outer
    return meet(outer, inner)


def _lower(outer: _Named | None, inner: _Named | None) -> _Named | None:
    """The earlier in the enum's order, which goes from little to much."""
    return _both(outer, inner, _first)


def _first(one: _Named, other: _Named) -> _Named:
    order = list(type(one))
    return one if order.index(one) <= order.index(other) else other


def _last(one: _Named, other: _Named) -> _Named:
    return other if _first(one, other) == one else one


def _union(outer: Iterable[str], inner: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*outer, *inner}))


def _common(outer: Iterable[str], inner: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*outer} & {*inner}))


def _models(outer: tuple[Model, ...], inner: tuple[Model, ...]) -> tuple[Model, ...]:
    known = {(one.provider, one.model): one for one in outer}
    return tuple(
        Model(
            provider=one.provider,
            model=one.model,
            # The dearer: a budget is used up no later than either layer says.
            input_price=max(one.input_price, allowed.input_price),
            output_price=max(one.output_price, allowed.output_price),
            secret=allowed.secret or one.secret,
        )
        for one in inner
        if (allowed := known.get((one.provider, one.model))) is not None
    )


def _rules(outer: Mapping[str, Rule], inner: Mapping[str, Rule]) -> Mapping[str, Rule]:
    return {
        event: Rule(
            describe=outer[event].describe or inner[event].describe,
            risk=_last(outer[event].risk, inner[event].risk),
            act=_first(outer[event].act, inner[event].act),
            min_confidence=max(outer[event].min_confidence, inner[event].min_confidence),
        )
        for event in _common(outer, inner)
    }


def _tools(outer: tuple[Tool, ...], inner: tuple[Tool, ...]) -> tuple[Tool, ...]:
    known = {(one.server, one.name, one.manifest_sha256): one for one in outer}
    return tuple(
        Tool(
            server=one.server,
            name=one.name,
            manifest_sha256=one.manifest_sha256,
            max_calls=min(one.max_calls, allowed.max_calls),
        )
        for one in inner
        if (allowed := known.get((one.server, one.name, one.manifest_sha256))) is not None
    )


def _limits(outer: Limits, inner: Limits) -> Limits:
    return Limits(
        **{
            one.name: _both(getattr(outer, one.name), getattr(inner, one.name), min)
            for one in fields(Limits)
        }
    )


def _approval(outer: Approval, inner: Approval) -> Approval:
    return Approval(
        users=_both(outer.users, inner.users, _common),
        roles=_both(outer.roles, inner.roles, _common),
        quorum=_both(outer.quorum, inner.quorum, max),
        expires_in=_both(outer.expires_in, inner.expires_in, min),
        four_eyes=outer.four_eyes or inner.four_eyes,
    )
