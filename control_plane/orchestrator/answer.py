"""What a request comes to, once it is committed."""

from enum import Enum

from control_plane.engine.decision import Disposition
from control_plane.ports.records import Instance, InstanceStatus, JsonText
from shared import json
from shared.frozen import frozen
from shared.ids import InstanceId, parse_uuid


class Verdict(Enum):
    """What became of an executor's outcome. Each is final."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    LEASE_LOST = "lease_lost"
    REFUSED = "refused"


@frozen
class Answer:
    """
    How the instance stands after the request, and what was done about it.

    `created` is for starts, `duplicate` for what was asked before, `verdict` for outcomes; with
    one `state` is null.
    """

    instance_id: InstanceId
    revision: int
    status: InstanceStatus
    state: JsonText
    disposition: Disposition = "APPLIED"
    created: bool = False
    duplicate: bool = False
    verdict: Verdict | None = None
    instance: Instance | None = None
    """The whole row as it is now, for a start that created it."""
    reason: str = ""
    """Why an outcome was refused, for people."""
    cause: str | None = None
    """The traceparent of what the request followed: of an outcome that of its task."""

    def stored(self) -> JsonText:
        """As kept under a request id or an event id."""
        return json.dump(
            {
                "instance_id": str(self.instance_id),
                "revision": self.revision,
                "status": self.status,
                "state": self.state,
                "disposition": self.disposition,
                "created": self.created,
            }
        )

    @classmethod
    def repeated(cls, stored: JsonText) -> "Answer":
        """The first answer again, marked as a duplicate."""
        kept = json.load(stored)
        if not isinstance(kept, dict):
            raise TypeError("a stored answer is an object")
        return cls(
            instance_id=InstanceId(parse_uuid(str(kept["instance_id"]), "instance_id")),
            revision=int(str(kept["revision"])),
            status=kept["status"],  # type: ignore[arg-type]  # written by `stored`
            state=str(kept["state"]),
            disposition=kept["disposition"],  # type: ignore[arg-type]  # written by `stored`
            created=bool(kept["created"]),
            duplicate=True,
        )
