"""The README's first command, as a stranger runs it, and with things going wrong around it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.commands import Command, named, running, wait_for

ENDS_WELL = "instance completed"
ORPHANS_WITHIN_S = 3.0

TASKS = 4


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Command]:
    """A `foliot dev` of the test's own."""
    with running("dev", "--data-dir", str(tmp_path / "data")) as command:
        command.until("is serving")
        yield command


class TestTheDemo:
    def test_tells_its_story_and_leaves_nothing_behind(self, tmp_path: Path) -> None:
        """All five kinds of step, the person included; then the snapshot, history and diagram."""
        with running("demo", "--data-dir", str(tmp_path / "data")) as demo:
            demo.until("is active")
            demo.family()
            status = demo.wait()

            assert 0 == status, demo.output
            for told in (
                "SYSTEM.greet",
                "(TIMER)",
                "(HTTP)",
                "(HUMAN)",
                "approves, by RPC",
                "reviewing → delivered",
                '"status": "COMPLETED"',
                "stateDiagram-v2",
            ):
                assert told in demo.output
            wait_for(lambda: not demo.survivors(), ORPHANS_WITHIN_S)

    def test_goes_on_when_the_executor_is_killed_in_the_middle(
        self, dev: Command, tmp_path: Path
    ) -> None:
        """Each task is completed once: the history has one end for each."""
        with running("demo", "--data-dir", str(tmp_path / "data")) as demo:
            demo.until("pause (TIMER)")
            dev.child("-m executor").kill()

            assert 0 == demo.wait(), demo.output
            ended = re.findall(r"^\s+\d+\s+TASK_COMPLETED\s+(\d+)", demo.output, re.MULTILINE)
            assert [str(number) for number in range(1, TASKS + 1)] == ended

    def test_goes_on_when_the_control_plane_is_killed_in_the_middle(
        self, dev: Command, tmp_path: Path
    ) -> None:
        """The watcher reconnects and misses nothing; what was acknowledged is there."""
        with running("demo", "--data-dir", str(tmp_path / "data")) as demo:
            demo.until("pause (TIMER)")
            dev.child("-m control_plane serve").kill()

            assert 0 == demo.wait(), demo.output
            told = re.findall(r"✓ task completed", demo.output)
            assert TASKS == len(told)

    def test_goes_on_when_the_database_is_killed_in_the_middle(
        self, dev: Command, tmp_path: Path
    ) -> None:
        """PostgreSQL is restarted, recovers, and everybody reconnects by themselves."""
        with running("demo", "--data-dir", str(tmp_path / "data")) as demo:
            demo.until("pause (TIMER)")
            named(dev.family(), "postgres")[0].kill()

            assert 0 == demo.wait(), demo.output
            assert ENDS_WELL in demo.output

    def test_needs_no_redis(self, dev: Command, tmp_path: Path) -> None:
        """Redis only rings the bell: without it, polls find the work."""
        named(dev.family(), "valkey")[0].kill()
        with running("demo", "--data-dir", str(tmp_path / "data")) as demo:
            assert 0 == demo.wait(), demo.output
            assert ENDS_WELL in demo.output
