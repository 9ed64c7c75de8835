"""A few seconds of each campaign, from a fixed seed: planes, servers and network tormented."""

import pytest

from tests.campaigns.chaos.campaign import run_once
from tests.campaigns.chaos.points import Cell, run

SEED = 7
STORIES = 40
LASTS_S = 5.0
RATE = 0.7
CELLS = (
    Cell("store.write.after", "kill", "chain"),
    Cell("store.write.before", "error", "talk"),
    Cell("turn.committed", "stop", "parent"),
    Cell("stream.report.after", "kill", "call"),
    Cell("attempt.end", "kill", "rest"),
    Cell("executor.send.after", "error", "ask"),
)
AT_MOST_S = 300
"""About 15 s each on two cores that are idle; faults come by the clock, however slow the rest."""


@pytest.mark.timeout(AT_MOST_S)
class TestAWholeFoliotInTorment:
    async def test_loses_nothing_that_was_acknowledged(self) -> None:
        """Two control planes, four executors, and faults nearly as often as in `make chaos`."""
        result = await run_once(SEED, stories=STORIES, rate=RATE, at_least_s=LASTS_S)

        assert [] == result.violations
        # The shop rolls some of its transactions back: those start nothing.
        assert result.instances > STORIES // 2
        assert min(result.faults[kind] for kind in ("kill", "pause")) > 0

    async def test_comes_to_its_end_whatever_strikes_at_a_failpoint(self) -> None:
        """Some cells of point, action and kind of work; `make chaos-points` has them all."""
        passage = await run(SEED, CELLS)

        assert [] == passage.violations
        assert set(CELLS) == passage.struck
