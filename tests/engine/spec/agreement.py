"""
Whether the JSON Schema and the parser say the same of a spec, as far as a schema can say it.
"""

import json
from typing import Any, Final

from jsonschema import Draft202012Validator

from control_plane.engine import check_spec, spec_schema

SCHEMA: Final = Draft202012Validator(json.loads(spec_schema()))

BOTH_SAY: Final = frozenset(
    {
        "unknown-key", "old-spelling", "wrong-type", "bad-name", "bad-event", "reserved-event",
        "without-for-each",
    }
)  # fmt: skip
"""Rules about single objects: what breaks one of these, the schema refuses too."""

ONLY_THE_PARSER_SAYS: Final = {
    "not-json": "a schema sees values, and not the text they were read from",
    "limit-exceeded": "counts over the whole spec: bytes, states, transitions, expressions",
    "duplicate-id": "compares states with each other",
    "bad-root": "the kind of a state may follow from what stands in it",
    "empty-states": "a state that holds nothing but histories has states",
    "atomic-with-states": "is about two keys and their values; the parser's remedy is better",
    "missing-initial": "the kind of a state may follow from what stands in it",
    "unknown-initial": "the child must exist",
    "initial-not-compound": "the kind of a state may follow from what stands in it",
    "initial-without-record": "looks at the child",
    "final-with-content": "empty transitions on a final state do no harm",
    "history-with-content": "the kind of a state may follow from what stands in it",
    "history-key": "the kind of a state may follow from what stands in it",
    "bad-history-default": "the target must be inside the parent",
    "output-not-final": "the kind of a state may follow from what stands in it",
    "never-done": "looks at the states inside",
    "unknown-target": "the target must exist",
    "targets-exclude-each-other": "looks at the tree of states",
    "unknown-guard": "the name must be one of the root's",
    "guard-cycle": "follows names",
    "guard-not-boolean": "an expression is a text to a schema",
    "expression-invalid": "an expression is a text to a schema",
    "unknown-action": "the name must be one of the root's",
    "action-cycle": "follows names",
    "bad-delay": "a text may be the name of one of the root's delays",
    "bad-duration": "a duration of months has the form of one",
    "unknown-task-type": "of a SYSTEM task the function stands under another key",
    "word-not-for-task": "the kind of a task stands under another key",
    "for-each-not-list": "an expression is a text to a schema",
    "bad-timer-input": "an input may be computed",
    "secret-computed": "an input may be computed",
    "bad-form": "a schema of schemas is long, and does not know RE2",
    "quorum-out-of-reach": "compares numbers with each other, and with the candidates",
    "no-due-time": "whether it goes by the due time stands inside of it",
    "decided-by-no-task": "looks at the tasks of the whole spec",
    "ai-without-events": "the kind of a task stands under another key",
    "ai-event-not-accepted": "looks at the transitions around",
    "ai-outcome-awaited": "the kind of a task stands under another key",
    "bad-guardrails": "names, pointers, durations and numbers are told better by the parser",
    "eventless-cycle": "follows transitions",
}
"""Every other rule that refuses, and why a JSON Schema cannot say it, or had better not."""


def disagreement(spec: dict[str, Any]) -> str | None:
    """What one of the two says and the other does not; None if they agree."""
    by_schema = [_pointer(error.absolute_path) for error in SCHEMA.iter_errors(spec)]
    by_parser = [
        (one.rule, one.json_pointer) for one in check_spec(spec)[1] if one.severity == "error"
    ]
    if by_schema and not any(_meet(one, other) for one in by_schema for _, other in by_parser):
        return f"only the schema refuses {by_schema}; the parser says {by_parser}"
    for rule, pointer in by_parser:
        if rule in BOTH_SAY and not any(_meet(pointer, one) for one in by_schema):
            return f"only the parser says {rule} at {pointer}; the schema refuses {by_schema}"
    return None


def _meet(one: str, other: str) -> bool:
    """Whether two places are the same, or one is inside of the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _pointer(path: Any) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
