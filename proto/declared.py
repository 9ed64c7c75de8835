"""What the protos declare, with what their comments say of it, for pages that are made of it."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import descriptors
from google.protobuf import descriptor_pb2

# ruff: noqa: INP001 -- beside the scripts that use it; there is no package around it

AUDIENCES = ("foliot.v1", "foliot.executor.v1", "foliot.v1alpha")
"""The packages, in the order in which readers want them."""

_NUMBERS = {"service": 6, "message": 4, "enum": 5, "method": 2, "field": 2, "nested": 3, "inner": 4}
"""The field numbers by which comments name what they stand at."""


@dataclass(slots=True)
class Entry:
    """A message or an enum, with its comments by the names of its fields or values."""

    name: str
    comment: str
    proto: Any
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Service:
    """A service, its page, and the comments of its methods."""

    package: str
    comment: str
    proto: Any
    page: str
    source: str
    methods: dict[str, str]


@dataclass(slots=True)
class Api:
    """All of it: what is declared, and on which page each message and enum is told."""

    services: list[Service] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)


def read() -> Api:
    """What the protos declare, with their comments."""
    with tempfile.TemporaryDirectory() as at:
        path = Path(at) / "foliot.binpb"
        if descriptors.write(path, "--include_source_info"):
            raise SystemExit("protoc could not read the protos")
        files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    api = Api()
    for file in files.file:
        if file.package.startswith("foliot.") and not file.name.endswith("_options.proto"):
            _take(api, file)
    api.services.sort(key=lambda one: (AUDIENCES.index(one.package), one.proto.name))
    return api


def _take(api: Api, file: Any) -> None:
    said = {tuple(one.path): one.leading_comments for one in file.source_code_info.location}
    page = f"{_page_of(file.package)}messages.md"
    for number, service in enumerate(file.service):
        path = (_NUMBERS["service"], number)
        page = f"{_page_of(file.package)}{_snake(service.name)}.md"
        methods = {
            method.name: said[(*path, _NUMBERS["method"], at)]
            for at, method in enumerate(service.method)
        }
        api.services.append(Service(file.package, said[path], service, page, file.name, methods))
    for number, message in enumerate(file.message_type):
        _take_message(api, message, file.package, page, said, (_NUMBERS["message"], number))
    for number, enum in enumerate(file.enum_type):
        _take_enum(api, enum, file.package, page, said, (_NUMBERS["enum"], number))


def _take_message(
    api: Api, message: Any, around: str, page: str, said: Mapping[Any, str], path: tuple[int, ...]
) -> None:
    if message.options.map_entry:
        api.entries[f".{around}.{message.name}"] = Entry(message.name, "", message)
        return
    name = f".{around}.{message.name}"
    parts = {
        one.name: said.get((*path, _NUMBERS["field"], at), "")
        for at, one in enumerate(message.field)
    }
    api.entries[name] = Entry(_short(name), said.get(path, ""), message, parts)
    api.pages[name] = page
    for at, inner in enumerate(message.nested_type):
        _take_message(api, inner, name[1:], page, said, (*path, _NUMBERS["nested"], at))
    for at, inner in enumerate(message.enum_type):
        _take_enum(api, inner, name[1:], page, said, (*path, _NUMBERS["inner"], at))


def _take_enum(
    api: Api, enum: Any, around: str, page: str, said: Mapping[Any, str], path: tuple[int, ...]
) -> None:
    name = f".{around}.{enum.name}"
    parts = {
        one.name: said.get((*path, _NUMBERS["field"], at), "") for at, one in enumerate(enum.value)
    }
    api.entries[name] = Entry(_short(name), said.get(path, ""), enum, parts)
    api.pages[name] = page


def _page_of(package: str) -> str:
    inner = package.removeprefix("foliot.").replace(".v1", "").replace("v1", "", 1)
    return f"{inner.replace('.', '_')}_" if inner else ""


def _short(name: str) -> str:
    """A message's name within its package: `Outer.Inner` of one inside another."""
    return re.sub(r"^\.foliot\.(?:executor\.)?v1(?:alpha)?\.", "", name)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
