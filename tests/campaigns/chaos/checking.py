"""
The checker: what callers were told, what handlers did and what watchers saw, against one
another and against the database. Pure; what it finds has the invariant's name.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.campaigns.chaos.dealings import BRIEF
from tests.campaigns.chaos.evidence import Entry, Evidence, Instance
from tests.campaigns.chaos.logs import Line
from tests.campaigns.chaos.shop import OWN

TAKEN_IN = frozenset({"OUTCOME_VERDICT_APPLIED", "OUTCOME_VERDICT_DUPLICATE"})
BY_EXECUTORS = frozenset({"SYSTEM", "HTTP", "TIMER"})
CLOSING = frozenset(
    {"INSTANCE_COMPLETED", "INSTANCE_FAILED", "INSTANCE_CANCELLED", "INSTANCE_TERMINATED"}
)


LATER = "later-"
UNDO = "undo-"

GONE = Instance(key=None, status="gone")


class Violation(NamedTuple):
    invariant: str
    what: str


def check(evidence: Evidence) -> list[Violation]:
    """Everything that must not be."""
    return [violation for looks in CHECKS for violation in looks(evidence)]


# --- callers ----------------------------------------------------------------------------------


def check_acknowledged(evidence: Evidence) -> Iterator[Violation]:
    """What was acknowledged is there, whatever happened since; what was refused is not."""
    for asked, outcome in _requests(evidence.client):
        verify = _VERIFY.get(asked["kind"])
        if verify is not None:
            yield from verify(evidence, asked, outcome)


def _start(evidence: Evidence, asked: Line, outcome: Line) -> Iterator[Violation]:
    if outcome["what"] != "answered":
        if not _is_gone_unheard(asked, outcome):
            yield Violation("I1", f"start {asked['key']} was refused: {outcome.get('code')}")
        return
    instance = evidence.instances.get(outcome["instance"])
    if instance is None and outcome["instance"] in _removed(evidence):
        return
    if instance is None or instance.key != asked["key"]:
        yield Violation(
            "I1",
            f"start {asked['key']} was acknowledged as {outcome['instance']}, which is not there",
        )
    elif "event" in asked and asked["event"] not in _applied(instance):
        yield Violation("I1", f"{asked['key']} was started with an event, which is not there")


def _event(evidence: Evidence, asked: Line, outcome: Line) -> Iterator[Violation]:
    instance = evidence.instances.get(asked["instance"], GONE)
    applied = _applied(instance).count(asked["event"])
    turned_away = any(
        entry.type == "EVENT_REJECTED" and entry.said().get("event_id") == asked["event"]
        for entry in instance.history
    )
    where = f"event {asked['event']} of {asked['instance']}"
    if applied > 1:
        yield Violation("I17", f"{where} was applied {applied} times")
    if outcome["what"] == "answered" and not applied and not turned_away:
        yield Violation("I1", f"{where} was acknowledged, and is nowhere")
    if outcome["what"] == "refused" and applied:
        yield Violation("I19", f"{where} was refused ({outcome['code']}), and was applied")


def _decide(evidence: Evidence, asked: Line, outcome: Line) -> Iterator[Violation]:
    instance = evidence.instances.get(asked["instance"], GONE)
    ours = any(
        task.type == "HUMAN" and task.output == {"answer": asked["output"]}
        for task in instance.tasks.values()
    )
    where = f"the decision about {asked['instance']}"
    if outcome["what"] == "answered" and not ours:
        yield Violation("I1", f"{where} was acknowledged, and the task says something else")
    if outcome["what"] == "refused" and outcome["code"] != "NOT_FOUND" and ours:
        yield Violation("I19", f"{where} was refused ({outcome['code']}), and counts")


def _cancel(evidence: Evidence, asked: Line, outcome: Line) -> Iterator[Violation]:
    instance = evidence.instances.get(asked["instance"], GONE)
    if outcome["what"] == "answered" and instance.status != "cancelled":
        yield Violation("I1", f"{asked['instance']} was cancelled, and is {instance.status}")
    if outcome["what"] == "refused" and instance.status == "cancelled":
        yield Violation("I19", f"cancelling {asked['instance']} was refused, and it is cancelled")


def _pause(evidence: Evidence, asked: Line, outcome: Line) -> Iterator[Violation]:
    history = evidence.instances.get(asked["instance"], GONE).history
    if outcome["what"] == "answered" and not any(e.type == "INSTANCE_PAUSED" for e in history):
        yield Violation("I1", f"{asked['instance']} was paused, and its history does not say so")


def _vote(evidence: Evidence, asked: Line, outcome: Line) -> Iterator[Violation]:
    told = [
        entry.said()["approve"]
        for entry in evidence.instances.get(asked["instance"], GONE).history
        if entry.type == "TASK_VOTED" and entry.said()["user"] == asked["by"]
    ]
    where = f"the vote of {asked['by']} on {asked['instance']}"
    if outcome["what"] == "answered" and told != [asked["approve"]]:
        yield Violation("I1", f"{where} was acknowledged, and is {told}")
    if outcome["what"] == "refused" and told:
        yield Violation("I19", f"{where} was refused ({outcome['code']}), and counts")


def _finish(evidence: Evidence, asked: Line, outcome: Line) -> Iterator[Violation]:
    task = evidence.task(asked["task"])
    is_ours = task is not None and task.output == {"run": asked["run"]}
    if outcome["what"] == "answered" and not is_ours:
        yield Violation("I1", f"an answer to {asked['task']} was acknowledged, and is lost")
    if outcome["what"] == "refused" and is_ours:
        yield Violation("I19", f"an answer to {asked['task']} was refused, and counts")


def _trigger(evidence: Evidence, _: Line, outcome: Line) -> Iterator[Violation]:
    if outcome["what"] != "answered":
        yield Violation("I1", f"a schedule was not to be triggered: {outcome['code']}")
    elif outcome["instance"] not in evidence.instances:
        yield Violation("I1", f"{outcome['instance']} of a schedule was acknowledged, and is lost")


_Verify = Callable[[Evidence, Line, Line], Iterator[Violation]]
_VERIFY: Mapping[str, _Verify] = {
    "start": _start,
    "event": _event,
    "decide": _decide,
    "cancel": _cancel,
    "pause": _pause,
    "vote": _vote,
    "finish": _finish,
    "trigger": _trigger,
}


def check_repeats(evidence: Evidence) -> Iterator[Violation]:
    """The same request again gets the first answer."""
    first: dict[int, Line] = {}
    removed = _removed(evidence)
    for line in evidence.client:
        if line["what"] in {"answered", "refused"}:
            first[line["number"]] = line
        elif line["what"] == "answered again":
            if _told(line) != _told(first[line["number"]]):
                yield Violation("I18", f"{first[line['number']]} was answered {line} later")
        elif line["what"] == "refused again":
            told = first[line["number"]]
            if line["code"] == "NOT_FOUND" and told.get("instance") in removed:
                continue
            yield Violation("I18", f"{first[line['number']]} was refused later: {line['code']}")


def check_words(evidence: Evidence) -> Iterator[Violation]:
    """Events of one sender, each sent when the one before was acknowledged, apply in order."""
    for instance_id, instance in evidence.instances.items():
        applied = _applied(instance)
        if applied != sorted(applied):
            yield Violation("I17", f"{instance_id} applied {applied}")


def check_refusals(evidence: Evidence) -> Iterator[Violation]:
    """Nobody hears of exceptions."""
    for line in evidence.client:
        if line["what"] == "unknown":
            yield Violation("I37", f"a caller got UNKNOWN: {line['text']}")


def check_bought(evidence: Evidence) -> Iterator[Violation]:
    """What the shop did in one transaction with a start is there if the start is, and only then."""
    started = {
        instance.key
        for instance in evidence.instances.values()
        if instance.key is not None and instance.key.startswith(OWN)
    }
    for key in evidence.bought - started:
        yield Violation("I1", f"{key} was bought, and its instance is not there")
    for key in started - evidence.bought:
        yield Violation("I13", f"{key} was not bought, and its instance is there")


def check_limits(evidence: Evidence) -> Iterator[Violation]:
    """No more tasks are handed out at once than the tenant has said."""
    limits = [line["most"] for line in _of(evidence.client, "asked") if line["kind"] == "limit"]
    for line in _of(evidence.client, "running"):
        if limits and line["scarce"] > limits[0]:
            yield Violation(
                "I38", f"{line['scarce']} tasks with a limit of {limits[0]} ran at once"
            )


# --- handlers ---------------------------------------------------------------------------------


def check_hand_outs(evidence: Evidence) -> Iterator[Violation]:
    """Each epoch is handed out once, with the task's own key, and attempts are bounded."""
    seen: set[tuple[str, int]] = set()
    keys: dict[str, str] = {}
    tasks: dict[str, str] = {}
    for line in _of(evidence.effects, "begun"):
        task, epoch, key = line["task"], line["epoch"], line["key"]
        if (task, epoch) in seen:
            yield Violation("I3", f"epoch {epoch} of {task} was carried out twice")
        seen.add((task, epoch))
        if keys.setdefault(task, key) != key:
            yield Violation("I22", f"{task} has the keys {keys[task]} and {key}")
        if tasks.setdefault(key, task) != task:
            yield Violation("I22", f"{task} and {tasks[key]} have the key {key}")
        if line["attempt"] > line["max_attempts"]:
            yield Violation("I7", f"{task} is at attempt {line['attempt']}")


