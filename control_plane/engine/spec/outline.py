"""
The tree of states as it is written, before anything in them is compiled.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from control_plane.engine.limits import (
    MAX_NAME_LENGTH,
    MAX_PATH_LENGTH,
    MAX_STATE_DEPTH,
    MAX_STATES,
)
from control_plane.engine.naming import ROOT_PATH, state_words
from control_plane.engine.spec.findings import Findings, join, quote
from control_plane.engine.spec.vocabulary import (
    DATA,
    INITIAL,
    OLD_SPELLINGS,
    ROOT,
    STATE,
    Words,
)
from control_plane.engine.states import Kind

NAME = f"a name: 1 to {MAX_NAME_LENGTH} characters, none of them a control character"

DEFAULT_MACHINE_ID = "(machine)"
KINDS = ("atomic", "compound", "parallel", "final", "history")

_INTEGER_LIKE = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_UNSAFE = re.compile(r"[.#\x00-\x1f\x7f\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_FINAL_MUST_NOT = ("on", "always", "after", "invoke", "onDone", "states", "initial")
_HISTORY_MUST_NOT = (
    "on", "always", "after", "invoke", "onDone", "states", "initial", "entry", "exit", "output",
)  # fmt: skip


@dataclass(slots=True, eq=False)
class Node:
    """A state as written. `index` is its place in document order."""

    index: int
    key: str
    path: str
    id: str
    kind: Kind
    parent: "Node | None"
    pointer: str
    body: dict[str, Any]
    children: list["Node"] = field(default_factory=list)
    last: int = 0
    depth: int = 0
    by_key: dict[str, "Node"] = field(default_factory=dict)

    @property
    def states(self) -> list["Node"]:
        """The children that can be active."""
        return [child for child in self.children if child.kind != "history"]

    def above(self) -> Iterator["Node"]:
        """The proper ancestors, nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def is_below(self, other: "Node") -> bool:
        return other.index < self.index <= other.last

    def child(self, key: str) -> "Node | None":
        return self.by_key.get(key)


def read_outline(body: dict[str, Any], findings: Findings) -> list[Node]:
    """All states in document order, the root first."""
    nodes: list[Node] = []
    machine_id = body.get("id", DEFAULT_MACHINE_ID)
    if not isinstance(machine_id, str):
        machine_id = DEFAULT_MACHINE_ID
    _add(nodes, body, None, machine_id, "", findings)
    if len(nodes) > MAX_STATES:
        findings.error(
            "limit-exceeded",
            "/states",
            f"the spec has {len(nodes)} states; the limit is {MAX_STATES}",
            "split the process into several definitions",
        )
        return nodes
    for node in reversed(nodes):
        node.last = max([node.index, *(child.last for child in node.children)])
    duplicate_ids(nodes, findings)
    for node in nodes:
        keys_of_state(node, findings)
        kind_of_state(node, findings)
        initial_of_state(node, findings)
        tags_of_state(node, findings)
    return nodes


def _add(
    nodes: list[Node],
    body: dict[str, Any],
    parent: Node | None,
    key: str,
    pointer: str,
    findings: Findings,
) -> None:
    path = ROOT_PATH if parent is None else key if parent.parent is None else f"{parent.path}.{key}"
    machine_id = nodes[0].id if nodes else key
    own_id = body.get("id")
    state_id = own_id if isinstance(own_id, str) else f"{machine_id}.{path}"
    if parent is None:
        state_id = key
    node = Node(len(nodes), key, path, state_id, _kind(body), parent, pointer, body)
    nodes.append(node)
    if parent is not None:
        parent.children.append(node)
        parent.by_key[key] = node
        node.depth = parent.depth + 1
    if len(path) > MAX_PATH_LENGTH:
        findings.error(
            "limit-exceeded",
            pointer,
            f"the path {quote(path)} has {len(path)} characters; the limit is {MAX_PATH_LENGTH}",
            "shorten the keys of the states above, or nest less deeply",
        )
        return
    states = body.get("states", {})
    if not isinstance(states, dict):
        wrong_type(findings, join(pointer, "states"), states, "an object of states")
        return
    if node.depth >= MAX_STATE_DEPTH and states:
        findings.error(
            "limit-exceeded",
            pointer,
            f"states are nested deeper than {MAX_STATE_DEPTH} levels",
            "nest less deeply, or use an instance of another definition",
        )
        return
    for child_key, child in states.items():
        if len(nodes) > MAX_STATES:
            return
        child_pointer = join(join(pointer, "states"), child_key)
        name_of_state(child_key, child_pointer, findings)
        if isinstance(child, dict):
            _add(nodes, child, node, child_key, child_pointer, findings)
        else:
            wrong_type(findings, child_pointer, child, "a state: an object, empty as {} if need be")


