"""
The JSON Schema (2020-12) of the format, made from the vocabulary.

It says what a schema can: which words stand where, and of what type their values are. That
targets exist, expressions compile and states can be reached is the validator's to say.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from control_plane.engine.actions import OWN_EVENTS
from control_plane.engine.invocations import CHILD
from control_plane.engine.limits import (
    MAX_CANDIDATE,
    MAX_CANDIDATES,
    MAX_CHOICES,
    MAX_ESCALATIONS,
    MAX_FAN_OUT,
    MAX_NAME_LENGTH,
    MAX_NAMED,
    MAX_REMINDERS,
    MAX_TASKS_PER_TRANSITION,
    MAX_VOTERS,
)
from control_plane.engine.spec.vocabulary import (
    ACTIONS,
    BRANCH,
    CANDIDATES,
    COMPENSATE,
    COMPENSATION,
    CREATE_TASK,
    CREATE_TASK_ACTION,
    ESCALATION,
    EXPRESSION,
    GUARD_BODY,
    GUARDS,
    INITIAL,
    INVOKE,
    MAX_FACTOR,
    MAX_PRIORITY,
    NAMED,
    NOT_BY,
    QUORUM,
    REMINDER,
    RETRY,
    ROOT,
    STATE,
    TIMEOUT,
    TRANSITION,
    Words,
)
from shared.guardrails.schema import policy_schema
from shared.retry import MAX_ATTEMPTS
from shared.tasks import MAX_QUEUE_NAME, TaskType

SCHEMA_ID: Final = "urn:foliot:definition"
"""What the schema calls itself. It is a name; nothing has to be fetched."""

Schema: TypeAlias = dict[str, Any]

_DURATION = (
    r"^P(?=[0-9T])([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?"
    r"(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?$"
)
_MILLISECONDS = r"^[0-9]+$"
_PLAIN = r"^[^\u0000-\u001f\u007f]*$"
"""No control characters."""

_GROUPED: Final = {"concurrency": ["forEach"], "join": ["forEach"]}
_KINDS = "|".join(kind.value.lower() for kind in TaskType if kind is not TaskType.SYSTEM)


def spec_schema() -> str:
    """The schema as JSON text, the same every time."""
    return json.dumps(_schema(), indent=2, ensure_ascii=False) + "\n"


def _schema() -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "A foliot definition",
        "description": "A statechart: an XState v5 machine config in JSON, with tasks.",
        **_object(ROOT),
        "$defs": _shapes(),
    }


def _shapes() -> dict[str, Schema]:
    """What stands under each shape that the vocabulary names."""
    return {
        **_plain_shapes(),
        **_value_shapes(),
        **_state_shapes(),
        **_guard_shapes(),
        **_action_shapes(),
        **_task_shapes(),
    }


def _plain_shapes() -> dict[str, Schema]:
    return {
        "anything": {},
        "boolean": {"type": "boolean"},
        "text": {"type": "string"},
        "texts": _list({"type": "string"}),
        "name": _text(pattern=_PLAIN),
        "id": _text(pattern=r"^(?!__proto__$)[^.#\u0000-\u001f\u007f]+$"),
        "childKey": {"type": "string"},
        "tags": _any_of({"type": "string"}, _list({"type": "string"})),
        "unhandled": {"enum": ["ignore", "reject", "defer"]},
        "onCancel": {"const": "compensate"},
        "expressionLanguage": {"const": "cel"},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
    }


def _value_shapes() -> dict[str, Schema]:
    inside = {"$ref": "#/$defs/value"}
    literal = {"not": {"type": "object", "required": ["@expr"]}}
    return {
        "expression": _object(EXPRESSION),
        "value": {
            "if": {"type": "object", "required": ["@expr"]},
            "then": {"$ref": "#/$defs/expression"},
            "else": {"additionalProperties": inside, "items": inside},
        },
        "context": _any_of({"$ref": "#/$defs/expression"}, _map(inside) | literal),
        "assignments": _map(inside) | literal,
        "textValue": _any_of({"type": "string"}, {"$ref": "#/$defs/expression"}),
        "event": _any_of(
            {"$ref": "#/$defs/expression"},
            {
                "type": "object",
                "properties": {
                    "type": _any_of({"$ref": "#/$defs/ownEvent"}, {"$ref": "#/$defs/expression"})
                },
                "required": ["type"],
                "additionalProperties": inside,
                **literal,
            },
        ),
        "ownEvent": _text(
            pattern=rf"^(?!{_or(OWN_EVENTS)}|\*$)[^\u0000-\u001f\u007f]+$",
            about="An event's type. `xstate.` and `task.` begin those of the engine.",
        ),
        "duration": _any_of(
            {"type": "number", "minimum": 0, "description": "Milliseconds."},
            {
                "type": "string",
                "pattern": f"{_MILLISECONDS}|{_DURATION}",
                "description": "ISO 8601, as PT15M or P2D.",
            },
        ),
        "delay": _any_of(
            {"type": "number", "minimum": 0, "description": "Milliseconds."},
            {"type": "string", "description": "ISO 8601, as PT15M, or a name of `delays`."},
            {"$ref": "#/$defs/expression"},
        ),
        "delays": _map({"$ref": "#/$defs/delay"}, maxProperties=MAX_NAMED),
    }


def _state_shapes() -> dict[str, Schema]:
    transition = _any_of(
        {"type": "string", "description": "A target alone."}, {"$ref": "#/$defs/transition"}
    )
    return {
        "state": _object(STATE),
        "states": _map(
            {"$ref": "#/$defs/state"},
            propertyNames={
                "pattern": r"^(?!__proto__$|\*$|(0|[1-9][0-9]*)$)[^.#\u0000-\u001f\u007f]+$",
                "maxLength": MAX_NAME_LENGTH,
            },
        ),
        "stateType": {"enum": ["atomic", "compound", "parallel", "final", "history"]},
        "initial": _any_of({"$ref": "#/$defs/childKey"}, _object(INITIAL)),
        "history": {"enum": ["shallow", "deep", True, False]},
        "targets": _any_of({"type": "string"}, _list({"type": "string"})),
        "transition": _object(TRANSITION),
        "transitions": _any_of(transition, _list(transition)),
        "on": _map(
            {"$ref": "#/$defs/transitions"},
            propertyNames={
                "pattern": r"^(\*|[^*\u0000-\u001f\u007f]+(\.\*)?)$",
                "maxLength": MAX_NAME_LENGTH,
            },
        ),
        "after": _map({"$ref": "#/$defs/transitions"}),
    }


def _guard_shapes() -> dict[str, Schema]:
    return {
        "guard": _any_of(
            {"type": "string", "description": "One of the root's `guards`."},
            {"$ref": "#/$defs/expression"},
            *(_built_in(name, words) for name, words in GUARDS.items()),
            _named(),
        ),
        "guardList": _list({"$ref": "#/$defs/guard"}),
        "guards": _map(_object(GUARD_BODY), maxProperties=MAX_NAMED),
        "stateIn": _any_of(
            {"type": "string", "description": "`#id`, or a path from the root."},
            {"$ref": "#/$defs/stateValue"},
        ),
        "stateValue": _map(_any_of({"type": "string"}, {"$ref": "#/$defs/stateValue"})),
    }


def _action_shapes() -> dict[str, Schema]:
    return {
        "action": _any_of(
            {"type": "string", "description": "One of the root's `actions`."},
            *(_built_in(name, words) for name, words in ACTIONS.items()),
            _of_type("createTask", CREATE_TASK_ACTION),
            _of_type("compensate", COMPENSATE),
            _named("createTask", "compensate"),
        ),
        "actions": _any_of({"$ref": "#/$defs/action"}, _list({"$ref": "#/$defs/action"})),
        "namedActions": _map(
            {"$ref": "#/$defs/actions"},
            propertyNames={"pattern": r"^(?!@|createTask$|compensate$)"},
            maxProperties=MAX_NAMED,
        ),
        "branches": _list(_object(BRANCH)),
    }


def _task_shapes() -> dict[str, Schema]:
    return {
        "invoke": {**_object(INVOKE), "dependentRequired": _GROUPED},
        "invokes": _any_of(
            {"$ref": "#/$defs/invoke"},
            _list({"$ref": "#/$defs/invoke"}, maxItems=MAX_TASKS_PER_TRANSITION),
        ),
        "createTask": {
            **_object(CREATE_TASK),
            "oneOf": [{"required": ["src"]}, {"required": ["type"]}],
            "dependentRequired": {**_GROUPED, "function": ["type"]},
        },
        "compensation": _object(COMPENSATION),
        "source": {
            "type": "string",
            "pattern": rf"^({_KINDS}|(system|{CHILD.lower()})\.[^\u0000-\u001f\u007f]+)$",
            "description": f"{_KINDS.replace('|', ', ')}, system.<function> or workflow.<key>.",
        },
        "taskType": {"enum": [kind.value for kind in TaskType]},
        "queue": {
            "type": "string",
            "pattern": rf"^[a-zA-Z0-9_.-]{{1,{MAX_QUEUE_NAME}}}$",
            "default": "default",
        },
        "priority": _integer(-MAX_PRIORITY, MAX_PRIORITY, default=0),
        "retry": _object(RETRY),
        "maxAttempts": _integer(1, MAX_ATTEMPTS, default=5),
        "backoff": {"$ref": "#/$defs/duration"},
        "factor": {"type": "number", "minimum": 1, "maximum": MAX_FACTOR, "default": 2},
        "timeout": _any_of({"$ref": "#/$defs/duration"}, _object(TIMEOUT)),
        "forEach": _any_of(_list({"$ref": "#/$defs/value"}), {"$ref": "#/$defs/expression"}),
        "concurrency": _integer(1, MAX_FAN_OUT, default=MAX_FAN_OUT),
        "join": _any_of(
            {"enum": ["all", "any", "settled"], "default": "all"}, _integer(1, MAX_FAN_OUT)
        ),
        "choices": _list(
            {"$ref": "#/$defs/eventName"},
            minItems=1,
            maxItems=MAX_CHOICES,
            uniqueItems=True,
        ),
        "guardrails": policy_schema(),
        "candidates": _object(CANDIDATES),
        "candidateNames": _any_of(
            {"$ref": "#/$defs/expression"},
            _list(
                _any_of(
                    {"type": "string", "minLength": 1, "maxLength": MAX_CANDIDATE},
                    {"$ref": "#/$defs/expression"},
                ),
                maxItems=MAX_CANDIDATES,
            ),
        ),
        "candidateName": _any_of(
            {"type": "string", "minLength": 1, "maxLength": MAX_CANDIDATE},
            {"$ref": "#/$defs/expression"},
        ),
        "quorum": _object(QUORUM),
        "voters": _any_of(_integer(1, MAX_VOTERS), {"$ref": "#/$defs/expression"}),
        "notBy": _object(NOT_BY),
        "taskNames": _list({"$ref": "#/$defs/name"}, maxItems=MAX_CANDIDATES),
        "reminders": _list(
            {**_object(REMINDER), "oneOf": _with_one_of("before", "after")},
            maxItems=MAX_REMINDERS,
        ),
        "escalations": _list(
            {
                **_object(ESCALATION),
                "oneOf": _with_one_of("overdue", "unclaimedFor", "openFor"),
                "anyOf": _with_one_of("addCandidates", "assignTo", "priority", "event", "fail"),
            },
            maxItems=MAX_ESCALATIONS,
        ),
        "eventName": _text(pattern=rf"^(?!{_or(OWN_EVENTS)})[^*\u0000-\u001f\u007f]+$"),
        "form": {
            "type": "object",
            "description": "JSON Schema (2020-12), without references.",
        },
        "version": {"type": "integer", "minimum": 1},
        "keyText": _any_of({"$ref": "#/$defs/name"}, {"$ref": "#/$defs/expression"}),
        "onParentClose": {"enum": ["cancel", "terminate", "abandon"], "default": "cancel"},
    }


def _object(words: Words, only: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these keys and no others."""
    found: Schema = {
        "type": "object",
        "properties": {
            key: {"description": word.about, **((only or {}).get(key) or _ref(word.shape))}
            for key, word in words.items()
        },
        "additionalProperties": False,
    }
    required = [key for key, word in words.items() if word.required]
    return found | {"required": required} if required else found


