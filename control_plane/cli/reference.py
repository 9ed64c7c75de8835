"""
Write docs/cli-reference.md from the commands themselves, or check that it is theirs.

    python -m control_plane.cli.reference FILE            write
    python -m control_plane.cli.reference FILE --check    fail if the file is not what they give
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main

from control_plane.cli.app import app
from control_plane.cli.options import SERVER_PANEL

HEAD = """# Every command

Made by `make gen` from the commands themselves; `foliot COMMAND --help` says the same.
[The command line](cli.md) tells how they go together.
"""
_KINDS = {"str": "TEXT", "list": "TEXT", "Path": "PATH", "int": "NUMBER", "float": "NUMBER"}
TABLE = "\n| | | |\n|---|---|---|\n"
ON_A_SERVER = "Takes the [options that say which server](#which-server-and-as-whom)."


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0, or 1 if `--check` found a difference."""
    file = Path(arguments[0])
    wanted = reference()
    if "--check" in arguments:
        if file.read_text("utf-8") == wanted:
            return 0
        sys.stderr.write(f"{file} is not what the commands give; run `make gen` and commit it\n")
        return 1
    file.write_text(wanted, "utf-8")
    return 0


def reference() -> str:
    """The page."""
    root: Any = typer.main.get_command(app)
    commands = list(_commands(root, "foliot"))
    shared = next(
        [one for one in command.params if _is_shared(one)]
        for _, command in commands
        if any(map(_is_shared, command.params))
    )
    parts = [HEAD, f"\n## {SERVER_PANEL}\n", _table(shared)]
    titled = ""
    for name, command in commands:
        title = " ".join(name.split()[:2])
        if title != titled:
            titled = title
            group = root.commands[title.split()[1]]
            parts.append(f"\n## {title}\n")
            if hasattr(group, "commands"):
                parts.append(f"\n{group.help}\n")
        if name != title:
            parts.append(f"\n### {name}\n")
        parts.append(_command(name, command))
    return "".join(parts)


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for verb, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} {verb}")
        else:
            yield f"{name} {verb}", command


def _command(name: str, command: Any) -> str:
    own = [one for one in command.params if not _is_shared(one)]
    usage = " ".join([name, *(_argument(one) for one in own if not _is_option(one))])
    parts = [f"\n    {usage}\n", f"\n{command.help.strip()}\n"]
    if own:
        parts.append(_table(own))
    if len(own) < len(command.params):
        parts.append(f"\n{ON_A_SERVER}\n")
    return "".join(parts)


def _table(parameters: Sequence[Any]) -> str:
    return TABLE + "".join(f"| {' | '.join(_cells(one))} |\n" for one in parameters)


def _cells(one: Any) -> Iterator[str]:
    if not _is_option(one):
        yield f"`{_argument(one)}`"
    else:
        names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
        takes = _takes(one)
        yield f"{names} {takes}".strip()
    yield (one.help or "").replace("|", "\\|")
    yield "; ".join(_remarks(one)).replace("|", "\\|")


def _remarks(one: Any) -> Iterator[str]:
    """What holds if it is not given."""
    if _is_option(one) and one.required:
        yield "required"
    if isinstance(one.show_default, str):
        yield one.show_default
    elif one.show_default and one.default not in (None, "", False, ()) and not one.required:
        yield f"`{one.default}`"
    if one.envvar:
        yield f"`{one.envvar}`"


def _takes(one: Any) -> str:
    if one.is_flag:
        return ""
    if one.metavar:
        return f"`{one.metavar}`"
    kind = one.type_descriptor.annotation
    if get_origin(kind) is Literal:
        return " ".join(f"`{value}`" for value in get_args(kind))
    values = [str(value) for value in kind] if hasattr(kind, "__members__") else []
    return " ".join(f"`{value}`" for value in values) or f"`{_KINDS[kind.__name__]}`"


def _argument(one: Any) -> str:
    named = str(one.metavar or one.name.upper())
    return named if one.required or named.startswith("[") else f"[{named}]"


def _is_option(one: Any) -> bool:
    return str(one.opts[0]).startswith("-")


def _is_shared(one: Any) -> bool:
    return getattr(one, "rich_help_panel", None) == SERVER_PANEL


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
