"""Where a spec asks for what this server does not offer."""

from typing import Any

import pytest

from control_plane.engine import compile_spec
from control_plane.use_cases.offers import TASK_TYPES, unavailable
from control_plane.use_cases.validate_definition import validate_definition
from shared import json
from shared.json import Json
from shared.tasks import TaskType

ASKED: dict[str, Json] = {"E": {"actions": {"type": "@log", "value": "asked"}}}
ASKING: dict[str, Json] = {"src": "ai", "events": ["E"], "onError": {}}
BEATING: dict[str, Json] = {"timeout": {"heartbeat": "PT5S"}}


def found_in(spec: dict[str, Any]) -> tuple[str, str] | None:
    text = json.dump(spec)
    found = next(unavailable(compile_spec(text)), None)
    return None if found is None else (found.what, found.json_pointer)


class TestASpec:
    @pytest.mark.parametrize("task_type", TASK_TYPES)
    def test_may_use_every_type_on_offer(self, task_type: TaskType) -> None:
        """What GetServerInfo lists can be activated."""
        has_name = task_type in (TaskType.SYSTEM, TaskType.WORKFLOW)
        source = f"{task_type.lower()}.x" if has_name else task_type.lower()

        more = {"events": ["E"]} if task_type is TaskType.AI else {}
        invoke = {"src": source, "input": {"delay": "PT1S"}, **more}

        assert found_in({"on": ASKED, "invoke": invoke}) is None

    @pytest.mark.parametrize(
        ("spec", "what", "pointer"),
        [
            (
                {"invoke": [{"src": "http"}, {"src": "email", **BEATING}]},
                "a heartbeat timeout of EMAIL tasks",
                "/invoke/1/timeout/heartbeat",
            ),
            (
                {"invoke": {"src": "http", "timeout": {"heartbeat": "PT5S"}}},
                "a heartbeat timeout of HTTP tasks",
                "/invoke/timeout/heartbeat",
            ),
            (
                {"on": ASKED, "invoke": {**ASKING, **BEATING}},
                "a heartbeat timeout of AI tasks",
                "/invoke/timeout/heartbeat",
            ),
            (
                {"invoke": {"src": "human", "compensation": {"src": "http", **BEATING}}},
                "a heartbeat timeout of HTTP tasks",
                "/invoke/compensation/timeout/heartbeat",
            ),
            (
                {"actions": {"a/b": {"type": "createTask", "params": {"type": "HTTP", **BEATING}}}},
                "a heartbeat timeout of HTTP tasks",
                "/actions/a~1b/params/timeout/heartbeat",
            ),
        ],
    )
    def test_that_asks_for_more_is_told_where(
        self, spec: dict[str, Any], what: str, pointer: str
    ) -> None:
        """The pointer leads an editor to the place."""
        assert (what, pointer) == found_in(spec)

    def test_may_ask_functions_to_say_that_they_go_on(self) -> None:
        """They are what can."""
        spec = {"invoke": {"src": "system.crawl", "timeout": {"heartbeat": "PT5S"}}}

        assert found_in(spec) is None

    def test_is_told_what_to_use_instead(self) -> None:
        """A refusal without a way out is half an answer."""
        *_, found = validate_definition(json.dump({"invoke": {"src": "http", **BEATING}}))

        assert ("warning", "task-type-not-available") == (found.severity, found.rule)
        assert "startToClose" in found.remedy

    def test_may_carry_such_words_as_data(self) -> None:
        """What a task is given is the author's, whatever its keys are called."""
        spec = {
            "context": {"src": "ai"},
            "invoke": {"src": "http", "input": {"src": "email", "type": "createTask"}},
            "entry": {"type": "@emit", "event": {"type": "sent", "src": "email"}},
            "meta": {"onCancel": "compensate"},
        }

        assert found_in(spec) is None
