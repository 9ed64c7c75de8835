"""
The CEL specification's own test vectors, read from the npm package `@bufbuild/cel-spec`,
which `make conformance-cel` fetches and which is never committed.
"""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DIRECTORY: Final = Path(__file__).resolve().parents[3] / "build" / "cel-spec" / "package"
"""Where the package is unpacked."""

_DATA: Final = "dist/cjs/testdata/conformance.js"
_READ: Final = "process.stdout.write(JSON.stringify(require(process.argv[1]).tests))"

CORE: Final = frozenset(
    {
        *("basic", "comparisons", "conversions", "fields", "fp_math", "integer_math", "lists"),
        *("logic", "macros", "namespace", "parse", "plumbing", "string", "timestamps"),
    }
)
"""Sections of the specification that the language is held to."""

EXTENSIONS: Final = frozenset({"string_ext", "math_ext"})
"""Libraries of which it takes a part."""

_NOT_JSON: Final = {
    r"(?<![\w'\"])[bB][rR]?['\"]|\bbytes\(|bytesValue": "bytes are not JSON",
    r"\b(?:\d+|0[xX][0-9a-fA-F]+)[uU]\b|\buint\(|uint64Value": "uint is not JSON",
    r"TestAllTypes|google\.protobuf|\bproto[23]\b|objectValue|enumValue": (
        "protobuf messages are not JSON"
    ),
    r"\btype\(|typeValue": "types are not values in JSON",
}
_NOT_TAKEN: Final = {
    r"\.format\(|strings\.quote|math\.bit": "a function the language does not take",
}
_TYPE_NAMES: Final = frozenset({"bool", "int", "double", "string", "list", "map", "dyn", "type"})


@dataclass(frozen=True, slots=True)
class Vector:
    name: str
    """Section, group and name, and a number where that is not unique."""

    section: str
    original: dict[str, Any]

    @property
    def text(self) -> str:
        return str(self.original["expr"])

    @property
    def outside(self) -> str | None:
        """Why this vector says nothing about a language over JSON, if it does not."""
        if self.section not in CORE | EXTENSIONS:
            return f"{self.section} is about protobuf, or a library the language does not take"
        if "container" in self.original or any("." in name for name in self.names):
            return "names with dots need protobuf's containers"
        if self.text in _TYPE_NAMES:
            return "types are not values in JSON"
        data = json.dumps([self.original.get("value"), self.original.get("bindings")])
        for pattern, reason in (_NOT_JSON | _NOT_TAKEN).items():
            if re.search(pattern, f"{self.text} {data}"):
                return reason
        return None

    @property
    def names(self) -> frozenset[str]:
        """What the expression may use."""
        declared = {entry["name"] for entry in self.original.get("typeEnv", ())}
        return frozenset(declared | set(self.original.get("bindings", {})))


def why_not() -> str | None:
    """Why the vectors cannot be read here."""
    if not Path(DIRECTORY, _DATA).exists():
        return "the specification's vectors are not here; make conformance-cel fetches them"
    if shutil.which("node") is None:
        return "the specification's vectors are JavaScript; install node to read them"
    return None


def vectors() -> list[Vector]:
    """All of them, in their order. None if they cannot be read."""
    if why_not():
        return []
    node = shutil.which("node")
    assert node is not None
    command = [node, "-e", _READ, str(DIRECTORY / _DATA)]
    suite = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    seen: Counter[str] = Counter()
    found: list[Vector] = []
    for section in suite["suites"]:
        for name, original in _tests(section, section["name"]):
            seen[name] += 1
            unique = name if seen[name] == 1 else f"{name}#{seen[name]}"
            found.append(Vector(unique, section["name"], original))
    return found


def _tests(suite: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for test in suite.get("tests", ()):
        original = test["original"]
        yield f"{path}/{original.get('name') or original['expr']}", original
    for inner in suite.get("suites", ()):
        yield from _tests(inner, f"{path}/{inner['name']}")
