"""The same moves for hypothesis, which finds the shortest way to a disagreement."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.faults.drive import MOVES, System


def machine_of(runner: asyncio.Runner, system: System) -> type[RuleBasedStateMachine]:
    """A machine whose every example begins with nothing, and is looked at after each move."""

    def begin(self: RuleBasedStateMachine) -> None:
        RuleBasedStateMachine.__init__(self)
        runner.run(system.clean())

    def of(name: str) -> Callable[[RuleBasedStateMachine, st.DataObject], None]:
        async def move(data: st.DataObject) -> None:
            await getattr(system, name)(lambda below: data.draw(st.integers(0, below - 1)))
            await system.look()
            await system.examine()

        def make(self: RuleBasedStateMachine, data: st.DataObject) -> None:
            runner.run(move(data))

        make.__name__ = name
        return make

    rules: dict[str, Any] = {name: rule(data=st.data())(of(name)) for name in dict.fromkeys(MOVES)}
    return type("Model", (RuleBasedStateMachine,), {"__init__": begin, **rules})
