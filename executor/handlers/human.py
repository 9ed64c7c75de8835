"""HUMAN tasks: offered by being there; a person ends them by RPC."""

from executor.ports import Ports
from shared.tasks import ClaimedTask, Outcome, TaskType


class HumanHandler:
    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        return type is TaskType.HUMAN

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:  # noqa: ARG002 - nothing to reach
        """The task stays open, without a lease, until CompleteTask or FailTask."""
        return Outcome.awaiting()