def _kind(body: dict[str, Any]) -> Kind:
    written = body.get("type")
    if written in KINDS:
        kind: Kind = written
        return kind
    if body.get("states"):
        return "compound"
    return "history" if body.get("history") else "atomic"


def wrong_type(findings: Findings, pointer: str, value: object, wanted: str) -> None:
    """Rule: a value is of the type that its place asks for."""
    findings.error("wrong-type", pointer, f"{quote(value)} is not {wanted}", f"write {wanted}")


def unknown_keys(findings: Findings, pointer: str, body: dict[str, Any], known: Words) -> None:
    """Rule: only words of the format; what XState 4 said is answered with what 5 says."""
    for key, value in body.items():
        if key in known:
            if value is None and known[key].shape not in DATA:
                findings.error(
                    "wrong-type",
                    join(pointer, key),
                    f"{key!r} is null, which is no value here",
                    "leave the key out",
                )
            elif known[key].shape == "text" and not isinstance(value, str):
                wrong_type(findings, join(pointer, key), value, "a string")
        elif key in OLD_SPELLINGS:
            findings.error(
                "old-spelling",
                join(pointer, key),
                f"{key!r} is a word of XState that has no meaning here",
                OLD_SPELLINGS[key],
            )
        else:
            findings.error(
                "unknown-key",
                join(pointer, key),
                f"{quote(key)} is not a word of the format here",
                findings.did_you_mean(key, known),
            )


def name_of_state(key: str, pointer: str, findings: Findings) -> None:
    """Rule: a key can be written in a target, and keeps its place in the document's order."""
    if not key or key == "*" or _UNSAFE.search(key) or key == "__proto__":
        why = "it cannot be told from the syntax of targets"
    elif _INTEGER_LIKE.fullmatch(key):
        why = "JavaScript moves keys that look like integers to the front"
    elif len(key) > MAX_NAME_LENGTH:
        why = f"it is longer than {MAX_NAME_LENGTH} characters"
    else:
        return
    findings.error(
        "bad-name", pointer, f"{quote(key)} cannot be a state's key: {why}", "choose another key"
    )


