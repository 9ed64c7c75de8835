"""
What a turn keeps of AI tasks: what binds one from its creation on, what a person is asked to
decide in a model's place, and what they decided.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from control_plane.ports.records import JsonText

Decision: TypeAlias = Literal["APPROVE", "EDIT", "REJECT", "EXPIRE"]
"""What became of a suggestion: a person's decision, or that its time was over."""

DEFAULT_POLICY = "default"
"""The policy that binds every AI task of a tenant, beside the one that its definition names."""


@dataclass(frozen=True, slots=True)
class NewAiTask:
    """
    An AI task that a decision creates. The versions of `policy` and of DEFAULT_POLICY that are
    active when it is kept bind it for good. One that `repeats` another has that one's events, and
    its policy's name.
    """

    ordinal: int
    policy: str = DEFAULT_POLICY
    events: tuple[str, ...] = ()
    repeats: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSuggestion:
    """`body` is all that was suggested, and `hash` that text's; `review` is the human task."""

    ordinal: int
    review: int
    hash: str
    body: JsonText
    policy_name: str
    policy_version: int
    proposed: str | None
    is_shadow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of the suggestion of an AI task; `event` is what was chosen in the end."""

    ordinal: int
    decision: Decision
    event: str | None
    by: str
