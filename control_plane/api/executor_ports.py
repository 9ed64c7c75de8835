"""What serving executors takes."""

from dataclasses import dataclass
from datetime import timedelta

from control_plane.api.admission import Admission
from control_plane.orchestrator import Hands
from control_plane.ports.ai_desk import AiDesk
from control_plane.ports.claims import Claims
from control_plane.ports.reader import Reader
from control_plane.use_cases.submits import Submits


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorPorts:
    """`lease` is how long an executor may be silent, `drain` how long a stream outlasts Drain."""

    orchestrator: Submits
    hands: Hands
    claims: Claims
    reader: Reader
    ai: AiDesk
    admission: Admission
    lease: timedelta
    drain: timedelta
    version: str
