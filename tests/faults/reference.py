"""
What foliot ought to do, as simply as it can be said: one definition, its instances and
tasks as plain values, and every request as a few lines. No database, no batches, no races.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from shared.ids import InstanceId, SessionId

SPEC: dict[str, Any] = {
    "id": "model",
    "unhandled": "defer",
    "context": {"notes": ""},
    "initial": "live",
    "states": {
        "live": {
            "type": "parallel",
            "on": {
                "NOTE": {
                    "actions": {
                        "type": "@assign",
                        "context": {"notes": {"@expr": "context.notes + event.text"}},
                    }
                },
                "STOP": "over",
            },
            "states": {
                "work": {
                    "initial": "idle",
                    "states": {
                        "idle": {"on": {"GO": "busy"}},
                        "busy": {
                            "invoke": {
                                "id": "work",
                                "src": "system.noop",
                                "retry": {
                                    "maxAttempts": 3,
                                    "initial": "PT10S",
                                    "factor": 1,
                                    "jitter": 0,
                                },
                                "onDone": "idle",
                                "onError": "broken",
                            }
                        },
                        "broken": {"on": {"FIX": "idle"}},
                    },
                },
                "people": {
                    "initial": "asking",
                    "states": {
                        "asking": {
                            "invoke": {
                                "id": "ask",
                                "src": "human",
                                "retry": {"maxAttempts": 1},
                                "onDone": "told",
                                "onError": "told",
                            }
                        },
                        "told": {"on": {"ASK": "asking"}},
                    },
                },
                "clock": {
                    "initial": "ticking",
                    "states": {
                        "ticking": {"after": {"PT30S": "rung"}},
                        "rung": {"on": {"WIND": "ticking"}},
                    },
                },
            },
        },
        "over": {"type": "final"},
    },
}

EVENTS = ("NOTE", "GO", "FIX", "ASK", "WIND", "STOP")
RETRY_IN = timedelta(seconds=10)
RINGS_IN = timedelta(seconds=30)
SESSION_TTL = timedelta(seconds=20)
MAX_ATTEMPTS = {"work": 3, "ask": 1}


OUTCOME = "task.outcome"
Kept: TypeAlias = tuple[str, str, str | tuple[int, bool]]
"""What waits in the inbox: event id, type, and its text; or how which task ended."""


@dataclass(slots=True)
class Lease:
    session_id: SessionId
    attempt: int
    epoch: int


@dataclass(slots=True)
class Task:
    """A task. `attempt` and `epoch` are those of its last hand-out; the row's come behind."""

    name: str
    run_at: datetime
    place: str = "ready"  # ready, delayed, leased, parked; ended
    status: str = "pending"
    attempt: int = 0
    epoch: int = 0
    lease: Lease | None = None
    is_begun: bool = False
    is_idle: bool = False
    is_withheld: bool = False
    row_attempt: int = 0
    row_epoch: int = 0
    row_lost: int = 0

    @property
    def is_open(self) -> bool:
        return self.place != "ended"

    def end(self, status: str) -> None:
        """Whoever has it keeps the lease until it has stopped, or another one has ended it."""
        self.place, self.status = "ended", status
        self.is_idle = self.is_begun = self.is_withheld = False