def check_calls(evidence: Evidence) -> Iterator[Violation]:
    """Each call of an HTTP task has the key of a task that was handed out."""
    keys = {line["key"] for line in _of(evidence.effects, "begun")}
    for line in _of(evidence.effects, "called"):
        if line["key"] not in keys:
            yield Violation("I22", f"a call had the key {line['key']}, which is nobody's")


def check_no_attempt_after_the_end(evidence: Evidence) -> Iterator[Violation]:
    """
    Once a success has been acknowledged, the task is handed out to nobody. One that was handed
    out before, to a process that stood still, may still begin: its epoch is an older one.
    """
    ended = {(e["task"], e["epoch"]): e for e in _of(evidence.effects, "ended")}
    final: dict[str, int] = {}
    for line in _of(evidence.effects, "acked"):
        how = ended.get((line["task"], line["epoch"]))
        if line["verdict"] not in TAKEN_IN or how is None or how["state"] != "succeeded":
            continue
        if final.setdefault(line["task"], line["epoch"]) != line["epoch"]:
            yield Violation("I4", f"{line['task']} succeeded by two epochs")
    for line in _of(evidence.effects, "begun"):
        if line["epoch"] > final.get(line["task"], line["epoch"]):
            yield Violation(
                "I2",
                f"{line['task']} was handed out by epoch {line['epoch']}, after epoch"
                f" {final[line['task']]} had succeeded",
            )


