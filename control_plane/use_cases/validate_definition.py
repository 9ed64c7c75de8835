"""Say what is wrong with a spec, and keep nothing."""

from collections.abc import Sequence

from control_plane.engine import Diagnostic, Machine, check_spec
from control_plane.use_cases.offers import unavailable
from shared.errors import InvalidJson, InvalidRequest, LimitExceeded
from shared.json import MAX_DEPTH, parse

MAX_SPEC_BYTES = 512 * 1024
MAX_SPEC_DEPTH = 4 * MAX_DEPTH
"""States nest, and what is in them too; the engine has its own bound for each."""

MAX_DIAGNOSTICS = 100

NOT_AVAILABLE = "task-type-not-available"
"""A rule that is none of the engine's: what it asks is what this server can do."""


def validate_definition(spec: str) -> Sequence[Diagnostic]:
    """
    What the validator has to say, errors first, each in the order of the spec; and then, of
    one without errors, why this server would not activate it.

    A spec with errors is a good question and gets its answer. Raises InvalidJson for a
    text that is not JSON, LimitExceeded for one that is too large.
    """
    check_text(spec)
    return diagnose(spec)[1][:MAX_DIAGNOSTICS]


def diagnose(spec: str) -> tuple[Machine | None, Sequence[Diagnostic]]:
    """The same of a text that has been looked at, with what it compiles to if it has no errors."""
    machine, found = check_spec(spec)
    if machine is None:
        return None, found
    not_offered = [
        Diagnostic(
            severity="warning",
            rule=NOT_AVAILABLE,
            json_pointer=one.json_pointer,
            message=f"servers of this release do not offer {one.what}, and will not activate this",
            remedy=one.instead,
        )
        for one in unavailable(machine)
    ]
    return machine, [*found, *not_offered]


def check_text(spec: str, field: str = "spec") -> str:
    """The same text, if it is JSON within the limits; the errors are those of validating it."""
    if not spec:
        raise InvalidRequest(f"{field} is required: a machine config as JSON text", field=field)
    size = len(spec.encode())
    if size > MAX_SPEC_BYTES:
        raise LimitExceeded(f"{field} bytes", actual=size, maximum=MAX_SPEC_BYTES, field=field)
    if "\0" in spec:
        raise InvalidJson(f"{field} is not JSON: it holds a NUL character", field=field)
    parse(spec, field, max_bytes=MAX_SPEC_BYTES, max_depth=MAX_SPEC_DEPTH)
    return spec
