"""
An answer's schema as far as providers take it. What is left out here is held to all the same,
by the judge, on the answer.
"""

from typing import Final

from shared.json import Json

_KEPT: Final = frozenset(
    {"type", "enum", "const", "description", "properties", "required", "items", "anyOf"}
)


def plainly(schema: dict[str, Json]) -> dict[str, Json]:
    """
    The schema in words that every provider's structured outputs know: objects are closed, and
    name all their members as required, for a provider that wants it so; bounds are left out.
    """
    found: dict[str, Json] = {}
    for keyword, value in schema.items():
        if keyword not in _KEPT:
            continue
        if keyword == "properties" and isinstance(value, dict):
            found[keyword] = {name: _inner(one) for name, one in value.items()}
        elif keyword == "items":
            found[keyword] = _inner(value)
        elif keyword == "anyOf" and isinstance(value, list):
            found[keyword] = [_inner(one) for one in value]
        else:
            found[keyword] = value
    if found.get("type") == "object":
        found["additionalProperties"] = False
        found.setdefault("properties", {})
    return found


def can_be_strict(schema: Json) -> bool:
    """Whether a plain schema has no optional members, which strict servers do not know."""
    if not isinstance(schema, dict):
        return False
    properties = schema.get("properties", {})
    if schema.get("type") == "object":
        required = schema.get("required", [])
        if (
            not isinstance(properties, dict)
            or not isinstance(required, list)
            or set(properties) != {one for one in required if isinstance(one, str)}
        ):
            return False
    elif "type" not in schema and "anyOf" not in schema and "enum" not in schema:
        return False
    inner: list[Json] = [*(properties.values() if isinstance(properties, dict) else ())]
    inner += [schema["items"]] if "items" in schema else []
    alternatives = schema.get("anyOf")
    inner += alternatives if isinstance(alternatives, list) else []
    return all(can_be_strict(one) for one in inner)


def _inner(schema: Json) -> Json:
    return plainly(schema) if isinstance(schema, dict) else {}