def _built_in(name: str, words: Words) -> Schema:
    kinds = [f"@{name}", f"@xstate.{name}"]
    return {"title": f"@{name}", **_object(words, {"type": {"enum": kinds}})}


def _of_type(name: str, words: Words) -> Schema:
    return {"title": name, **_object(words, {"type": {"const": name}})}


def _named(*taken: str) -> Schema:
    """A guard or an action by its name, with parameters."""
    pattern = "".join(f"|{name}$" for name in taken)
    return _object(NAMED, {"type": {"type": "string", "pattern": rf"^(?!@{pattern})"}})


def _ref(shape: str) -> Schema:
    return {"$ref": f"#/$defs/{shape}"}


def _with_one_of(*words: str) -> list[Schema]:
    return [{"required": [word]} for word in words]


def _any_of(*shapes: Schema) -> Schema:
    return {"anyOf": list(shapes)}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _map(values: Schema, **more: Any) -> Schema:
    return {"type": "object", "additionalProperties": values, **more}


def _integer(least: int, most: int, **more: Any) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, **more}


def _text(*, pattern: str, about: str = "") -> Schema:
    found = {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_NAME_LENGTH,
        "pattern": pattern,
    }
    return found | {"description": about} if about else found


def _or(prefixes: tuple[str, ...]) -> str:
    return "|".join(one.replace(".", r"\.") for one in prefixes)
