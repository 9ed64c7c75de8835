"""What a rule yields: a finding, whose severity is its rule's."""

from typing import NamedTuple


class Found(NamedTuple):
    """The arguments of `Findings.add`, in their order."""

    rule: str
    json_pointer: str
    message: str
    remedy: str
    witness: tuple[str, ...] = ()
