"""
Random machines with every feature that XState and JSON have in common.
"""

from random import Random
from typing import Any, Final

from tests.campaigns.xstate.shapes import Node, random_states, spell

GUARDS: Final = (
    "context.n % 2 == 0", "context.n > 3", "context.n < 5", 'event.type == "A"',
    'event.type == "B"', "true", "false", "has(event.x) && event.x > 2",
)  # fmt: skip
VALUES: Final = (
    "context.n + 1", "context.n * 2 % 1000", "context.m + context.n % 7",
    "has(event.x) ? event.x : 0",
)  # fmt: skip
TOLD: Final = (
    "event.type", "has(event.output) ? event.output : null",
    "has(event.error) ? event.error : null", "context.n",
)  # fmt: skip
DESCRIPTORS: Final = (
    ("A", 0.28), ("B", 0.28), ("C", 0.22), ("R", 0.25), ("A.x", 0.06), ("A.*", 0.07),
    ("A.y.*", 0.04), ("*", 0.06), ("xstate.done.state.*", 0.02),
)  # fmt: skip
RAISED: Final = ("A", "B", "R", "R", "A.x")
DELAYS: Final = ("0", "10", "20", "PT0.025S", "slow", "paced")
CHANCE_OF_A_FAULT: Final = 0.015
"""How often an expression is one that may have no value."""

CHANCE_OF_A_HISTORY: Final = 0.15
"""How often a target is surely one: among all states there are too few."""


def random_spec(chance: Random) -> dict[str, Any]:
    """A machine; the validator may still refuse it, which the campaign counts."""
    return _Author(chance).write()


def _expr(text: str) -> dict[str, str]:
    return {"@expr": text}