def check_outcomes(evidence: Evidence) -> Iterator[Violation]:
    """What a task came to is what the run of its last epoch came to, and nobody else's."""
    ended = {(e["task"], e["epoch"]): e for e in _of(evidence.effects, "ended")}
    for instance_id, instance in evidence.instances.items():
        for ordinal, task in instance.tasks.items():
            if task.type not in BY_EXECUTORS or task.status != "succeeded":
                continue
            if (instance.key or "").startswith(LATER):
                # Who was asked has said what it came to, and not the attempt.
                continue
            run = ended.get((f"{instance_id}:{ordinal}", task.epoch))
            if run is None or run["output"] != task.output:
                yield Violation(
                    "I3",
                    f"{instance_id}:{ordinal} has the outcome of another run than that of its"
                    f" epoch {task.epoch}",
                )
    removed = _removed(evidence)
    for line in _of(evidence.effects, "acked"):
        how = ended.get((line["task"], line["epoch"]))
        if line["verdict"] not in TAKEN_IN or how is None or how["state"] != "succeeded":
            continue
        if line["task"].partition(":")[0] in removed:
            continue
        told = evidence.task(line["task"])
        if told is None or (told.status, told.epoch) != ("succeeded", line["epoch"]):
            yield Violation("I1", f"a success of {line['task']} was acknowledged, and is lost")


# --- watchers ----------------------------------------------------------------------------------


def check_watched(evidence: Evidence) -> Iterator[Violation]:
    """A stream has every entry once, in order, through every reconnect, as it was written."""
    reached: defaultdict[str, int] = defaultdict(int)
    has_closed: set[str] = set()
    for line in evidence.watchers:
        watch = line["watch"]
        instance_id = watch.partition(":")[2]
        match line["what"]:
            case "opened" if line["after"] != reached[watch]:
                yield Violation("I28", f"{watch} was resumed after {line['after']}")
            case "bookmark" if line["seq"] != reached[watch]:
                yield Violation(
                    "I28", f"{watch}: a bookmark at {line['seq']}, not {reached[watch]}"
                )
            case "entry":
                if line["seq"] != reached[watch] + 1:
                    yield Violation("I28", f"{watch}: {line['seq']} came after {reached[watch]}")
                reached[watch] = line["seq"]
                if line["type"] in CLOSING:
                    has_closed.add(watch)
                written = _entry(evidence.instances.get(instance_id), line["seq"])
                # What has nothing to say is told without a payload.
                told = line["type"], line["payload"] or "{}"
                if written is None or (written.type, written.payload) != told:
                    yield Violation("I23", f"{watch}: entry {line['seq']} was told, not kept")
            case "followed" if watch not in has_closed:
                yield Violation(
                    "I30", f"{watch} ended at {reached[watch]}, and its instance did not"
                )


