"""
What is wrong with a spec, as data: where, by which rule, and what to do about it.
"""

from dataclasses import dataclass
from typing import Literal

from shared.errors import DefinitionInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """
    One finding. Errors refuse the spec, warnings do not.

    `json_pointer` is RFC 6901, "" being the whole document. `witness` names what the
    finding is about: the states of a cycle, the two transitions of a conflict.
    """

    severity: Literal["error", "warning"]
    rule: str
    json_pointer: str
    message: str
    remedy: str
    witness: tuple[str, ...] = ()


class SpecInvalid(DefinitionInvalid):
    """A spec cannot be compiled; `diagnostics` holds everything that was found."""

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        errors = [found for found in diagnostics if found.severity == "error"]
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{first.json_pointer or '/'}: {first.message}{more}", diagnostics)
