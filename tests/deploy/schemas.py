"""
Schemas in the form that kubeconform reads, one whole file a kind: Kubernetes' own from the package
kubernetes-validate, those of others from the definitions that their projects publish.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

BESIDE = '"/api/_definitions.json#/$defs/'
WITHIN = '"#/$defs/'


def written(folder: Path, tools: Path, kinds: Sequence[str], version: str) -> None:
    """
    Write those of the kinds, such as `deployment-apps-v1`, of Kubernetes' version, and those of
    every definition that was fetched into `tools`/crds. Raises FileNotFoundError for a kind that
    the version does not have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    [found] = tools.glob("lib/python3*/site-packages/kubernetes_validate/kubernetes-json-schema")
    strict = found / f"v{version}-local-strict"
    definitions = json.loads(_within(strict / "_definitions.json"))["$defs"]
    for kind in kinds:
        schema = json.loads(_within(strict / f"{kind}.json"))
        schema.pop("$id", None)
        (folder / f"{kind}.json").write_text(json.dumps({**schema, "$defs": definitions}))
    for path in (tools / "crds").glob("*.yaml"):
        for name, schema in _of_custom_kinds(yaml.safe_load(path.read_text("utf-8"))):
            (folder / f"{name}.json").write_text(json.dumps(schema))


def _within(path: Path) -> str:
    return path.read_text("utf-8").replace(BESIDE, WITHIN)


def _of_custom_kinds(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    spec = definition["spec"]
    group = spec["group"].partition(".")[0]
    for version in spec["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        yield f"{spec['names']['kind'].lower()}-{group}-{version['name']}", _closed(schema)


def _closed(schema: Any) -> Any:
    """
    The same, in which what is not named is refused, as kubectl does; but for what may hold
    anything, and for the root, where Kubernetes adds its own.
    """
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or not schema.get("properties")
    if schema.get("type") == "object" and not is_open:
        closed.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if isinstance(schema.get("properties"), dict) and "metadata" in schema["properties"]:
        closed["properties"]["metadata"] = {"type": "object"}
    return closed