def is_name(value: object) -> bool:
    """Whether a value can name a task: a short text without control characters."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_NAME_LENGTH
        and _CONTROL.search(value) is None
    )


def keys_of_state(node: Node, findings: Findings) -> None:
    known = ROOT if node.parent is None else STATE
    unknown_keys(findings, node.pointer, node.body, known)


def duplicate_ids(nodes: list[Node], findings: Findings) -> None:
    """Rule: an id names one state, and can be written after a `#`."""
    seen: dict[str, Node] = {}
    for node in nodes:
        own = node.body.get("id")
        pointer = join(node.pointer, "id")
        if own is not None and not isinstance(own, str):
            wrong_type(findings, pointer, own, "a string")
        elif own is not None and (
            not own or _UNSAFE.search(own) or own == "__proto__" or len(own) > MAX_NAME_LENGTH
        ):
            findings.error(
                "bad-name",
                pointer,
                f"{quote(own)} cannot be an id: it must be 1 to {MAX_NAME_LENGTH} characters "
                "without '.', '#' and control characters",
                "choose another id",
            )
        if node.id in seen:
            findings.error(
                "duplicate-id",
                pointer if own is not None else node.pointer,
                f"the id {quote(node.id)} is taken by {state_words(seen[node.id].path)}",
                "give one of them another id",
                (seen[node.id].path, node.path),
            )
        seen.setdefault(node.id, node)


def kind_of_state(node: Node, findings: Findings) -> None:
    """Rule: a state has what its type can have, and nothing else."""
    body, pointer = node.body, node.pointer
    written = body.get("type")
    if written is not None and written not in KINDS:
        findings.error(
            "wrong-type",
            join(pointer, "type"),
            f"{quote(written)} is not a type of state",
            findings.did_you_mean(written, KINDS)
            if isinstance(written, str)
            else f"one of {KINDS}",
        )
    if node.parent is None and node.kind in {"final", "history"}:
        findings.error(
            "bad-root",
            join(pointer, "type"),
            f"the root cannot be a {node.kind} state",
            "put the state into `states` of the root",
        )
    if node.kind in {"compound", "parallel"} and not node.states:
        findings.error(
            "empty-states",
            pointer,
            f"{state_words(node.path, node.kind)} has no state that could be active",
            "give it `states`, or leave `type` out",
        )
    if node.kind == "atomic" and body.get("states"):
        findings.error(
            "atomic-with-states",
            join(pointer, "states"),
            f"{state_words(node.path, node.kind)} has states",
            'leave `type` out, or write "compound"',
        )
    if node.kind == "final":
        _must_not(node, _FINAL_MUST_NOT, "final-with-content", findings)
    if node.kind == "history":
        _must_not(node, _HISTORY_MUST_NOT, "history-with-content", findings)
        if body.get("history", "shallow") not in (True, "shallow", "deep"):
            wrong_type(
                findings, join(pointer, "history"), body["history"], '"shallow", "deep" or true'
            )
    else:
        for key in ("history", "target"):
            if key in body and node.parent is not None and body[key] is not False:
                findings.error(
                    "history-key",
                    join(pointer, key),
                    f"{state_words(node.path, node.kind)} has {key!r}, which history states have",
                    'leave it out, or write `type: "history"`',
                )
    if "output" in body and node.kind != "final" and node.parent is not None:
        findings.error(
            "output-not-final",
            join(pointer, "output"),
            f"{state_words(node.path, node.kind)} has an output; only final states and the root do",
            "move it to the final state",
        )


def _must_not(node: Node, keys: tuple[str, ...], rule: str, findings: Findings) -> None:
    for key in keys:
        if node.body.get(key):
            findings.error(
                rule,
                join(node.pointer, key),
                f"{state_words(node.path, node.kind)} cannot have {key!r}",
                f"leave {key!r} out, or choose another type for the state",
            )


def initial_of_state(node: Node, findings: Findings) -> None:
    """Rule: a compound state says which of its own children comes first; no other state does."""
    initial = node.body.get("initial")
    pointer = join(node.pointer, "initial")
    if node.kind != "compound":
        if initial is not None and node.kind in {"parallel", "atomic"}:
            findings.error(
                "initial-not-compound",
                pointer,
                f"{state_words(node.path, node.kind)} has an initial state",
                "leave it out: all regions of a parallel state are entered"
                if node.kind == "parallel"
                else "leave it out, or give the state `states`",
            )
        return
    if isinstance(initial, dict):
        unknown_keys(findings, pointer, initial, INITIAL)
        pointer, initial = join(pointer, "target"), initial.get("target")
    if initial is None:
        findings.error(
            "missing-initial",
            node.pointer,
            f"{state_words(node.path)} does not say which state comes first",
            f'add "initial": "{node.children[0].key}"' if node.children else "give it `states`",
        )
        return
    if not isinstance(initial, str):
        wrong_type(findings, pointer, initial, "the key of a child state")
        return
    child = node.child(initial)
    if child is None:
        findings.error(
            "unknown-initial",
            pointer,
            f"{quote(initial)} is not a child of {state_words(node.path)}",
            findings.did_you_mean(initial, [one.key for one in node.children]),
        )
    elif child.kind == "history":
        if child.body.get("target") is None:
            findings.error(
                "initial-without-record",
                pointer,
                f"{quote(initial)} remembers nothing yet and has no `target` to begin with",
                "give the history state a `target`, or name another initial state",
            )
        else:
            findings.warning(
                "initial-is-history",
                pointer,
                f"{state_words(node.path)} begins with its history",
                "name the state that should come first",
            )
    elif child.kind == "final":
        findings.warning(
            "initial-is-final",
            pointer,
            f"{state_words(node.path)} is done as soon as it is entered",
            "name another initial state",
        )


def tags_of_state(node: Node, findings: Findings) -> None:
    """Rule: tags are text."""
    tags = node.body.get("tags", [])
    if not isinstance(tags, str) and not (
        isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    ):
        wrong_type(findings, join(node.pointer, "tags"), tags, "a string or a list of strings")
