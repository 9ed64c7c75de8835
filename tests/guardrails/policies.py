"""Policies for tests: one that is whole, and any at all."""

from typing import Any

from hypothesis import strategies as st

from shared.guardrails.policy import Policy
from shared.guardrails.reading import parse_policy
from shared.json import Json, dump

OUTPUT: dict[str, Json] = {
    "type": "object",
    "properties": {"note": {"type": "string", "maxLength": 20}},
    "required": ["note"],
    "additionalProperties": False,
}

TRIAGE: dict[str, Any] = {
    "mode": "act",
    "models": [
        {"provider": "anthropic", "model": "large", "input_price": 3, "output_price": 15},
        {"provider": "openai", "model": "small", "input_price": 1, "output_price": 2},
    ],
    "instructions": "Decide whether the request is in order.",
    "decisions": {
        "APPROVE": {"risk": "low", "act": "auto", "min_confidence": 0.8, "describe": "in order"},
        "DENY": {"risk": "medium", "act": "auto", "min_confidence": 0.5},
        "ESCALATE": {"risk": "high", "act": "auto", "min_confidence": 0},
        "CANCEL_ORDER": {"risk": "low", "act": "auto", "min_confidence": 0},
        "ASK": {"risk": "low", "act": "with_approval", "min_confidence": 0},
        "LOCK": {"risk": "low", "act": "never"},
    },
    "send": ["/amount", "/text", "/customer"],
    "untrusted": ["/text"],
    "redact": ["/customer/email"],
}
EVENTS = ("APPROVE", "DENY", "ESCALATE", "CANCEL_ORDER", "ASK", "LOCK")


def a_policy(**changes: Any) -> Policy:
    """The one for triage, changed; a change to None leaves the key out."""
    body = {**TRIAGE, **changes}
    return parse_policy(dump({key: value for key, value in body.items() if value is not None}))


NAMES = st.sampled_from(["A", "B", "C"])
POINTERS = st.sampled_from(["", "/a", "/a/b", "/a/b/c", "/b", "/b/0", "/c~1d"])
PATTERNS = POINTERS | st.sampled_from(["/a/*", "/*/b", "/*"])
SMALL = st.integers(min_value=1, max_value=3)


def a_set_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, unique=True, max_size=3)


def of(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of these members."""
    return st.fixed_dictionaries({}, optional=fields)


MODELS = st.lists(
    st.fixed_dictionaries(
        {"provider": NAMES, "model": NAMES, "input_price": SMALL, "output_price": SMALL},
        optional={"secret": NAMES},
    ),
    unique_by=lambda one: (one["provider"], one["model"]),
    max_size=3,
)
RULES = of(
    describe=NAMES,
    risk=st.sampled_from(["low", "medium", "high"]),
    act=st.sampled_from(["never", "with_approval", "auto"]),
    min_confidence=st.sampled_from([0, 0.5, 1]),
)
TOOLS = st.lists(
    st.fixed_dictionaries(
        {
            "server": NAMES,
            "name": NAMES,
            "manifest_sha256": st.sampled_from(["0" * 64, "f" * 64]),
            "max_calls": SMALL,
        }
    ),
    unique_by=lambda one: (one["server"], one["name"], one["manifest_sha256"]),
    max_size=3,
)
LAYERS: st.SearchStrategy[Policy] = of(
    mode=st.sampled_from(["off", "shadow", "suggest", "act"]),
    models=MODELS,
    instructions=a_set_of(NAMES),
    decisions=st.dictionaries(NAMES, RULES, max_size=3),
    denied_events=a_set_of(NAMES | st.just("B*")),
    send=a_set_of(POINTERS),
    untrusted=a_set_of(PATTERNS),
    redact=a_set_of(PATTERNS),
    output=st.sampled_from([OUTPUT, {**OUTPUT, "title": "x"}, {**OUTPUT, "required": []}]),
    max_repair=st.integers(min_value=0, max_value=3),
    tools=TOOLS,
    limits=of(
        iterations=SMALL, input_tokens=SMALL, output_tokens=SMALL, seconds=SMALL,
        cost_per_task=SMALL, cost_per_instance=SMALL, cost_per_day=SMALL,
    ),
    approval=of(
        users=a_set_of(NAMES), roles=a_set_of(NAMES), quorum=SMALL,
        expires_in=st.sampled_from(["PT1H", "P1D", "P1W"]), four_eyes=st.booleans(),
    ),
    record=of(
        prompt=st.sampled_from(["hash", "redacted"]), keep=st.sampled_from(["P1D", "P90D"])
    ),
).map(lambda body: parse_policy(dump(body)))  # fmt: skip
"""Any layer, of few words, so that two of them have some in common."""