def check_feed(evidence: Evidence) -> Iterator[Violation]:
    """The feed has all that was committed, once, in each instance's order, and one order."""
    heard: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    for line in _of(evidence.feed, "told"):
        heard[line["follower"]] += [(instance_id, seq) for instance_id, seq in line["entries"]]
    for follower, entries in heard.items():
        reached: Counter[str] = Counter()
        for instance_id, seq in entries:
            before = reached[instance_id]
            if seq != before + 1:
                where = f"follower {follower}: {seq} of {instance_id}"
                yield Violation("I28", f"{where} came after {before}")
            reached[instance_id] = seq
        for instance_id, instance in evidence.instances.items():
            if reached[instance_id] != len(instance.history):
                yield Violation(
                    "I30",
                    f"follower {follower} heard {reached[instance_id]} of the"
                    f" {len(instance.history)} entries of {instance_id}",
                )
    orders = {
        tuple(entry for entry in entries if entry[0] in evidence.instances)
        for entries in heard.values()
    }
    if len(orders) > 1:
        yield Violation("I28", "two followers of the feed heard two orders")


def check_undone(evidence: Evidence) -> Iterator[Violation]:
    """What was done and is to be undone is, the last first, each once it is the last."""
    for instance_id, instance in evidence.instances.items():
        if not (instance.key or "").startswith(UNDO) or instance.status != "completed":
            continue
        said = [task.name for _, task in sorted(instance.tasks.items())]
        states = {task.status for task in instance.tasks.values()}
        failed = any(e.type == "EVENT_RECEIVED" and "failed" in e.payload for e in instance.history)
        if not failed and (said != ["do1", "do2", "undo2", "undo1"] or states != {"succeeded"}):
            yield Violation("I12", f"{instance_id} was to be undone, and its tasks are {said}")


def check_everything_ended(evidence: Evidence) -> Iterator[Violation]:
    """No orphan: every definition of a run leads to an end."""
    for instance_id, instance in evidence.instances.items():
        if not any(entry.type in CLOSING for entry in instance.history):
            yield Violation("I9", f"{instance_id} ({instance.key}) is {instance.status} for ever")


CHECKS: Sequence[Callable[[Evidence], Iterator[Violation]]] = (
    check_acknowledged,
    check_repeats,
    check_words,
    check_refusals,
    check_bought,
    check_limits,
    check_hand_outs,
    check_calls,
    check_no_attempt_after_the_end,
    check_outcomes,
    check_watched,
    check_feed,
    check_undone,
    check_everything_ended,
)


def _requests(lines: Sequence[Line]) -> Iterator[tuple[Line, Line]]:
    """Each request with what became of it; those that were never answered are nobody's fault."""
    asked = {line["number"]: line for line in _of(lines, "asked")}
    for line in lines:
        if line["what"] in {"answered", "refused"}:
            yield asked[line["number"]], line


def _removed(evidence: Evidence) -> frozenset[str]:
    """Those that are hardly kept and are gone: some handler was at each of them."""
    asked = {
        line["number"]
        for line in _of(evidence.client, "asked")
        if line["kind"] == "start" and line["key"].startswith(f"{BRIEF}-")
    }
    started = {
        line["instance"]
        for line in _of(evidence.client, "answered")
        if line["number"] in asked and line["instance"] not in evidence.instances
    }
    begun = {line["task"].partition(":")[0] for line in _of(evidence.effects, "begun")}
    unheard = sum(_is_gone_unheard(*one) for one in _requests(evidence.client))
    others = begun - started - evidence.instances.keys()
    return frozenset((started & begun) | (others if len(others) <= unheard else set()))


def _is_gone_unheard(asked: Line, outcome: Line) -> bool:
    """It was started, and removed before its caller got an answer."""
    is_brief = asked["kind"] == "start" and asked["key"].startswith(f"{BRIEF}-")
    return is_brief and outcome.get("code") == "NOT_FOUND"


def _of(lines: Sequence[Line], what: str) -> Iterator[Line]:
    return (line for line in lines if line["what"] == what)


def _told(line: Line) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in {"at", "what"}}


def _applied(instance: Instance) -> list[str]:
    """The ids of the events that were applied, in order."""
    said = [entry.said() for entry in instance.history if entry.type == "EVENT_RECEIVED"]
    return [one["event_id"] for one in said if one["disposition"] == "APPLIED"]


def _entry(instance: Instance | None, seq: int) -> Entry | None:
    if instance is None or not 0 < seq <= len(instance.history):
        return None
    return instance.history[seq - 1]


def counted(violations: Sequence[Violation]) -> Counter[str]:
    return Counter(violation.invariant for violation in violations)