class _Author:
    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._nodes = random_states(chance)
        self._invoked = 0
        self._said = 0

    def write(self) -> dict[str, Any]:
        for node in self._nodes:
            self._dress(node)
        root = self._nodes[0].body
        given = _expr("event.input.n") if self._maybe(0.3) else 0
        root["context"] = {"n": given, "m": 0, "told": None}
        root["guards"] = {
            "isSmall": {"when": _expr("context.n < params.limit")},
            "isOdd": {"when": {"type": "@not", "guard": _expr("context.n % 2 == 0")}},
        }
        step = {"type": "@assign", "context": {"n": _expr("params.step")}}
        root["actions"] = {"jump": step, "tell": [self._say(), self._assign()]}
        root["delays"] = {"slow": 30, "paced": _expr("context.n % 3 * 5")}
        root["unhandled"] = self._chance.choice(("ignore", "reject", "defer"))
        if self._maybe(0.5):
            root["output"] = self._chance.choice(
                (_expr("context.n + 1"), {"n": _expr("context.n"), "by": _expr("event.type")}, 7)
            )
        return root

    def _dress(self, node: Node) -> None:
        body = node.body
        if node.kind == "history":
            return
        for key in ("entry", "exit"):
            if self._maybe(0.3):
                body[key] = self._actions()
        if node.kind == "final":
            if self._maybe(0.5):
                body["output"] = self._chance.choice((_expr("context.n + 1"), {"a": [1, None]}))
            return
        if isinstance(body.get("initial"), str) and self._maybe(0.4):
            body["initial"] = {"target": body["initial"], "actions": self._actions()}
        on = {name: self._answers(node) for name, often in DESCRIPTORS if self._maybe(often)}
        if on:
            body["on"] = on
        if self._maybe(0.07):
            body["always"] = self._answers(node, guarded=0.97)
        if self._maybe(0.2):
            keys = self._chance.sample(DELAYS, self._chance.choice((1, 1, 2)))
            body["after"] = {key: self._timed(node) for key in keys}
        if self._maybe(0.16):
            invokes = [self._invoke(node) for _ in range(self._chance.choice((1, 1, 2)))]
            body["invoke"] = invokes[0] if len(invokes) == 1 and self._maybe(0.5) else invokes
        if node.parent is not None and node.can_be_done and self._maybe(0.7):
            body["onDone"] = self._answers(node)

    def _invoke(self, node: Node) -> dict[str, Any]:
        invoke: dict[str, Any] = {"src": "system.work"}
        if self._maybe(0.5):
            self._invoked += 1
            invoke["id"] = f"i{self._invoked}"
        if self._maybe(0.6):
            invoke["input"] = self._chance.choice((_expr("context.n"), {"a": _expr("event.type")}))
        for key, often in (("onDone", 0.75), ("onError", 0.6)):
            if self._maybe(often):
                invoke[key] = self._answers(node)
        return invoke

    def _timed(self, node: Node) -> Any:
        """XState takes no text within a list here; see docs/differences.md."""
        found = self._answers(node)
        if not isinstance(found, list):
            return found
        return [{"target": one} if isinstance(one, str) else one for one in found]

    def _answers(self, node: Node, guarded: float = 0.4) -> Any:
        if self._maybe(0.04) and guarded < 0.9:
            return {}
        if self._maybe(0.7):
            return self._answer(node, guarded)
        return [self._answer(node, guarded) for _ in range(self._chance.randint(0, 3))]

    def _answer(self, node: Node, guarded: float) -> Any:
        if self._maybe(0.1) and guarded < 0.9:
            return spell(self._chance, node, self._chance.choice(self._nodes))
        found: dict[str, Any] = {}
        if self._maybe(0.8):
            found["target"] = self._target(node)
        if self._maybe(guarded):
            found["guard"] = self._guard()
        if self._maybe(0.6):
            found["actions"] = self._actions()
        if self._maybe(0.2):
            found["reenter"] = self._maybe(0.9)
        return found

    def _target(self, source: Node) -> Any:
        histories = [node for node in self._nodes if node.kind == "history"]
        is_history = bool(histories) and self._maybe(CHANCE_OF_A_HISTORY)
        target = self._chance.choice(histories if is_history else self._nodes)
        parallel = next((one for one in target.above() if one.kind == "parallel"), None)
        if parallel is None or not self._maybe(0.2):
            written = spell(self._chance, source, target)
            return [written] if self._maybe(0.1) else written
        # Targets in different regions of one parallel state.
        regions = self._chance.sample(parallel.states, min(2, len(parallel.states)))
        inside = [
            self._chance.choice(
                [one for one in self._nodes if one is region or region in one.above()]
            )
            for region in regions
        ]
        return [spell(self._chance, source, one) for one in inside]

    def _guard(self, depth: int = 0) -> Any:
        drawn = self._chance.random()
        if drawn < CHANCE_OF_A_FAULT:
            return _expr("event.x > 2")
        if drawn < 0.6 or depth > 1:
            return _expr(self._chance.choice(GUARDS))
        if drawn < 0.66:
            return "isOdd"
        if drawn < 0.72:
            return {"type": "isSmall", "params": {"limit": self._chance.choice((2, 6))}}
        if drawn < 0.86:
            several = [self._guard(depth + 1) for _ in range(2)]
            return {"type": self._chance.choice(("@and", "@or")), "guards": several}
        if drawn < 0.92:
            return {"type": "@not", "guard": self._guard(depth + 1)}
        return {"type": "@stateIn", "state": self._state_in()}

    def _state_in(self) -> Any:
        states = [one for one in self._nodes if one.kind != "history" and one.parent is not None]
        state = self._chance.choice(states)
        path = state.path_below(self._nodes[0])
        if self._maybe(0.5):
            return f"#{state.id}"
        if self._maybe(0.5):
            return path
        value: Any = path.rpartition(".")[2]
        for key in reversed(path.split(".")[:-1]):
            value = {key: value}
        return value

    def _actions(self) -> Any:
        if self._maybe(0.15):
            return self._action()
        return [self._action() for _ in range(self._chance.choice((1, 1, 2)))]

    def _action(self, depth: int = 0) -> Any:
        drawn = self._chance.random()
        if drawn < 0.4:
            return self._say()
        if drawn < 0.62:
            return self._assign()
        if drawn < 0.67:
            return {"type": "@log", "value": _expr(self._chance.choice(TOLD))}
        if drawn < 0.78:
            return self._raise()
        if drawn < 0.82:
            timers = ("d1", "d2", f"xstate.after.10.{self._chance.choice(self._nodes).id}")
            return {"type": "@cancel", "id": self._chance.choice(timers)}
        if drawn < 0.86:
            return "tell"
        if drawn < 0.9:
            step = self._chance.choice((_expr("context.n + 1"), 4))
            return {"type": "jump", "params": {"step": step}}
        if depth:
            return self._say()
        first = {"guard": self._guard(1), "actions": [self._action(1), self._action(1)]}
        rest = [{"actions": self._action(1)}] if self._maybe(0.6) else []
        return {"type": "@if", "branches": [first, *rest]}

    def _say(self) -> dict[str, Any]:
        """Each one says something else, and what the context is by then."""
        self._said += 1
        event = {"type": "said", "at": self._said, "n": _expr("context.n")}
        return {"type": "@emit", "event": event}

    def _assign(self) -> dict[str, Any]:
        if self._maybe(CHANCE_OF_A_FAULT):
            return {"type": "@assign", "context": {"n": _expr("event.x + 1")}}
        if self._maybe(0.25):
            value = _expr(self._chance.choice(TOLD))
            return {"type": "@assign", "context": {"told": value}}
        key = self._chance.choice(("n", "n", "m"))
        return {"type": "@assign", "context": {key: _expr(self._chance.choice(VALUES))}}

    def _raise(self) -> dict[str, Any]:
        event: dict[str, Any] = {"type": self._chance.choice(RAISED)}
        if self._maybe(0.4):
            event["x"] = _expr("context.n")
        raised: dict[str, Any] = {"type": "@raise", "event": event}
        if self._maybe(0.6):
            raised["delay"] = self._chance.choice((5, 15, "PT0.007S", "slow", "paced"))
            if self._maybe(0.6):
                raised["id"] = self._chance.choice(("d1", "d2"))
        return raised

    def _maybe(self, probability: float) -> bool:
        return self._chance.random() < probability
