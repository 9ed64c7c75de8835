"""References to secrets: those of the definition go to the executor, those of data nowhere."""

from typing import Any

import pytest

from control_plane.engine import CreateTask, ExpressionFailed
from tests.engine.telling import Instance, expr


def asking(input_: Any, source: str = "http", **more: Any) -> Instance:
    """An instance whose task is created with this input, after an event with a payload."""
    return Instance(
        {
            "id": "m",
            "initial": "idle",
            "states": {
                "idle": {"on": {"GO": "asking"}},
                "asking": {"invoke": {"id": "ask", "src": source, "input": input_, **more}},
            },
        }
    )


def created(it: Instance, payload: Any) -> Any:
    """The input with which the task is created."""
    it.send("GO", payload)
    [command] = [one for one in it.decision.commands if isinstance(one, CreateTask)]
    return command.input


class TestAReference:
    def test_of_the_definition_reaches_the_executor_as_it_stands(self) -> None:
        """Beside what is computed; only there is a secret put in its place."""
        it = asking(
            {
                "url": expr("event.url"),
                "auth": {"bearer": {"$secret": "token"}},
                "json": [{"$secret": "pin"}, expr("event.note")],
            }
        )

        assert {
            "url": "https://example.com",
            "auth": {"bearer": {"$secret": "token"}},
            "json": [{"$secret": "pin"}, 'say "$secret": no'],
        } == created(it, {"url": "https://example.com", "note": 'say "$secret": no'})

    @pytest.mark.parametrize("source", ["http", "email"])
    @pytest.mark.parametrize(
        ("input_", "payload"),
        [
            ({"json": expr("event.data")}, {"data": {"$secret": "token"}}),
            ({"json": expr("event.data")}, {"data": [{"deep": [{"$secret": "token"}]}]}),
            ({"a": [1, expr("event.data")]}, {"data": {"$secret": "token", "more": 1}}),
            (expr("event.data"), {"data": {"url": {"$secret": "token"}}}),
            ({"a": expr('{"$" + "secret": event.data}')}, {"data": "token"}),
        ],
    )
    def test_that_data_brings_fails_the_expression(
        self, source: str, input_: Any, payload: Any
    ) -> None:
        """Or whoever sends an event could have a secret sent to themselves."""
        it = asking(input_, source)
        refusal = it.send("GO", payload).refusal
        assert isinstance(refusal, ExpressionFailed)

        assert "is for the definition to say" in refusal.message
        assert () == it.decision.commands

    def test_is_data_like_any_other_to_a_function(self) -> None:
        """Nobody puts a secret in its place there."""
        it = asking({"data": expr("event.data")}, "system.echo")

        assert {"data": {"$secret": "token"}} == created(it, {"data": {"$secret": "token"}})
