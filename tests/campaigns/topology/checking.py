"""What was seen against what the database has: pure, and all that must not be is told."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.campaigns.topology.seen import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An instance as the database has it in the end."""

    key: str
    status: str
    applied: Sequence[str] = ()
    """Ids of the events that were applied, in order."""
    entries: int = 0
    """How many there are in its history."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """What its tasks came to, by their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One run of a handler."""

    task: str
    key: str
    run: str


def check(seen: Seen, kept: Mapping[str, Kept], effects: Sequence[Effect]) -> list[str]:
    """Sentences, none if all is well."""
    return [
        *_calls(seen),
        *_instances(seen, kept),
        *_events(seen, kept),
        *_tasks(seen, kept, effects),
        *_watches(seen, kept),
        *_followers(seen, kept),
    ]


def _calls(seen: Seen) -> Iterator[str]:
    for call in seen.calls:
        if call.failed:
            yield f"{call.method} failed with {call.failed} in {call.phase}, after its retries"


def _instances(seen: Seen, kept: Mapping[str, Kept]) -> Iterator[str]:
    for key, instance_id in seen.started.items():
        instance = kept.get(instance_id)
        if instance is None or instance.key != key:
            yield f"the start of {key} was acknowledged as {instance_id}, which is not there"
        elif instance.status != "completed":
            yield f"{key} is {instance.status}, not completed"
    for key, count in Counter(instance.key for instance in kept.values()).items():
        if count > 1:
            yield f"{key} was started {count} times"


def _events(seen: Seen, kept: Mapping[str, Kept]) -> Iterator[str]:
    for instance_id, sent in seen.sent.items():
        applied = list(kept[instance_id].applied) if instance_id in kept else []
        if applied != sent:
            yield f"{instance_id} was sent {sent}, and applied {applied}"


def _tasks(seen: Seen, kept: Mapping[str, Kept], effects: Sequence[Effect]) -> Iterator[str]:
    outputs = {
        task: output for instance in kept.values() for task, output in instance.outputs.items()
    }
    for task, output in seen.decided.items():
        if outputs.get(task) != {"answer": output}:
            yield f"the decision {output} of {task} was acknowledged, and is not there"
    for task, run in seen.reported.items():
        if outputs.get(task) != {"run": run}:
            yield f"the outcome {run} of {task} was acknowledged, and is not there"
    runs = {effect.task: effect.run for effect in effects}
    for task, output in outputs.items():
        if isinstance(output, dict) and "run" in output and runs.get(task) != output["run"]:
            yield f"{task} has the outcome {output['run']}, of a run that nobody made"
    # Processes were told to end, and had time to: a second run of a task would be work lost.
    for key, count in Counter(effect.key for effect in effects).items():
        if count > 1:
            yield f"the task with the key {key} was carried out {count} times"


def _watches(seen: Seen, kept: Mapping[str, Kept]) -> Iterator[str]:
    for watch, told in seen.watched.items():
        instance = kept.get(watch.partition(":")[2])
        if instance is None or told != list(range(1, instance.entries + 1)):
            yield f"watch {watch} was told {told}, not 1 to {instance and instance.entries}"
        if watch not in seen.closed:
            yield f"watch {watch} did not end with its instance"


def _followers(seen: Seen, kept: Mapping[str, Kept]) -> Iterator[str]:
    for follower, told in seen.followed.items():
        heard: dict[str, list[int]] = {}
        for instance_id, seq in told:
            heard.setdefault(instance_id, []).append(seq)
        for instance_id, instance in kept.items():
            if heard.get(instance_id, []) != list(range(1, instance.entries + 1)):
                yield (
                    f"follower {follower} was told {heard.get(instance_id)} of {instance_id},"
                    f" not 1 to {instance.entries}"
                )
