"""A minute's worth of the campaign, from a fixed seed: planes, servers and network tormented."""

from tests.campaigns.chaos.campaign import run_once

SEED = 7
STORIES = 60
LASTS_S = 6.0


class TestAWholeFoliotInTorment:
    async def test_loses_nothing_that_was_acknowledged(self) -> None:
        """Two control planes, four executors, and faults as often as `make chaos` has them."""
        result = await run_once(SEED, stories=STORIES, at_least_s=LASTS_S)

        assert [] == result.violations
        assert result.instances >= STORIES
        assert min(result.faults[kind] for kind in ("kill", "pause")) > 0
