"""The bench at a hundredth of its size: that it runs, checks what it ran, and says what it cost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.figures import Latency
from bench.meter import GROUPS, PLANES
from bench.workloads import WORKLOADS

WITHIN_S = 100


class TestTheBench:
    def test_runs_every_workload_and_tells_what_each_cost(self, tmp_path: Path) -> None:
        """Figures nobody can produce again are worth nothing; an API that moved shows here."""
        written = tmp_path / "figures.json"

        ran = subprocess.run(
            [sys.executable, "-m", "bench", "--scale", "0.01", "--json", str(written)],
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

        assert 0 == ran.returncode, ran.stderr
        figures = json.loads(written.read_text())
        assert [workload.name for workload in WORKLOADS] == [one["workload"] for one in figures]
        for one in figures:
            assert one["rate"] > 0
            assert one["wal_bytes_per_step"] > 0
            assert set(GROUPS) == set(one["cpu_s"])
            assert set(PLANES) == set(one["memory_mb"])

    def test_says_which_workloads_there_are_if_asked_for_another(self) -> None:
        """A mistyped name must not run something else for minutes."""
        ran = subprocess.run(
            [sys.executable, "-m", "bench", "--only", "W9"],
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

        assert 2 == ran.returncode
        assert "W2lat" in ran.stderr


class TestALatency:
    @pytest.mark.parametrize(
        ("times_s", "expected"),
        [
            ([0.002], Latency(p50=2.0, p99=2.0, worst=2.0)),
            ([0.004, 0.001, 0.003, 0.002], Latency(p50=3.0, p99=4.0, worst=4.0)),
        ],
    )
    def test_is_in_milliseconds_and_one_of_the_times(
        self, times_s: list[float], expected: Latency
    ) -> None:
        """An interpolated percentile is a time that nobody waited."""
        assert expected == Latency.of(times_s)
