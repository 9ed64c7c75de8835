"""
docs/definition-rules.md, made from the rulebook and the first failing spec of each rule.

`python -m tests.engine.spec.rule_page > docs/definition-rules.md` writes it again.
"""

import json
import sys
from typing import Any

from control_plane.engine import check_spec
from control_plane.engine.spec.rulebook import RULES
from tests.engine.spec.failing import ERRORS, WARNINGS

_BEGINNING = """\
# The rules of definitions

What the validator looks for, by the names that diagnostics carry in `rule`. Errors refuse a
definition, warnings do not. A diagnostic says where (`json_pointer`), what is the matter, what to
do about it, and where it helps it shows the matter: the states of a circle, the transitions that
lead to a dead end.

Each rule is shown with a definition that breaks it, and where it is told of that one. Two more
depend on the server and not on the format: the warning `task-type-not-available` says that a
definition asks for what the release does not carry out yet, and so cannot be activated;
`ai-policy-not-active`, when it is activated, that an AI task names a policy of which no version is
in force, so that it would fail.

| rule | severity |
|---|---|
"""
_LONGEST = 90
"""Characters of a definition that stands on one line."""


def render() -> str:
    """The whole page."""
    index = "".join(f"| [{name}](#{name}) | {rule.severity} |\n" for name, rule in RULES.items())
    return _BEGINNING + index + "".join(_section(name) for name in RULES)


def _section(name: str) -> str:
    rule = RULES[name]
    pointer, spec = next(
        (pointer, spec) for one, pointer, spec in (*ERRORS, *WARNINGS) if one == name
    )
    diagnostic = next(
        one for one in check_spec(spec)[1] if (one.rule, one.json_pointer) == (name, pointer)
    )
    place = f"At `{pointer}`" if pointer else "Of the whole"
    return (
        f"\n## {name}\n\n"
        f"{rule.severity.capitalize()}. {rule.meaning}\n\n"
        f"**Remedy.** {rule.remedy}\n\n"
        f"```json breaks\n{_text(spec)}\n```\n\n"
        f"{place}: {diagnostic.message}.\n"
    )


def _text(spec: Any) -> str:
    if isinstance(spec, str):
        return spec
    return _laid_out(spec, 0)


def _laid_out(value: Any, indent: int) -> str:
    """JSON with what is short on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict) or not value or len(line) + indent <= _LONGEST:
        return line
    pad = " " * (indent + 2)
    members = ",\n".join(
        f"{pad}{json.dumps(key)}: {_laid_out(item, indent + 2)}" for key, item in value.items()
    )
    return f"{{\n{members}\n{' ' * indent}}}"


if __name__ == "__main__":
    sys.stdout.write(render())
