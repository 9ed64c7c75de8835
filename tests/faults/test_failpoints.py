"""Failpoints: every name is one place, and what is armed happens there and nowhere else."""

import ast
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import pytest

from control_plane.bootstrap import check as check_control_plane
from control_plane.settings import ControlPlaneSettings
from executor.bootstrap import check as check_executor
from shared.errors import InvalidRequest, Unavailable
from shared.failpoints import POINTS, VARIABLE, armed, failpoint, failpoint_now, parse
from shared.settings import Settings
from tests.architecture.tree import parsed, production_files

AT_LEAST = 40
VISITS = 1_000
DELAY_S = 0.02

SUICIDE = """
import asyncio
from shared.failpoints import armed, failpoint
async def main():
    with armed("turn.decided=kill,nth=2"):
        await failpoint("turn.decided")
        print("alive", flush=True)
        await failpoint("turn.decided")
        print("still alive", flush=True)
asyncio.run(main())
"""


class TestTheTable:
    def test_has_every_point_of_the_code_once_and_no_other(self) -> None:
        """A name that is used twice would strike in two places; one that is not used, nowhere."""
        used = Counter(
            node.args[0].value
            for path in production_files()
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"failpoint", "failpoint_now"}
            and isinstance(node.args[0], ast.Constant)
        )

        assert dict.fromkeys(POINTS, 1) == used
        assert len(POINTS) >= AT_LEAST


class TestAPlaneThatIsToldToFail:
    @pytest.mark.parametrize(
        "check",
        [
            lambda settings: check_control_plane(settings, ControlPlaneSettings()),
            check_executor,
        ],
        ids=["control plane", "executor"],
    )
    def test_does_not_start_outside_dev_mode(
        self, check: Callable[[Settings], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A variable that was left over must not make a production system die."""
        monkeypatch.setenv(VARIABLE, "store.write.after=kill")

        with pytest.raises(InvalidRequest, match="FOLIOT_FAILPOINTS is set"):
            check(Settings(mode="production", database_url="postgresql://db/foliot"))

    @pytest.mark.parametrize(
        "text",
        [
            "store.wirte.after=kill",
            "store.write.after=die",
            "store.write.after=delay",
            "store.write.after=error,sometimes",
            "store.write.after=error,p=often",
            "seed=x",
        ],
    )
    def test_says_what_it_does_not_understand(self, text: str) -> None:
        """A misspelt fault would be one that never comes, and a test that shows nothing."""
        with pytest.raises(InvalidRequest, match=VARIABLE):
            parse(text)


class TestAFailpoint:
    async def test_does_nothing_unless_it_is_armed(self) -> None:
        """No error, no state: all that is left of it is a look at one variable."""
        await failpoint("store.write.after")
        failpoint_now("outbox.keep.before")

        with armed("store.write.before=error") as faults:
            await failpoint("store.write.after")

        assert {"store.write.after": 1} == faults.visits

    async def test_raises_what_goes_wrong_at_its_place(self) -> None:
        """A lost connection where there is one, and a peer's refusal where that is known."""
        with armed("store.write.after=error;executor.claim.after=error"):
            with pytest.raises(ConnectionResetError):
                await failpoint("store.write.after")
            with pytest.raises(Unavailable):
                await failpoint("executor.claim.after")

    async def test_can_lose_the_answer_of_what_was_done(self) -> None:
        """Execute, then error: the operation is before the point, and its caller hears no more."""
        with armed("store.write=execute-then-error"):
            await failpoint("store.write.before")
            with pytest.raises(ConnectionResetError):
                await failpoint("store.write.after")

    async def test_strikes_on_the_visit_it_was_told(self) -> None:
        """The third time, and no other."""
        struck = []
        with armed("store.write.after=error,nth=3"):
            for visit in range(1, 6):
                try:
                    await failpoint("store.write.after")
                except ConnectionResetError:
                    struck.append(visit)

        assert [3] == struck

    async def test_strikes_once_if_told_so(self) -> None:
        """What comes after the fault is what a test wants to see."""
        with armed("store.*=error,once"):
            with pytest.raises(ConnectionResetError):
                await failpoint("store.read.before")
            await failpoint("store.write.after")

    async def test_strikes_by_the_same_dice_for_the_same_seed(self) -> None:
        """A campaign that found something is run again."""

        async def struck() -> list[int]:
            found = []
            with armed("store.write.after=error,p=0.1;seed=7"):
                for visit in range(VISITS):
                    try:
                        await failpoint("store.write.after")
                    except ConnectionResetError:
                        found.append(visit)
            return found

        first = await struck()

        assert first == await struck()
        assert 50 < len(first) < 200

    async def test_can_be_slow(self) -> None:
        """A slow disk, a slow network; where nothing can be awaited, a process that stalls."""
        with armed(f"store.write.after=delay:{DELAY_S};outbox.keep.after=delay:{DELAY_S}"):
            began = time.monotonic()
            await failpoint("store.write.after")
            failpoint_now("outbox.keep.after")

        assert time.monotonic() - began >= 2 * DELAY_S

    def test_can_kill_its_process_at_that_instruction(self) -> None:
        """No handler runs, nothing is flushed: as the kernel would, on its second visit here."""
        ended = subprocess.run([sys.executable, "-c", SUICIDE], capture_output=True, check=False)

        assert -signal.SIGKILL == ended.returncode
        assert b"alive\n" == ended.stdout
