"""
What a turn keeps of AI tasks: what binds one from its creation on, what a person is asked to
decide in a model's place, and what they decided.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from control_plane.ports.records import JsonText
from shared.guardrails.gates import Autonomy
from shared.guardrails.policy import Approval
from shared.json import Json
from shared.tasks import Failure

Decision: TypeAlias = Literal["APPROVE", "EDIT", "REJECT", "EXPIRE"]
"""What became of a suggestion: a person's decision, or that its time was over."""

NOT_BELIEVED = "ai.not_believed"
"""What a task fails by whose executor says what the records do not."""

DEFAULT_POLICY = "default"
"""The policy that binds every AI task of a tenant, beside the one that its definition names."""


@dataclass(frozen=True, slots=True)
class NewAiTask:
    """
    An AI task that a decision creates. The versions of `policy`, of DEFAULT_POLICY and of the
    platform's policy that are active when it is kept bind it for good, and so do `guardrails`, of
    its definition. One that `repeats` another has that one's events, policy and guardrails.
    """

    ordinal: int
    policy: str = DEFAULT_POLICY
    events: tuple[str, ...] = ()
    guardrails: tuple[JsonText, ...] = ()
    repeats: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """
    What the control plane itself makes of a recorded answer, by the policy that binds the task.

    With a `failure` the task fails; otherwise `autonomy` says how far the choice may go: ABSTAIN
    has none, and goes to a person as what SHADOW hides and SUGGEST shows. `approval` says who
    decides there.
    """

    failure: Failure | None = None
    autonomy: Autonomy = Autonomy.REFUSE
    choice: str | None = None
    data: Json = None
    confidence: float = 0.0
    reason: str = ""
    """The model's own words, for people."""

    lowered_by: str = ""
    """Why it goes no further than it does: a word of the gates, "" where it may act."""

    call_number: int = 0
    model: str = ""
    cost: int = 0
    events: tuple[str, ...] = ()
    policy_name: str = ""
    policy_version: int = 0
    policy_sha256: str = ""
    approval: Approval = field(default_factory=Approval)


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


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of the suggestion of an AI task; `event` is what was chosen in the end."""

    ordinal: int
    decision: Decision
    event: str | None
    by: str
