"""
The engine: what a spec means, and what an event does to an instance of it.

    compile_spec(text) -> Machine              once, when a definition is created
    decide(machine, snapshot, event, now)      for everything that happens to an instance

Pure: time comes in as an argument, tasks are named by their number within the
instance, and what is to be done outside goes out as commands.

A *configuration* is the set of active states. One event is taken as a *macrostep*: a chain of
*microsteps*, in each of which transitions leave some states and enter others, until nothing
follows without another event. An event's way through the files:

    decide          takes the snapshot, makes a `turn` of it, and asks for a macrostep
    macrostep       the loop: an event, then eventless transitions, then what was raised
    configurations  which transitions answer in the active states
    plans           what taking them does, in order: worked out once by `procedures`, then kept
    actions, operations, invocations, groups     what is done, one by one, to the `turn`
    settling        makes the `decision`: the next snapshot, commands, history
    outcomes, interventions     the same for what comes from inside, and for what operators do

Apart from that: `spec` makes a machine of a text, `expressions` is the language in it;
`explaining` and `summing_up` say why an instance stands where it does; `comparing`, `matching`
and `continuing` hold two machines against each other; `storing` and `folding` are for what is
kept.
"""

from control_plane.engine.changes import Change
from control_plane.engine.choosing import review_of
from control_plane.engine.commands import (
    ArmTimer,
    CancelTask,
    Command,
    CreateTask,
    DisarmTimer,
    RepeatTask,
    StartChild,
)
from control_plane.engine.comparing import Comparison, Renamed, compare
from control_plane.engine.compiling import check_spec, compile_spec
from control_plane.engine.continuing import Compatibility, Reason
from control_plane.engine.decide import decide
from control_plane.engine.decision import (
    Considered,
    Decision,
    Disposition,
    Entry,
    EventNotAccepted,
    ExpressionFailed,
    InstanceClosed,
    LimitExceeded,
    Microstep,
    Refusal,
    Trace,
)
from control_plane.engine.diagnostics import Diagnostic, SpecInvalid
from control_plane.engine.difference_words import difference_words
from control_plane.engine.events import (
    Cancelled,
    Event,
    Received,
    Redriven,
    Resumed,
    Retried,
    Started,
    Suggested,
    TaskFailed,
    TaskSkipped,
    TaskSucceeded,
    Terminated,
    TimerFired,
)
from control_plane.engine.explaining import (
    AwaitedTask,
    AwaitedTimer,
    Candidate,
    Explanation,
    explain,
    timers_of,
)
from control_plane.engine.folding import event_of, fold
from control_plane.engine.machine import Machine
from control_plane.engine.machine_cache import MachineCache
from control_plane.engine.render import render_mermaid
from control_plane.engine.snapshot import OpenTask, OpenTimer, Snapshot
from control_plane.engine.spec.schema import spec_schema
from control_plane.engine.state_value import value_of
from control_plane.engine.storing import SnapshotUnreadable, dump_snapshot, load_snapshot

__all__ = [
    "ArmTimer",
    "AwaitedTask",
    "AwaitedTimer",
    "CancelTask",
    "Cancelled",
    "Candidate",
    "Change",
    "Command",
    "Comparison",
    "Compatibility",
    "Considered",
    "CreateTask",
    "Decision",
    "Diagnostic",
    "DisarmTimer",
    "Disposition",
    "Entry",
    "Event",
    "EventNotAccepted",
    "Explanation",
    "ExpressionFailed",
    "InstanceClosed",
    "LimitExceeded",
    "Machine",
    "MachineCache",
    "Microstep",
    "OpenTask",
    "OpenTimer",
    "Reason",
    "Received",
    "Redriven",
    "Refusal",
    "Renamed",
    "RepeatTask",
    "Resumed",
    "Retried",
    "Snapshot",
    "SnapshotUnreadable",
    "SpecInvalid",
    "StartChild",
    "Started",
    "Suggested",
    "TaskFailed",
    "TaskSkipped",
    "TaskSucceeded",
    "Terminated",
    "TimerFired",
    "Trace",
    "check_spec",
    "compare",
    "compile_spec",
    "decide",
    "difference_words",
    "dump_snapshot",
    "event_of",
    "explain",
    "fold",
    "load_snapshot",
    "render_mermaid",
    "review_of",
    "spec_schema",
    "timers_of",
    "value_of",
]