@dataclass(slots=True)
class Instance:
    started_at: datetime
    business_key: str | None
    status: str = "live"
    work: str = "idle"
    people: str = "told"
    clock: str = "rung"
    notes: str = ""
    rings_at: datetime | None = None
    tasks: dict[int, Task] = field(default_factory=dict)
    deferred: list[Kept] = field(default_factory=list)
    answers: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    is_paused: bool = False
    has_rung: bool = False
    """Whether something became claimable since somebody looked."""

    @property
    def is_closed(self) -> bool:
        return self.status != "live"

    @property
    def status_told(self) -> str:
        if self.is_closed:
            return self.status
        busy = any(task.is_open and not task.is_idle for task in self.tasks.values())
        return "running" if busy else "waiting"

    @property
    def state_told(self) -> Any:
        if self.status == "completed":
            return "over"
        return {"live": {"work": self.work, "people": self.people, "clock": self.clock}}

    def open_tasks(self) -> Iterator[tuple[int, Task]]:
        return ((ordinal, task) for ordinal, task in self.tasks.items() if task.is_open)

    # --- the statechart ------------------------------------------------------------------

    def begin(self, now: datetime) -> None:
        self.ask(now)
        self.wind(now)

    def ask(self, now: datetime) -> None:
        self.people = "asking"
        self._create("ask", now)

    def wind(self, now: datetime) -> None:
        self.clock, self.rings_at = "ticking", now + RINGS_IN

    def accepts(self, event: str) -> bool:
        match event:
            case "GO":
                return self.work == "idle"
            case "FIX":
                return self.work == "broken"
            case "ASK":
                return self.people == "told"
            case "WIND":
                return self.clock == "rung"
            case _:
                return True

    def take(self, event: str, text: str, now: datetime) -> None:
        """An event that is accepted."""
        match event:
            case "NOTE":
                self.notes += text
            case "GO":
                self.work = "busy"
                self._create("work", now)
            case "FIX":
                self.work = "idle"
            case "ASK":
                self.ask(now)
            case "WIND":
                self.wind(now)
            case "STOP":
                self.close("completed")

    def drain(self, now: datetime) -> None:
        """Apply what was kept for later, the earliest first after each that was applied."""
        index = 0
        while index < len(self.deferred) and not self.is_closed and not self.is_paused:
            _, event, text = self.deferred[index]
            if not isinstance(text, str):
                del self.deferred[index]
                ordinal, well = text
                self._conclude(self.tasks[ordinal], well)
                index = 0
            elif self.accepts(event):
                del self.deferred[index]
                self.take(event, text, now)
                index = 0
            else:
                index += 1

    def close(self, status: str) -> None:
        self.status, self.rings_at, self.is_paused = status, None, False
        self.deferred.clear()
        for _, task in self.open_tasks():
            task.end("cancelled")

    def ended(self, task: Task, *, well: bool) -> None:
        if task.name == "work":
            self.work = "idle" if well else "broken"
        else:
            self.people = "told"

    def _create(self, name: str, now: datetime) -> None:
        self.tasks[len(self.tasks) + 1] = Task(name, now)
        self.has_rung = True

    def _conclude(self, task: Task, well: bool) -> None:
        task.end("succeeded" if well else "failed")
        task.lease = None
        self.ended(task, well=well)

    # --- what is asked of it -------------------------------------------------------------

    def send(self, event_id: str, event: str, text: str, now: datetime) -> dict[str, Any]:
        if event_id in self.answers:
            kept_event, kept_text, disposition = self.answers[event_id]
            if (kept_event, kept_text) != (event, text):
                return {"error": "IDEMPOTENCY_MISMATCH"}
            return {"disposition": disposition, "duplicate": True}
        if self.is_closed:
            return {"error": "INSTANCE_CLOSED"}
        if self.accepts(event) and not self.is_paused:
            disposition = "APPLIED"
            self.take(event, text, now)
            self.drain(now)
        else:
            disposition = "DEFERRED"
            self.deferred.append((event_id, event, text))
        if event_id:
            self.answers[event_id] = event, text, disposition
        return {"disposition": disposition, "duplicate": False}

    def cancel(self, now: datetime) -> dict[str, Any]:
        if self.status == "cancelled":
            return {"duplicate": True}
        if self.is_closed:
            return {"error": "INSTANCE_CLOSED"}
        self.resume(now)
        if self.is_closed:
            return {"error": "INSTANCE_CLOSED"}
        self.close("cancelled")
        return {"duplicate": False}

    def terminate(self) -> dict[str, Any]:
        if self.status == "cancelled":
            return {"duplicate": True}
        if self.is_closed:
            return {"error": "INSTANCE_CLOSED"}
        self.close("cancelled")
        return {"duplicate": False}

    def pause(self) -> dict[str, Any]:
        if self.is_closed:
            return {"error": "INSTANCE_CLOSED"}
        was, self.is_paused = self.is_paused, True
        return {"duplicate": was}

    def resume(self, now: datetime) -> dict[str, Any]:
        if self.is_closed:
            return {"error": "INSTANCE_CLOSED"}
        was, self.is_paused = self.is_paused, False
        if was:
            for task in self.tasks.values():
                task.is_withheld = False
            self.drain(now)
        return {"duplicate": not was}

    def report(self, ordinal: int, epoch: int, ending: str, now: datetime) -> dict[str, Any]:
        task = self.tasks[ordinal]
        lease = task.lease
        if lease is not None and lease.epoch == epoch and not task.is_open:
            task.lease = None
            return {"verdict": "LEASE_LOST"}
        if lease is None or lease.epoch != epoch:
            return {"verdict": "DUPLICATE" if epoch == task.row_epoch else "LEASE_LOST"}
        task.row_attempt, task.row_epoch = lease.attempt, lease.epoch
        task.lease, task.is_idle, task.is_begun = None, False, False
        if ending == "awaiting":
            task.place, task.status, task.is_idle = "parked", "running", True
        else:
            self._settled(ordinal, ending == "succeeded", lease.attempt, now)
        self.drain(now)
        return {"verdict": "APPLIED"}

    def begun(self, ordinal: int, epoch: int) -> dict[str, Any]:
        task = self.tasks[ordinal]
        lease = task.lease
        if not task.is_open or lease is None or lease.epoch != epoch or task.is_begun:
            return {"disposition": "IGNORED"}
        task.is_begun, task.status, task.row_attempt = True, "running", lease.attempt
        return {"disposition": "APPLIED"}

    def expire(self, ordinal: int, epoch: int, now: datetime) -> dict[str, Any]:
        task = self.tasks[ordinal]
        lease = task.lease
        if not task.is_open or lease is None or lease.epoch != epoch:
            return {"disposition": "IGNORED"}
        task.row_lost = lease.epoch
        task.place, task.status, task.lease = "ready", "pending", None
        task.is_begun = task.is_idle = False
        task.attempt, task.epoch, task.run_at = lease.attempt - 1, lease.epoch, now
        if self.is_paused:
            task.place, task.is_withheld = "delayed", True
        else:
            self.has_rung = True
        return {"disposition": "APPLIED"}

    def settle(self, ordinal: int, *, well: bool, now: datetime) -> dict[str, Any]:
        task = self.tasks[ordinal]
        has_ended = any(
            not isinstance(text, str) and text[0] == ordinal for *_, text in self.deferred
        )
        if not task.is_open or has_ended:
            return {"error": "TASK_CLOSED"}
        if task.name != "ask" and task.place != "parked":
            return {"error": "TASK_NOT_COMPLETABLE"}
        lease = task.lease
        if lease is not None:
            task.row_attempt, task.row_epoch = lease.attempt, lease.epoch
        task.lease, task.is_idle, task.is_begun = None, False, False
        attempt = max(task.row_attempt, 1)
        self._settled(ordinal, well, attempt, now)
        self.drain(now)
        return {"disposition": "APPLIED"}

    def fire(self, now: datetime) -> None:
        """Its timer, which is due."""
        self.rings_at, self.clock = None, "rung"
        self.drain(now)

    def _settled(self, ordinal: int, well: bool, attempt: int, now: datetime) -> None:
        task = self.tasks[ordinal]
        if not well and attempt < MAX_ATTEMPTS[task.name]:
            task.place, task.status, task.is_idle = "delayed", "pending", True
            task.run_at = now + RETRY_IN
            task.attempt = attempt
            task.epoch = max(task.row_epoch, task.row_lost)
            task.is_withheld = self.is_paused
        elif self.is_paused:
            task.place, task.status, task.is_idle = "parked", "running", True
            self.deferred.append(("", OUTCOME, (ordinal, well)))
        else:
            self._conclude(task, well)


