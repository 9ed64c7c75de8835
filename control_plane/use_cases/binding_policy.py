"""The policy that binds an AI task: what all of the layers that were pinned for it allow."""

from control_plane.ports.ai_desk import AiTask
from shared.guardrails.policy import Policy
from shared.guardrails.reading import parse_policy
from shared.guardrails.tightening import effective


def binding_policy(task: AiTask) -> Policy | None:
    """
    What holds for the task from its creation on, settled. None if the policy that its definition
    names was not active then: nothing may be asked for it.
    """
    if task.policy is None:
        return None
    layers = (task.platform, task.default, task.policy, *task.guardrails)
    return effective(parse_policy(one) for one in dict.fromkeys(layers) if one is not None)
