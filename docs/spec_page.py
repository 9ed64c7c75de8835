"""
Write docs/spec-reference.md from the JSON Schema of definitions, or check that it is its own.

    .venv/bin/python docs/spec_page.py            write
    .venv/bin/python docs/spec_page.py --check    fail if the page is not what the schema gives

The schema is made from the words that the parser knows. The examples are docs/spec-examples.json:
whole definitions, one for each chapter, in which every word of the chapter occurs.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from control_plane.engine import spec_schema

# ruff: noqa: INP001, E501 -- a script among the pages, with sentences of theirs

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "spec-reference.md"
EXAMPLES = DOCS / "spec-examples.json"
REMEDY = "run `make gen` and commit docs/spec-reference.md"

HEAD = """# Every word of a definition

Made by `make gen` from the JSON Schema of the format, which `foliot definition schema` prints and which is made from
the words that the parser knows. [How a definition is written](definitions.md) says what they mean together, and lists
the limits of a definition as a whole. A word that is not here is refused, with the nearest one that is. A field in
**bold** must be there; where nothing stands under *not set*, the field is simply absent.
"""
TABLE = "\n| field | takes | not set | meaning |\n|---|---|---|---|\n"

Schema = Mapping[str, Any]


class Chapter(NamedTuple):
    """A heading, what is said below it, and the objects it tells, by what the text calls them."""

    title: str
    about: str
    objects: Sequence[tuple[str, str]]
    """The object's name for readers, and its place in the schema."""
    only: str = ""
    """What the meaning of a field begins with if the chapter tells of it; other fields it leaves out."""


OF_A_PERSON, OF_A_CHILD, OF_A_MODEL = "Of a human task:", "Of a child instance:", "Of an AI task:"
KINDS = (OF_A_PERSON, OF_A_CHILD, OF_A_MODEL)

CHAPTERS = (
    Chapter("The definition", "The whole of it: one object.", [("the root", "")]),
    Chapter(
        "States",
        "What stands under a key of `states`. The root takes the same words but for `history` and `target`.",
        [("a state", "state"), ("`initial`, in its long form", "initial/anyOf/1")],
    ),
    Chapter(
        "Transitions",
        "What stands under `on`, `always`, `after`, `onDone` and `onError`: a target alone, an object, or a list of them.",
        [("a transition", "transition")],
    ),
    Chapter(
        "Guards",
        "An expression, a name under the root's `guards`, or one of these.",
        [
            ("a guard under a name", "guards/additionalProperties"),
            *((f"`{name}`", f"guard/@{name[1:]}") for name in ("@and", "@or", "@not", "@stateIn")),
            ("a guard by its name", "guard/"),
        ],
    ),
    Chapter(
        "Actions",
        "A name under the root's `actions`, or one of these; or a list of them.",
        [
            *(
                (f"`{name}`", f"action/{name}")
                for name in ("@assign", "@raise", "@cancel", "@emit", "@log", "@if")
            ),
            ("a branch of `@if`", "branches/items"),
            ("`createTask`", "action/createTask"),
            ("`compensate`", "action/compensate"),
            ("an action by its name", "action/"),
        ],
    ),
    Chapter(
        "Tasks",
        "What asks for work: `invoke` of a state, and the `params` of a `createTask`.",
        [
            ("`invoke`", "invoke"),
            ("`params` of `createTask`", "createTask"),
            ("`retry`", "retry"),
            ("`timeout`, in its long form", "timeout/anyOf/1"),
            ("`compensation`", "compensation"),
        ],
    ),
    Chapter(
        "Tasks of people",
        "More words of tasks whose `src` is `human`; [how they work together](human-tasks.md).",
        [
            ("a human task", "invoke"),
            ("`candidates`", "candidates"),
            ("`quorum`", "quorum"),
            ("`notBy`", "notBy"),
            ("a reminder", "reminders/items"),
            ("an escalation", "escalations/items"),
        ],
        OF_A_PERSON,
    ),
    Chapter(
        "AI tasks",
        "More words of tasks whose `src` is `ai`; [how they work together](ai-tasks.md).",
        [("an AI task", "invoke"), ("`guardrails`", "guardrails")],
        OF_A_MODEL,
    ),
    Chapter(
        "Child instances",
        "More words of tasks whose `src` is `workflow.<key>`.",
        [("a child instance", "invoke")],
        OF_A_CHILD,
    ),
    Chapter(
        "Values",
        "Wherever a value may stand, an object with `@expr` may: it is worked out when the value is needed.",
        [("an expression", "expression")],
    ),
)


