"""
Every rule of the validator: how much it weighs, what it means, and what to do about it.

The names are stable, so that programs may branch on them. docs/definition-rules.md is made
from this table.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Errors refuse a spec, warnings do not. `remedy` is what helps in general."""

    severity: Severity
    meaning: str
    remedy: str


def _refuses(meaning: str, remedy: str) -> Rule:
    return Rule("error", meaning, remedy)


def _warns(meaning: str, remedy: str) -> Rule:
    return Rule("warning", meaning, remedy)


RULES: Final[dict[str, Rule]] = {
    # The text.
    "not-json": _refuses(
        "The text is no JSON object, or holds what different readers take differently: a key"
        " twice in one object, NaN, an integer beyond 64 bits.",
        "Correct the text.",
    ),
    "limit-exceeded": _refuses(
        "Something is larger than the engine carries out: the text, the states, the"
        " transitions, the expressions, a delay.",
        "Make it smaller, or split the process into several definitions.",
    ),
    "unknown-key": _refuses(
        "A key is not a word of the format where it stands.",
        "Write the word that was meant; data of your own belongs into `meta`.",
    ),
    "old-spelling": _refuses(
        "A key is a word of XState, mostly of XState 4, that has no meaning here.",
        "Write what the diagnostic offers.",
    ),
    "wrong-type": _refuses(
        "A value is not of the type that its place asks for, or is out of its range.",
        "Write a value of that type.",
    ),
    "bad-name": _refuses(
        "A key or an id cannot be written in a target, would change its place in the document,"
        " or is the engine's own.",
        "Choose another name: 1 to 200 characters without dots, `#` and control characters,"
        " and not a number.",
    ),
    "duplicate-id": _refuses(
        "Two states have one id, or one state invokes two tasks under one id.",
        "Give one of them another id.",
    ),
    # States.
    "bad-root": _refuses(
        "The root is a final or a history state.", "Put that state into `states` of the root."
    ),
    "empty-states": _refuses(
        "A compound or parallel state has no state inside that could be active.",
        "Give it `states`, or leave its `type` out.",
    ),
    "atomic-with-states": _refuses(
        'A state of type "atomic" has states inside.', "Leave its `type` out."
    ),
    "missing-initial": _refuses(
        "A compound state does not say which of its states comes first.", "Add `initial`."
    ),
    "unknown-initial": _refuses(
        "`initial` does not name a child of its state.", "Name one of the state's own children."
    ),
    "initial-not-compound": _refuses(
        "A parallel or atomic state has `initial`.",
        "Leave it out: all regions of a parallel state are entered, and an atomic state has none.",
    ),
    "initial-without-record": _refuses(
        "A state begins with a history state that has no `target`, so there is nowhere to begin.",
        "Give the history state a `target`, or name another initial state.",
    ),
    "initial-is-history": _warns(
        "A state begins with its own history, which remembers nothing on the first entry.",
        "Name the state that should come first.",
    ),
    "initial-is-final": _warns(
        "A state is done as soon as it is entered.", "Name another initial state."
    ),
    "final-with-content": _refuses(
        "A final state has transitions, timers, tasks or states, none of which could ever act.",
        "Leave them out, or choose another type for the state.",
    ),
    "history-with-content": _refuses(
        "A history state has what only states have that can be active.",
        "Leave it out, or choose another type for the state.",
    ),
    "history-key": _refuses(
        "A state that is no history has `history` or `target`.",
        'Leave it out, or write `"type": "history"`.',
    ),
    "bad-history-default": _refuses(
        "The `target` of a history is outside of its parent, or another history.",
        "Name a state inside the history's parent.",
    ),
    "output-not-final": _refuses(
        "A state that is neither final nor the root has an `output`.",
        "Move it to the final state.",
    ),
    "never-done": _refuses(
        "A state has `onDone` and can never be done: it has no final state, or not every region"
        " of it has one.",
        "Add final states, or leave `onDone` out.",
    ),
    "parallel-never-done": _warns(
        "Some regions of a parallel root can be done and others cannot, so that the instance is"
        " never completed.",
        "Give every region a final state, or none.",
    ),
    # Transitions.
    "unknown-target": _refuses(
        "A target, or the state of a `@stateIn`, names no state.",
        "Name a sibling, `.child`, or `#` and an id.",
    ),
    "ambiguous-target": _warns(
        "A target names a sibling of its state, while the state has a child of that key, which"
        " may be what was meant.",
        "Write `.key` for the child, or give the sibling an id and write `#id`.",
    ),
    "targets-exclude-each-other": _refuses(
        "A transition has targets that cannot be active together.",
        "Keep one target for each region of one parallel state.",
    ),
    "bad-event": _refuses(
        "The name of an event is empty, too long, holds control characters, or has a wildcard"
        " that is neither `*` nor a `.*` at the end.",
        "Choose another name; for XState 4's empty event write `always`.",
    ),
    "reserved-event": _refuses(
        "An action sends an event that only the engine sends: `xstate.` and `task.` are its"
        " prefixes.",
        "Choose another type.",
    ),
    # Guards and actions.
    "unknown-guard": _refuses(
        "A guard is neither built in nor one of the root's `guards`.", "Define it, or correct it."
    ),
    "guard-cycle": _refuses(
        "A named guard leads back to itself.", "Take one of the names out of the circle."
    ),
    "guard-not-boolean": _refuses(
        "An expression is used as a guard and can never give true or false.",
        "Compare its value with something.",
    ),
    "expression-invalid": _refuses(
        "An expression cannot be compiled: its syntax, a name, a function or a bound of the"
        " language.",
        "Correct it at the character that the diagnostic gives.",
    ),
    "unknown-action": _refuses(
        "An action is neither built in nor one of the root's `actions`.",
        "Define it, or correct it.",
    ),
    "action-cycle": _refuses(
        "A named action leads back to itself.", "Take one of the names out of the circle."
    ),
    # Time.
    "bad-delay": _refuses(
        "A delay is no milliseconds, no ISO 8601 duration and no name of one of the root's"
        " `delays`.",
        'Write milliseconds or a duration such as "PT15M".',
    ),
    "bad-duration": _refuses(
        "A duration that must have a fixed length has none: months and years differ in length.",
        'Write milliseconds, or a duration such as "PT30S" or "P2D".',
    ),
    # Tasks.
    "unknown-task-type": _refuses(
        "A task is of a kind that does not exist, or its kind needs a name after a dot and has"
        " none.",
        "Write one of the kinds; `system.<function>` and `workflow.<key of a definition>` have"
        " names.",
    ),
    "word-not-for-task": _refuses(
        "A word describes a task of another kind: `events` and `policy` are of AI tasks, which do"
        " nothing that a `compensation` could undo,"
        " `candidates`, `dueIn` and `form` of human tasks,"
        " `version`, `businessKey` and `onParentClose` of child instances; `queue`, `priority`,"
        " `limitKey`, `retry`, `timeout` and `skippable` of what an executor does, which a child"
        " instance is not.",
        "Leave the word out, or choose another kind of task.",
    ),
    "without-for-each": _refuses(
        "`concurrency` or `join` stands where there is no `forEach`.",
        "Add `forEach`, or leave the word out.",
    ),
    "for-each-not-list": _refuses(
        "An expression is used as `forEach` and can never give a list.",
        "Give the items as a list.",
    ),
    "bad-timer-input": _refuses(
        "A timer's input does not say when it is due.",
        'Write `{"delay": "PT15M"}`, `{"at": <RFC 3339 timestamp>}`, `{"cron": "0 9 * * MON-FRI",'
        ' "zone": "Europe/Berlin"}`, or a `date` and a `time` with their `zone`.',
    ),
    "secret-computed": _refuses(
        "The name of a secret in a task's input is an expression. What an event brought would"
        " choose the secret, and where the request goes may follow from an event as well.",
        "Write the name itself; where there are several, choose between tasks by a guard.",
    ),
    "bad-form": _refuses(
        "The `form` of a human task is no JSON Schema that an output can be held against: it says"
        " what JSON Schema does not, or what could take any length of time, such as `$ref`, or a"
        " pattern that is not one of RE2's.",
        "Write it with the keywords that the message lists.",
    ),
    "quorum-out-of-reach": _refuses(
        "More must approve a human task than may vote on it, or than it is offered to.",
        "Ask for fewer `approvals`, or name more `candidates`.",
    ),
    "no-due-time": _refuses(
        "A reminder or an escalation goes by when its task is due, and the task does not say that.",
        "Say `dueIn`, or count from its creation by `unclaimedFor` or `openFor`.",
    ),
    "decided-by-no-task": _refuses(
        "A human task is not for those who decided another, and there is no human task of that"
        " name: nobody would be kept from it.",
        "Write the name of a human task: its `id` or its `name`.",
    ),
    "ai-without-events": _refuses(
        "An AI task does not say among which events it may choose. A model chooses from a closed"
        " list, and from nothing else.",
        "List the event types in `events`.",
    ),
    "ai-event-not-accepted": _refuses(
        "An AI task may choose an event that nothing answers while its state is active, so that"
        " the choice could only be refused.",
        "Add a transition for the event, or take it from the list.",
    ),
    "ai-outcome-awaited": _refuses(
        "An AI task stands where its outcome would be waited for: it has `onDone`, is one of a"
        " `forEach`, or is a compensation. It comes to one of its events, and to nothing else.",
        "Answer the events of the task with transitions; `onError` is for what goes wrong.",
    ),
    "bad-guardrails": _refuses(
        "The `guardrails` of the definition or of an AI task are no policy: a key that is not one"
        " of a policy's, or a value that it does not take.",
        "Write them as a policy for AI tasks is written.",
    ),
    "ai-nothing-to-choose": _warns(
        "What a definition says in its `guardrails` leaves an AI task none of its events, so that"
        " every choice goes to a person.",
        "Allow one of the events in `decisions`, or take the task out.",
    ),
    "task-without-error-path": _warns(
        "Nothing answers a task's failure, so that it fails the instance.",
        "Add `onError` or a transition for `task.<name>.failed`, or leave it if that is meant.",
    ),
    "outcome-of-no-task": _warns(
        "A transition waits for the outcome of a task that the definition never creates.",
        "Correct the name, or leave the transition out.",
    ),
    # The whole.
    "eventless-cycle": _refuses(
        "Eventless transitions without guards lead back to where they began: every event would"
        " run into the limit of microsteps.",
        "Guard one of them, or let an event decide.",
    ),
    "guarded-eventless-cycle": _warns(
        "Eventless transitions may run in a circle, if their guards let them.",
        "Make sure that one of the guards becomes false on the way.",
    ),
    "raise-cycle": _warns(
        "A state answers an event by raising it again, directly or through others, and goes on"
        " answering.",
        "Raise another event, or guard one of the transitions.",
    ),
    "unreachable-state": _warns(
        "No transition, initial state or history leads to a state.",
        "Give some transition this target, or leave the state out.",
    ),
    "dead-end": _warns(
        "A state is not final, and nothing leads out of it.",
        "Add a transition, or make the state final.",
    ),
    "wait-without-exit": _warns(
        "A state waits for its tasks, and nothing leads out of it when they have ended.",
        "Add `onDone`, or another transition.",
    ),
    "wait-without-deadline": _warns(
        "A state waits for a person, and nothing happens if that person never answers.",
        "Add `after` to the state, or a `timeout` or an escalation that fails it to the task.",
    ),
    "final-out-of-reach": _warns(
        "The machine has a final state that cannot be reached from this one.",
        "Add a way out, or leave it if instances are meant to stay there.",
    ),
    "shadowed-transition": _warns(
        "A transition is never taken: one before it answers the same event, without a guard or"
        " with the same one.",
        "Put it first, or guard the other.",
    ),
    "child-hides-parent": _warns(
        "A state always answers an event that a state above it answers too, which then never does.",
        "Leave it if that is meant; otherwise guard it, or name another event.",
    ),
    "regions-disagree": _warns(
        "Several regions of a parallel state answer one event by leaving their region; the first"
        " in the document wins.",
        "Let the parallel state itself answer the event.",
    ),
    "wildcard-swallows": _warns(
        "A `*` also answers what the engine sends to a state above or in another region: timers,"
        " outcomes, being done.",
        "Name the events, or use a prefix such as `order.*`.",
    ),
    "http-input-unread": _warns(
        "An HTTP task's input has no `url`, or a key that the task does not read.",
        "Give it `url`, and what it needs of `method`, `headers`, `json` or `body`, `timeout_s`.",
    ),
    "email-input-unread": _warns(
        "An EMAIL task's input has no `to`, or a key that the task does not read.",
        "Give it `to`, `subject`, and `text` or `html` or a `template` with `data`.",
    ),
    "raised-to-nobody": _warns(
        "An event is raised, and no state answers it.",
        "Add a transition for it, or leave the action out.",
    ),
    "history-of-active": _warns(
        "A transition goes to the history of a state that is active then, whose record is of an"
        " earlier stay.",
        "Name the state it should go to.",
    ),
    "too-many-combinations": _warns(
        "Parallel regions can be in so many combinations that the engine does not keep its plans"
        " for all of them, which makes it slower.",
        "Make some regions instances of other definitions.",
    ),
    "unknown-context-key": _warns(
        "An expression reads a key of the context that nothing ever sets, so it will fail.",
        "Set the key in `context`, or ask with has().",
    ),
}
"""By name, in the order of the page."""
