"""Where a spec asks for what this server does not offer."""

from typing import Any

import pytest

from control_plane.use_cases.offers import TASK_TYPES, unavailable
from shared import json
from shared.tasks import TaskType


def found_in(spec: dict[str, Any]) -> tuple[str, str] | None:
    found = unavailable(json.dump(spec))
    return None if found is None else (found.what, found.json_pointer)


class TestASpec:
    @pytest.mark.parametrize("task_type", TASK_TYPES)
    def test_may_use_every_type_on_offer(self, task_type: TaskType) -> None:
        """What GetServerInfo lists can be activated."""
        assert found_in({"invoke": {"src": task_type.lower() + ".x"}}) is None

    @pytest.mark.parametrize(
        ("spec", "what", "pointer"),
        [
            ({"invoke": {"src": "ai"}}, "AI", "/invoke/src"),
            ({"invoke": [{"src": "http"}, {"src": "email"}]}, "EMAIL", "/invoke/1/src"),
            (
                {"invoke": {"src": "http", "timeout": {"heartbeat": "PT5S"}}},
                "a heartbeat timeout",
                "/invoke/timeout/heartbeat",
            ),
            (
                {"actions": {"a/b": {"type": "createTask", "params": {"type": "EMAIL"}}}},
                "EMAIL",
                "/actions/a~1b/params/type",
            ),
        ],
    )
    def test_that_asks_for_more_is_told_where(
        self, spec: dict[str, Any], what: str, pointer: str
    ) -> None:
        """The pointer leads an editor to the place."""
        assert (what, pointer) == found_in(spec)

    def test_is_told_what_to_use_instead(self) -> None:
        """A refusal without a way out is half an answer."""
        found = unavailable('{"invoke": {"src": "ai"}}')

        assert found is not None
        assert "system." in found.instead

    def test_may_carry_such_words_as_data(self) -> None:
        """What a task is given is the author's, whatever its keys are called."""
        spec = {
            "context": {"src": "ai"},
            "invoke": {"src": "http", "input": {"src": "email", "type": "createTask"}},
            "meta": {"onCancel": "compensate"},
        }

        assert found_in(spec) is None