_MARKED = re.compile(r"`(\w+)` \(the default\)")
_SAID = re.compile(r"[;.] ([^;.]+(?:\.\d+)?)(?: by default|(?<=minutes))\.$")
_DURATIONS = re.compile(
    r": milliseconds, or an ISO 8601 duration of a fixed length such as \w+ or \w+"
)


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 0, or 1 if --check found a difference."""
    wanted = page(json.loads(spec_schema()), json.loads(EXAMPLES.read_text("utf-8")))
    if PAGE.exists() and PAGE.read_text("utf-8") == wanted:
        return 0
    if "--check" in arguments:
        sys.stderr.write(f"docs/spec-reference.md is not what the schema gives; {REMEDY}\n")
        return 1
    PAGE.write_text(wanted, "utf-8")
    return 0


def page(schema: Schema, examples: Mapping[str, Any]) -> str:
    """The whole page; a chapter without an example is an error."""
    parts = [HEAD]
    for chapter in CHAPTERS:
        parts.append(f"\n## {chapter.title}\n\n{chapter.about}\n")
        for name, place in chapter.objects:
            for called, shown in _objects(name, at(schema, place)):
                parts += [f"\n### {called[0].upper()}{called[1:]}\n", TABLE]
                parts += [_row(schema, place, *row) for row in fields(shown, chapter, place)]
        parts.append(f"\n```json example\n{_written(examples[chapter.title])}\n```\n")
    return "".join(parts)


def at(schema: Schema, place: str) -> Schema:
    """An object by its place: a name of `$defs`, then members; `@and` is found by its title."""
    if not place:
        return schema
    name, *members = place.split("/")
    found: Any = schema["$defs"][name]
    for member in members:
        if isinstance(found, list):
            found = found[int(member)]
        elif member in found:
            found = found[member]
        else:
            choices = [one for one in found["anyOf"] if "properties" in one]
            (found,) = (one for one in choices if one.get("title", "") == member)
    shown: Schema = found
    return shown


def fields(shown: Schema, chapter: Chapter, place: str) -> Iterator[tuple[str, Schema, bool]]:
    """What a chapter tells of an object: each field's name, schema, and whether it must be there."""
    required = shown.get("required", ())
    for name, field in shown["properties"].items():
        kind = next((one for one in KINDS if field["description"].startswith(one)), "")
        is_task = place in {"invoke", "createTask", "compensation"}
        if not is_task or kind == chapter.only:
            yield name, field, name in required


def _objects(name: str, shown: Schema) -> Iterator[tuple[str, Schema]]:
    """An object, and those that stand in it without a name of their own."""
    yield name, shown
    for key, field in shown["properties"].items():
        inner = field.get("items", field)
        inner = inner if "properties" in inner else field.get("additionalProperties")
        if isinstance(inner, dict) and "properties" in inner:
            yield from _objects(f"`{key}` of {name}", inner)


def _row(schema: Schema, place: str, name: str, field: Schema, is_required: bool) -> str:
    meaning, default = field["description"], ""
    if found := _MARKED.search(meaning):
        default = f"`{found[1]}`"
    elif found := _SAID.search(meaning):
        default, meaning = found[1], f"{meaning[: found.start()]}."
    elif not place.startswith("escalations"):
        default = _default(_shape(schema, field))
    meaning = _DURATIONS.sub("", meaning)
    for kind in KINDS:
        meaning = meaning.removeprefix(f"{kind} ")
    named = f"**`{name}`**" if is_required else f"`{name}`"
    cells = (named, _takes(schema, field), default, f"{meaning[0].upper()}{meaning[1:]}")
    return f"| {' | '.join(one.replace('|', chr(92) + '|') for one in cells)} |\n"


def _default(shape: Schema) -> str:
    """What holds if a field is not set, by its schema."""
    if shape.get("type") == "boolean":
        return "false"
    values = [one["default"] for one in (shape, *shape.get("anyOf", ())) if "default" in one]
    value = values[0] if values else None
    return f"`{value}`" if isinstance(value, str) else "" if value is None else str(value)


def _shape(schema: Schema, field: Schema) -> Schema:
    """What a field takes, where that stands under a name."""
    while "$ref" in field:
        field = schema["$defs"][field["$ref"].rpartition("/")[2]]
    return field


