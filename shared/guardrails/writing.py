"""Policies as canonical JSON, and the hash that they are known by."""

from dataclasses import fields
from datetime import timedelta

from shared.guardrails.policy import Approval, Limits, Model, Policy, Record, Rule, Tool
from shared.json import Json, digest, dump


def dump_policy(policy: Policy) -> str:
    """Canonical text that reads back as the same policy, without what it says nothing about."""
    found: dict[str, Json] = {}
    if policy.mode is not None:
        found["mode"] = str(policy.mode)
    if policy.models is not None:
        found["models"] = [_model(one) for one in policy.models]
    if policy.instructions:
        found["instructions"] = _one_or_all(policy.instructions)
    if policy.decisions is not None:
        found["decisions"] = {event: _rule(rule) for event, rule in policy.decisions.items()}
    if policy.send is not None:
        found["send"] = list(policy.send)
    for name in ("denied_events", "untrusted", "redact"):
        if given := getattr(policy, name):
            found[name] = list(given)
    if policy.output:
        found["output"] = (
            policy.output[0] if len(policy.output) == 1 else {"allOf": list(policy.output)}
        )
    if policy.max_repair is not None:
        found["max_repair"] = policy.max_repair
    if policy.tools is not None:
        found["tools"] = [_tool(one) for one in policy.tools]
    parts: dict[str, dict[str, Json]] = {
        "limits": _limits(policy.limits),
        "approval": _approval(policy.approval),
        "record": _record(policy.record),
    }
    found |= {name: part for name, part in parts.items() if part}
    return dump(found)


def policy_sha256(policy: Policy) -> str:
    """Hexadecimal; policies that say the same have the same."""
    return digest(dump_policy(policy)).hex()


def duration_text(span: timedelta) -> str:
    """ISO 8601 in days and seconds, as `P1D` or `PT90S`."""
    days, seconds = span.days, span.seconds
    if not days:
        return f"PT{seconds}S"
    return f"P{days}DT{seconds}S" if seconds else f"P{days}D"


def _one_or_all(texts: tuple[str, ...]) -> Json:
    return texts[0] if len(texts) == 1 else list(texts)


def _model(model: Model) -> Json:
    found: dict[str, Json] = {
        "provider": model.provider,
        "model": model.model,
        "input_price": model.input_price,
        "output_price": model.output_price,
    }
    return found if model.secret is None else {**found, "secret": model.secret}


def _rule(rule: Rule) -> Json:
    found: dict[str, Json] = {
        "risk": str(rule.risk),
        "act": str(rule.act),
        "min_confidence": rule.min_confidence,
    }
    return {**found, "describe": rule.describe} if rule.describe else found


def _tool(tool: Tool) -> Json:
    return {
        "server": tool.server,
        "name": tool.name,
        "manifest_sha256": tool.manifest_sha256,
        "max_calls": tool.max_calls,
    }


def _limits(limits: Limits) -> dict[str, Json]:
    return {
        one.name: value
        for one in fields(limits)
        if (value := getattr(limits, one.name)) is not None
    }


def _approval(approval: Approval) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if approval.users is not None:
        found["users"] = list(approval.users)
    if approval.roles is not None:
        found["roles"] = list(approval.roles)
    if approval.quorum is not None:
        found["quorum"] = approval.quorum
    if approval.expires_in is not None:
        found["expires_in"] = duration_text(approval.expires_in)
    if approval.four_eyes:
        found["four_eyes"] = True
    return found


def _record(record: Record) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if record.prompt is not None:
        found["prompt"] = str(record.prompt)
    if record.keep is not None:
        found["keep"] = duration_text(record.keep)
    return found
