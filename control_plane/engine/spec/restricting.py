"""
What a definition says of what models may do: for all of its AI tasks, and for one of them.
"""

from dataclasses import replace
from functools import reduce
from typing import Any

from control_plane.engine.spec.findings import Findings, join
from shared.guardrails.gates import choices
from shared.guardrails.policy import MAX_POLICY_BYTES, Policy, Rule
from shared.guardrails.reading import PolicyInvalid, read_policy
from shared.guardrails.tightening import tighten
from shared.guardrails.writing import dump_policy

WORD = "guardrails"


class Restrictions:
    """Layers of policies in a spec, each read once. They can only narrow what tenants allow."""

    def __init__(self, root: dict[str, Any], findings: Findings) -> None:
        self._findings = findings
        self._of_all = self._layer(root, "")

    def of_task(
        self, body: dict[str, Any], pointer: str, events: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The canonical texts of the layers, the definition's first. The tasks share that one."""
        layers = [one for one in (self._of_all, self._layer(body, pointer)) if one is not None]
        policy = reduce(tighten, (layer for layer, _ in layers), Policy())
        if events and not _may_choose(policy, events):
            self._findings.warning(
                "ai-nothing-to-choose",
                join(pointer, "events"),
                "the definition's own guardrails let a model choose none of these events",
                "allow one in `decisions`, or take the task out",
                witness=events,
            )
        return tuple(text for _, text in layers)

    def _layer(self, body: dict[str, Any], pointer: str) -> tuple[Policy, str] | None:
        """Rule: guardrails are a policy, and no larger than one."""
        if WORD not in body:
            return None
        place = join(pointer, WORD)
        try:
            policy = read_policy(body[WORD])
        except PolicyInvalid as invalid:
            for at, message in invalid.violations.items():
                self._findings.error(
                    "bad-guardrails",
                    f"{place}{at}",
                    f"{at.rpartition('/')[2] or WORD!r} {message}",
                    "write it as a policy for AI tasks is written",
                )
            return None
        text = dump_policy(policy)
        size = len(text.encode())
        if size > MAX_POLICY_BYTES:
            self._findings.error(
                "limit-exceeded",
                place,
                f"the guardrails have {size} bytes; the limit is {MAX_POLICY_BYTES}",
                "say less here, and the rest in a policy of the tenant",
            )
            return None
        return policy, text


def _may_choose(policy: Policy, events: tuple[str, ...]) -> bool:
    if policy.decisions is None:
        policy = replace(policy, decisions={event: Rule() for event in events})
    return bool(choices(policy, events))
