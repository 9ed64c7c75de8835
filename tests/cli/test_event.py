"""`foliot event`, against a control plane that serves."""

import json
from pathlib import Path

from tests.cli.conftest import Foliot


def line(number: int, action: str = "start", **more: object) -> str:
    return json.dumps(
        {
            "event_id": f"e-{number}",
            "type": "SUBMIT",
            "definition_key": "approval",
            "business_key": f"A-{number}",
            "payload": {"amount": number},
            "action": action,
            **more,
        }
    )


class TestIngesting:
    async def test_takes_in_more_lines_than_a_batch_holds(
        self, approvals: Foliot, tmp_path: Path
    ) -> None:
        """From a file, whose blank lines count for nothing; a repeat changes nothing."""
        file = tmp_path / "events.jsonl"
        file.write_text("\n\n".join(line(number) for number in range(1, 251)))

        first = await approvals.run("event", "ingest", str(file), "-o", "json")
        again = await approvals.run("event", "ingest", str(file), "-o", "json")
        counted = await approvals.run("instance", "count")

        nothing = {"started": 0, "delivered": 0, "repeated": 0, "refused": []}
        assert {**nothing, "started": 250} == json.loads(first.stdout)
        assert {**nothing, "repeated": 250} == json.loads(again.stdout)
        assert "250\n" == counted.stdout

    async def test_gives_events_to_whom_they_are_for(self, approvals: Foliot) -> None:
        """What is for nobody is told with its line, and the rest goes on."""
        lines = [line(1), line(2, "correlate"), line(1, "correlate", event_id="e-9")]

        told = await approvals.run("event", "ingest", "-", given="\n".join(lines))

        assert 1 == told.exit_code
        assert "line 2: INSTANCE_NOT_FOUND: " in told.stderr
        assert ["1", "1", "0", "1"] == [row.split()[-1] for row in told.stdout.splitlines()]

    async def test_of_a_line_that_is_none_says_where(self, approvals: Foliot) -> None:
        """What stands before it in full batches is taken in, and counted."""
        for wrong, says in (
            ("{", "<stdin>:2: this line is not JSON"),
            ("[]", "<stdin>:2: give an object"),
            ('{"kind": 1}', "<stdin>:2: there is no 'kind'"),
            ('{"action": "eat"}', "<stdin>:2: the action is start or correlate"),
            ('{"type": 1}', "<stdin>:2: type is a text"),
        ):
            refused = await approvals.run("event", "ingest", "-", given=f"{line(1)}\n{wrong}\n")

            assert (1, True) == (refused.exit_code, says in refused.stderr)

    async def test_of_a_file_that_is_not_there_says_so(self, approvals: Foliot) -> None:
        """By its name."""
        refused = await approvals.run("event", "ingest", "/nowhere/x.jsonl")

        assert (1, True) == (refused.exit_code, "/nowhere/x.jsonl: No such file" in refused.stderr)
