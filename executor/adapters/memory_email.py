"""Mail in memory: for tests, which say who is refused."""

from collections.abc import Mapping
from datetime import timedelta

from executor.ports.email import (
    Email,
    EmailUnreachable,
    Receipt,
    RefusedRecipient,
    check_refused,
)


class MemoryEmail:
    def __init__(self, refuses: Mapping[str, int] | None = None) -> None:
        """`refuses` has the code for each address that is refused."""
        self._refuses = dict(refuses or {})
        self.sent: list[tuple[Email, Receipt]] = []
        self.is_reachable = True

    async def send(self, message: Email, within: timedelta) -> Receipt:
        del within
        if not self.is_reachable:
            raise EmailUnreachable("the server cannot be reached")
        refused = tuple(
            RefusedRecipient(address=address, code=self._refuses[address], message="no")
            for address in message.recipients
            if address in self._refuses
        )
        check_refused(message, refused)
        receipt = Receipt(
            accepted=tuple(one for one in message.recipients if one not in self._refuses),
            refused=refused,
            response="kept in memory",
        )
        self.sent.append((message, receipt))
        return receipt