_LINKED = {
    "state": "[state](#a-state)",
    "states": "states by their keys, at most 200 characters: [state](#a-state)",
    "transition": "[transition](#a-transition)",
    "transitions": "a target, a [transition](#a-transition), or a list of them",
    "on": "[transitions](#transitions) by event type",
    "after": "[transitions](#transitions) by delay",
    "guard": "[guard](#guards)",
    "action": "[action](#actions)",
    "actions": "an [action](#actions), or a list of them",
    "namedActions": "[actions](#actions) by name, at most 1000",
    "guards": "[guards](#a-guard-under-a-name) by name, at most 1000",
    "invokes": "an [invoke](#invoke), or a list of at most 100",
    "createTask": "[a task](#params-of-createtask)",
    "compensation": "[a compensation](#compensation)",
    "retry": "[a retry policy](#retry)",
    "timeout": "a duration, or [one for each phase](#timeout-in-its-long-form)",
    "initial": "a key, or [its long form](#initial-in-its-long-form)",
    "candidates": "[candidates](#candidates)",
    "quorum": "[a quorum](#quorum)",
    "notBy": "[who may not](#notby)",
    "reminders": "at most 10 [reminders](#a-reminder)",
    "escalations": "at most 10 [escalations](#an-escalation)",
    "guardrails": "[guardrails](#guardrails)",
    "expression": "[expression](#an-expression)",
    "branches": "[branches](#a-branch-of-if)",
    "value": "any JSON, with [expressions](#an-expression) in it",
    "anything": "any JSON",
    "context": "an object, with [expressions](#an-expression) in it; or one that gives it",
    "assignments": "an object, with [expressions](#an-expression) in it",
    "event": "an object with a `type`, or an [expression](#an-expression) that gives one",
    "duration": "milliseconds, or ISO 8601, as PT15M or P2D",
    "backoff": "milliseconds, or ISO 8601, as PT15M or P2D",
    "delays": "delays by name, at most 1000: milliseconds, ISO 8601, or an [expression](#an-expression)",
    "targets": "a target, or a list of them",
    "tags": "a text, or a list of them",
    "texts": "list of texts",
    "childKey": "the key of a state inside",
    "delay": "milliseconds, ISO 8601, a name of `delays`, or an [expression](#an-expression)",
    "stateIn": "`#id`, a path from the root, or a part of a state value",
    "history": "`shallow`, `deep`, or true or false",
    "id": "text of 1 to 200 characters, without `.` and `#`",
    "queue": "text of 1 to 63 of `a-z A-Z 0-9 _ . -`",
    "source": "`human`, `timer`, `http`, `email`, `ai`, `system.<function>`, `workflow.<key>`",
    "eventName": "an event type, 1 to 200 characters",
    "form": "a JSON Schema (2020-12), without references",
}
"""What stands for a shape, where its schema would say it less well."""


def _takes(schema: Schema, field: Schema) -> str:
    """What may stand under a field, in a phrase; with the limits that its schema has."""
    if "$ref" in field:
        shape: str = field["$ref"].rpartition("/")[2]
        return _LINKED.get(shape) or _takes(schema, schema["$defs"][shape])
    if "enum" in field:
        return ", ".join(f"`{json.dumps(one).strip(chr(34))}`" for one in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "anyOf" in field:
        return ", or ".join(_takes(schema, one) for one in field["anyOf"])
    kind = field.get("type", "")
    if kind == "array":
        items = field["items"]
        most = f" of at most {field['maxItems']}" if "maxItems" in field else ""
        return f"list{most}: {'objects, below' if 'properties' in items else _takes(schema, items)}"
    if kind in {"integer", "number"}:
        return f"{kind}{_range(field.get('minimum'), field.get('maximum'))}"
    if kind == "string":
        return f"text of 1 to {field['maxLength']} characters" if "maxLength" in field else "text"
    return {"boolean": "true or false", "object": "object"}[kind]


def _range(least: int | None, most: int | None) -> str:
    if most is None:
        return "" if least is None else f", {least} or more"
    return f", {least} to {most:,}"


def _written(value: Any, indent: str = "") -> str:
    """JSON as people write it: in a line where it is short, and spread where it is not."""
    line = _in_a_line(value)
    if len(indent) + len(line) <= 100 or not isinstance(value, dict | list) or not value:
        return line
    inside = indent + "  "
    if isinstance(value, list):
        rows = [inside + _written(one, inside) for one in value]
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    rows = [f"{inside}{json.dumps(key)}: {_written(one, inside)}" for key, one in value.items()]
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"


def _in_a_line(value: Any) -> str:
    if isinstance(value, dict) and value:
        members = (f"{json.dumps(key)}: {_in_a_line(one)}" for key, one in value.items())
        return f"{{ {', '.join(members)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_in_a_line, value))}]"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
