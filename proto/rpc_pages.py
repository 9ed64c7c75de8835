"""
Write docs/rpc, the reference of every RPC and message, from the protos; or check that it is theirs.

    .venv/bin/python proto/rpc_pages.py            write
    .venv/bin/python proto/rpc_pages.py --check    fail if a page is not what the protos give

What a call does and answers stands in comments; who may make it, what makes a repeat harmless and
its path as JSON over HTTP stand in options. Both are read from the descriptors.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from declared import Api, Entry, Service, read
from foliot.v1 import auth_options_pb2, error_reason_pb2
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2

from control_plane.access.roles import PERMISSIONS

# ruff: noqa: INP001, E501 -- a script among the protos, with sentences of pages

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "rpc"
REMEDY = "run `make gen` and commit docs/rpc"
REASONS = {
    value.name.removeprefix("ERROR_REASON_")
    for value in error_reason_pb2.ErrorReason.DESCRIPTOR.values
}

HEAD = """# Every RPC

Made by `make gen` from the [protos](../../proto/foliot/v1), which say the same. Every call carries a credential
([security](../security.md)); besides its own errors it may answer what [any call may](../errors.md#reasons). A path is
that of [JSON over HTTP](../../examples/gateway/envoy.yaml), where a gateway offers it; calls without one are streams.
"""

MEANINGS = {
    "AUTH_SCOPE_TENANT": "the tenant of the credential",
    "AUTH_SCOPE_PLATFORM": "all tenants; takes a credential of the platform",
    "AUTH_SCOPE_PUBLIC": "no tenant's data; any credential will do",
    "AUTH_SCOPE_TENANT_OR_PLATFORM": "the tenant of the credential; one of the platform names the"
    " tenant, or none for all",
    "EFFECT_READ": "changes nothing",
    "EFFECT_WRITE": "adds or changes, and ends nothing early",
    "EFFECT_DESTRUCTIVE": "ends something for good",
    "IDEMPOTENCY_SAFE": "changes nothing",
    "IDEMPOTENCY_BY_KEY": "is known by an id or key in the request, and answered as the first was",
    "IDEMPOTENCY_BY_REQUEST_ID": "is known by its request_id, and answered as the first was; without"
    " one it is another call",
    "IDEMPOTENCY_BY_STATE": "finds the thing as the first call left it, and changes nothing",
    "IDEMPOTENCY_BY_LEASE": "may hand out more; what was handed out and got lost comes back when its"
    " lease has run out",
}

_ERROR = re.compile(r"^  ([A-Z_]{2,}) +(\S.*)$")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, or 1 if --check found a difference."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    asked = parser.parse_args(arguments)
    wanted = dict(pages(read()))
    there = {path.name: path.read_text("utf-8") for path in PAGES.glob("*.md")}
    if there == wanted:
        return 0
    if asked.check:
        sys.stderr.write(f"docs/rpc is not what the protos give; {REMEDY}\n")
        return 1
    PAGES.mkdir(exist_ok=True)
    for name in there.keys() - wanted.keys():
        (PAGES / name).unlink()
    for name, text in wanted.items():
        (PAGES / name).write_text(text, "utf-8")
    return 0


# -- pages ------------------------------------------------------------------------------------


def pages(api: Api) -> Iterator[tuple[str, str]]:
    """Each page by its name: all calls in one table, a page a service, and what they share."""
    yield "index.md", "".join([HEAD, *_overview(api)])
    for service in api.services:
        yield service.page, "".join(_service_page(api, service))
    for page in sorted({page for page in api.pages.values() if page.endswith("messages.md")}):
        about = "What calls carry, beside what stands at a service; by name."
        head = f"# Messages of `{_package_of(page)}`\n\n{about}\n"
        yield page, head + "".join(_entries(api, page, _on(api, page)))


def _overview(api: Api) -> Iterator[str]:
    for service in api.services:
        yield f"\n## {_title(service)}\n\n{_prose(_first(service.comment))}\n\n"
        yield "| call | permission | path | what it does |\n|---|---|---|---|\n"
        for method in service.proto.method:
            auth = _auth(method)
            asked = ", ".join(f"`{one}`" for one in auth.permissions) or "none"
            link = f"[{method.name}]({service.page}#{method.name.lower()})"
            does = _cell(_first(service.methods[method.name]).removeprefix(f"{method.name} "))
            yield f"| {link} | {asked} | {_path(method)} | {does} |\n"


def _service_page(api: Api, service: Service) -> Iterator[str]:
    yield f"# {_title(service)}\n\n`{service.package}.{service.proto.name}`,"
    yield f" [{service.source}](../../proto/{service.source})\n\n{_prose(service.comment)}\n"
    told = []
    for method in service.proto.method:
        comment, _, errors = service.methods[method.name].partition("\n Errors:\n")
        yield f"\n## {method.name}\n\n{_prose(comment)}\n\n{_terms(method)}"
        if errors:
            yield "\n| error | when |\n|---|---|\n"
            yield from _errors(errors)
        for name, streams, word in (
            (method.input_type, method.client_streaming, "takes"),
            (method.output_type, method.server_streaming, "answers"),
        ):
            entry = api.entries[name]
            stream = "a stream of " * streams
            if not entry.proto.field:
                yield f"\nIt {word} {stream}`{entry.name}`, which has no fields.\n"
                continue
            yield f"\nIt {word} {stream}`{entry.name}`:\n\n"
            yield from _fields(api, entry, service.page)
            told.append(name)
    rest = [name for name in _on(api, service.page) if not _is_told(api, name, told)]
    if rest:
        yield "\n## Messages\n"
        yield from _entries(api, service.page, rest)


def _is_told(api: Api, name: str, told: Sequence[str]) -> bool:
    proto = api.entries[name].proto
    return name in told or (name.endswith(("Request", "Response")) and not proto.field)


def _entries(api: Api, page: str, names: Sequence[str]) -> Iterator[str]:
    level = "##" if page.endswith("messages.md") else "###"
    for name in names:
        entry = api.entries[name]
        yield f"\n{level} {entry.name}\n\n{_prose(entry.comment)}\n"
        if isinstance(entry.proto, descriptor_pb2.EnumDescriptorProto):
            yield "\n| value | meaning |\n|---|---|\n"
            for value, comment in entry.parts.items():
                yield f"| `{value}` | {_cell(comment.removeprefix(f' {value} '))} |\n"
        elif entry.proto.field:
            yield "\n" + "".join(_fields(api, entry, page))


def _fields(api: Api, entry: Entry, page: str) -> Iterator[str]:
    yield "| field | type | meaning |\n|---|---|---|\n"
    for one in entry.proto.field:
        comment = entry.parts[one.name].removeprefix(f" {one.name} ")
        yield f"| `{one.name}` | {_type(api, one, page)} | {_cell(comment)} |\n"


def _type(api: Api, one: Any, page: str) -> str:
    kinds = descriptor_pb2.FieldDescriptorProto
    name = kinds.Type.Name(one.type).removeprefix("TYPE_").lower()
    if one.type_name:
        entry = api.entries.get(one.type_name)
        if entry and _is_map(entry):
            key, value = (_type(api, inner, page) for inner in entry.proto.field)
            return f"map of {key} to {value}"
        name = one.type_name.rpartition(".")[2].lower() if entry is None else entry.name
        if there := api.pages.get(one.type_name):
            where = "" if there == page else there
            name = f"[{name}]({where}#{_anchor(name)})"
    many = one.label == kinds.LABEL_REPEATED
    choice = " (one of)" if one.HasField("oneof_index") and not one.proto3_optional else ""
    return f"list of {name}" if many else f"{name}{choice}"


def _is_map(entry: Entry) -> bool:
    message = entry.proto
    return isinstance(message, descriptor_pb2.DescriptorProto) and message.options.map_entry


def _terms(method: Any) -> str:
    """Who may call it and what a call counts, as a list."""
    auth = _auth(method)
    enums = auth_options_pb2
    asked = ", ".join(f"`{one}`" for one in auth.permissions)
    roles = ", ".join(
        f"`{role}`" for role, has in PERMISSIONS.items() if set(auth.permissions) <= has
    )
    lines = [
        f"**Permission**: {asked}, which {roles} have" if asked else "**Permission**: none",
        f"**Reaches**: {MEANINGS[enums.AuthScope.Name(auth.scope)]}",
        f"**Effect**: {MEANINGS[enums.Effect.Name(auth.effect)]}"
        + "; leaves an entry in the audit log" * auth.audit,
        f"**A repeat**: {MEANINGS[enums.Idempotency.Name(auth.idempotency)]}",
    ]
    if auth.weight > 1:
        lines.append(f"**Counts** as {auth.weight} calls")
    if auth.by_callback:
        lines.append("**Callback tokens** may make it, about their own task")
    if path := _path(method):
        lines.append(f"**Path**: {path}")
    return "".join(f"- {line}\n" for line in lines)


def _errors(text: str) -> Iterator[str]:
    rows: list[list[str]] = []
    for line in text.splitlines():
        plain = line.removeprefix(" ")
        if found := _ERROR.match(plain):
            rows.append([found[1], found[2]])
        elif plain.strip():
            if not rows or not plain.startswith("   "):
                rows.append(["", ""])  # a sentence about errors that are told elsewhere
            rows[-1][1] += f" {plain.strip()}"
    for code, when in rows:
        linked = re.sub(
            r"\b[A-Z]{2,}(?:_[A-Z]+)+\b",
            lambda found: (
                f"[{found[0]}](../errors.md#reasons)" if found[0] in REASONS else found[0]
            ),
            _escaped(when.strip()),
        )
        yield f"| {code} | {linked} |\n"


def _path(method: Any) -> str:
    rule = method.options.Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return f"`{verb.upper()} {getattr(rule, verb)}`" if verb else ""


def _auth(method: Any) -> Any:
    return method.options.Extensions[auth_options_pb2.auth]


def _on(api: Api, page: str) -> list[str]:
    """The messages and enums of a page; of an enum of reasons, docs/errors.md tells."""
    names = [name for name, there in api.pages.items() if there == page]
    if not page.endswith("messages.md"):
        return names
    return sorted((name for name in names if not name.endswith(".ErrorReason")), key=str.lower)


# -- words ------------------------------------------------------------------------------------


def _prose(comment: str) -> str:
    """A comment as Markdown: its paragraphs, with what is set in as code."""
    lines = [line.removeprefix(" ") for line in comment.strip("\n").splitlines()]
    return "\n".join(line if line.startswith("    ") else _escaped(line) for line in lines).strip()


def _cell(comment: str) -> str:
    """A comment in a table: one line, without its samples."""
    lines = [line.strip() for line in comment.splitlines() if not line.startswith("     ")]
    text = _escaped(" ".join(line for line in lines if line))
    text = text.removeprefix("is ").removeprefix("are ")
    return f"{text[:1].upper()}{text[1:]}"


def _first(comment: str) -> str:
    text = " ".join(line.strip() for line in comment.partition("\n\n")[0].splitlines())
    return re.split(r"(?<=[.]) (?=[A-Z])", text.strip(), maxsplit=1)[0]


def _escaped(text: str) -> str:
    return re.sub(r"([*<>|\[\]])", r"\\\1", text)


def _title(service: Service) -> str:
    version = service.package.rpartition(".")[2]
    return service.proto.name if version == "v1" else f"{service.proto.name} ({version})"


def _package_of(page: str) -> str:
    inner = page.removesuffix("messages.md").rstrip("_")
    return {"": "foliot.v1", "executor": "foliot.executor.v1", "alpha": "foliot.v1alpha"}[inner]


def _anchor(name: str) -> str:
    return re.sub(r"[^\w-]", "", name.lower())


if __name__ == "__main__":
    sys.exit(main())
