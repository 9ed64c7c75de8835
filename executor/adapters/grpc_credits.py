"""
What a control plane may assign on one stream, and was told of.

The limit counts from the stream's beginning: so it is right whatever is on its way, and
saying it again changes nothing.
"""

from foliot.executor.v1 import executor_service_pb2 as pb

from executor.ports.control_plane import Instructions


class Credits:
    def __init__(self) -> None:
        self.was_lent = False
        """Whether anything could be assigned."""
        self._assigned = 0
        self._told = pb.Credits()

    def use(self, count: int) -> None:
        """So many tasks were assigned."""
        self._assigned += count

    def now(self, instructions: Instructions) -> pb.Credits | None:
        """What to tell; None if it has been told already."""
        limit = self._assigned + instructions.free
        if (limit, instructions.has_backlog) == (self._told.limit, self._told.has_backlog):
            return None
        self._told = pb.Credits(limit=limit, has_backlog=instructions.has_backlog)
        self.was_lent = self.was_lent or limit > 0
        return self._told
