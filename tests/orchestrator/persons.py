"""People at tasks: who they are, and the definitions that ask them."""

from typing import Any

import pytest

from control_plane.orchestrator.request import Asked
from control_plane.ports.people import Person
from shared.errors import FoliotError
from shared.ids import InstanceId
from tests.engine.telling import expr
from tests.orchestrator.stage import Stage

BOSSES = frozenset({"boss"})
ADA = Person(name="key:a", user="ada", roles=BOSSES)
BO = Person(name="key:b", user="bo", roles=BOSSES)
CY = Person(name="key:c", user="cy", roles=BOSSES)
EVE = Person(name="key:e", user="eve")
OLGA = Person(name="key:o", user="olga", manages=True, sees_all=True)


def asking(*, on: dict[str, Any] | None = None, **people: Any) -> dict[str, Any]:
    """One human task, whose end is the instance's; the output tells which end."""
    invoke = {
        "id": "ask",
        "src": "human",
        "candidates": {"roles": ["boss"]},
        "onDone": {"target": "done", "actions": _keep("event.output")},
        "onError": {"target": "done", "actions": _keep("event.error")},
        **people,
    }
    return {
        "id": "order",
        "context": {"end": None},
        "initial": "asking",
        "states": {"asking": {"invoke": invoke, "on": on or {}}, "done": {"type": "final"}},
        "output": expr("context.end"),
    }


def in_turn(**second: Any) -> dict[str, Any]:
    """Two human tasks, one after the other."""
    bosses = {"candidates": {"roles": ["boss"]}}
    first = {"id": "draft", "src": "human", **bosses, "onDone": "checking", "onError": "done"}
    check = {"id": "check", "src": "human", **bosses, "onDone": "done", "onError": "done", **second}
    return {
        "id": "order",
        "initial": "drafting",
        "states": {
            "drafting": {"invoke": first},
            "checking": {"invoke": check},
            "done": {"type": "final"},
        },
    }


async def begun(stage: Stage, spec: dict[str, Any]) -> InstanceId:
    await stage.define(spec)
    return (await stage.start()).instance_id


async def refusal(stage: Stage, instance_id: InstanceId, asked: Asked) -> FoliotError:
    with pytest.raises(FoliotError) as refused:
        await stage.ask(instance_id, asked)
    return refused.value


def _keep(what: str) -> dict[str, Any]:
    return {"type": "@assign", "context": {"end": expr(what)}}