@dataclass(slots=True)
class Reference:
    """Everything there ought to be."""

    now: datetime
    instances: dict[InstanceId, Instance] = field(default_factory=dict)
    sessions: dict[SessionId, datetime] = field(default_factory=dict)
    keys: dict[str, InstanceId] = field(default_factory=dict)
    requests: dict[str, tuple[str | None, InstanceId]] = field(default_factory=dict)

    def start(self, instance_id: InstanceId, key: str | None, request_id: str) -> dict[str, Any]:
        if request_id in self.requests:
            kept_key, kept_id = self.requests[request_id]
            if kept_key != key:
                return {"error": "IDEMPOTENCY_MISMATCH"}
            return {"instance_id": kept_id, "duplicate": True}
        if key is not None and key in self.keys:
            # "Use the existing one" looks for any that ever was: one instance a key.
            return {"instance_id": self.keys[key], "duplicate": True}
        instance = self.instances[instance_id] = Instance(self.now, key)
        instance.begin(self.now)
        if key is not None:
            self.keys[key] = instance_id
        if request_id:
            self.requests[request_id] = key, instance_id
        return {"instance_id": instance_id, "duplicate": False}

    def claimable(self) -> list[tuple[InstanceId, int]]:
        """What a claim may hand out now."""
        return [
            (instance_id, ordinal)
            for instance_id, instance in self.instances.items()
            for ordinal, task in instance.open_tasks()
            if task.place == "ready" or _is_due(task, self.now)
        ]

    def release_delayed(self) -> None:
        for instance in self.instances.values():
            for _, task in instance.open_tasks():
                if _is_due(task, self.now):
                    task.place = "ready"

    def claim(self, session_id: SessionId, key: tuple[InstanceId, int]) -> Lease:
        instance_id, ordinal = key
        task = self.instances[instance_id].tasks[ordinal]
        task.lease = Lease(session_id, task.attempt + 1, task.epoch + 1)
        task.place = "leased"
        return task.lease

    def release(self, key: tuple[InstanceId, int]) -> None:
        task = self.instances[key[0]].tasks[key[1]]
        assert task.lease is not None
        if task.is_open:
            task.attempt, task.epoch = task.lease.attempt - 1, task.lease.epoch
            task.place = "ready"
        task.lease = None

    def expired(self) -> dict[tuple[InstanceId, int], int]:
        """The epochs of leases whose session is over."""
        return {
            (instance_id, ordinal): task.lease.epoch
            for instance_id, instance in self.instances.items()
            for ordinal, task in instance.tasks.items()
            if task.lease is not None
            and self.sessions.get(task.lease.session_id, self.now) <= self.now
        }

    def due(self) -> list[InstanceId]:
        """Instances whose timer has come."""
        return [
            instance_id
            for instance_id, instance in self.instances.items()
            if instance.rings_at is not None
            and instance.rings_at <= self.now
            and not instance.is_paused
        ]


def _is_due(task: Task, now: datetime) -> bool:
    return task.place == "delayed" and not task.is_withheld and task.run_at <= now
