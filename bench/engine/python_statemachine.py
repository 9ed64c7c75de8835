"""python-statemachine with a statechart that it loaded from JSON, its expressions restricted."""

import json
from importlib.metadata import version
from typing import Any

from statemachine.io import load

from bench.engine.contender import Figures
from bench.engine.shapes import EVENT, Shape, Spec
from bench.engine.timing import best_us, taken_bytes

_GUARD = "amount > 10 and n >= 0"
_COUNT = {"assign": {"location": "n", "expr": "n + 1"}}
_SEEN = {"assign": {"location": "seen", "expr": "n"}}
_PAYLOAD = {key: value for key, value in EVENT.items() if key != "type"}


class PythonStatemachine:
    def __init__(self) -> None:
        self.name = f"python-statemachine {version('python-statemachine')}"

    def measure(self, shape: Shape) -> Figures:
        """
        No figure for storage: of a loaded class only the first instance has its data, so that
        each event from storage would have to load the document again.
        """
        text = json.dumps(_document(shape.spec))
        machine = _made(text)

        def event() -> None:
            machine.send(EVENT["type"], **_PAYLOAD)

        return Figures(
            event_us=best_us(event),
            stored_us=None,
            compile_ms=best_us(lambda: _made(text)) / 1e3,
            memory_bytes=taken_bytes(lambda: _made(text)),
        )

    def close(self) -> None:
        """There is nothing to let go of."""


def _made(text: str) -> Any:
    machine = load(text, format="json")()
    before = machine.model.n
    machine.send(EVENT["type"], **_PAYLOAD)
    if machine.model.n != before + 1:
        raise RuntimeError("python-statemachine did not take the event")
    return machine


def _document(spec: Spec) -> dict[str, Any]:
    datamodel = [{"id": key, "expr": json.dumps(value)} for key, value in spec["context"].items()]
    for item in datamodel:
        item["expr"] = item["expr"].replace("true", "True")
    return {"name": spec["id"], "datamodel": datamodel, "states": _states(spec)}


def _states(around: Spec) -> dict[str, Any]:
    found = {}
    for key, state in around["states"].items():
        made = found[key] = {"initial": around.get("initial", key) == key}
        if "entry" in state:
            made["enter"] = _SEEN
        made["transitions"] = [_transition(*one) for one in state.get("on", {}).items()]
        if "states" in state:
            made |= {"parallel": state.get("type") == "parallel", "states": _states(state)}
    return found


def _transition(event: str, transition: Any) -> dict[str, Any]:
    if isinstance(transition, str):
        return {"event": event, "target": transition}
    return {"event": event, "target": transition["target"], "cond": _GUARD, "on": _COUNT}
