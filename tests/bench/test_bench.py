"""The bench at a hundredth of its size: that it runs, checks what it ran, and says what it cost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.engine.contender import Figures
from bench.engine.foliot import Foliot
from bench.engine.python_statemachine import PythonStatemachine
from bench.engine.shapes import shapes
from bench.figures import Latency
from bench.meter import GROUPS, PLANES
from bench.workloads import WORKLOADS

WITHIN_S = 100


class TestTheBench:
    def test_runs_every_workload_and_tells_what_each_cost(self, tmp_path: Path) -> None:
        """Figures nobody can produce again are worth nothing; an API that moved shows here."""
        written = tmp_path / "figures.json"

        ran = subprocess.run(
            [
                *(sys.executable, "-m", "bench", "--scale", "0.01", "--quiet-wait", "0"),
                *("--json", str(written)),
            ],
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


class TestTheBenchOfTheEngine:
    def test_measures_this_engine_and_the_one_that_is_installed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Their machines are made of the same specs; a figure means that the event was taken."""
        monkeypatch.setattr("bench.engine.timing.BATCHES", 1)
        monkeypatch.setattr("bench.engine.timing.BATCH_S", 0.0)

        for contender in (Foliot(), PythonStatemachine()):
            for shape in shapes():
                figures = contender.measure(shape)

                assert 0 < figures.event_us < 1e6 * figures.compile_ms
                assert figures.memory_bytes > 1_000

    def test_keeps_the_best_of_all_rounds(self) -> None:
        """What another process disturbed is not the engine's."""
        one = Figures(event_us=6.0, stored_us=12.0, compile_ms=1.0, memory_bytes=9)
        other = Figures(event_us=7.0, stored_us=11.0, compile_ms=2.0, memory_bytes=8)

        assert one.best(other) == Figures(
            event_us=6.0, stored_us=11.0, compile_ms=1.0, memory_bytes=8
        )


class TestTheBenchOfWatchers:
    def test_tells_what_they_cost_and_how_soon_they_hear(self, tmp_path: Path) -> None:
        """A few, for a moment: that it runs, and that every kind of watcher is told."""
        written = tmp_path / "figures.json"

        ran = subprocess.run(
            [
                *(sys.executable, "-m", "bench.watching", "--streams", "8", "--rate", "100"),
                *("--seconds", "2", "--json", str(written)),
            ],
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

        assert 0 == ran.returncode, ran.stderr
        figures = json.loads(written.read_text())
        assert {"instance", "feed", "whole feed"} == figures["lag_ms"].keys()
        assert figures["told_per_s"] > figures["entries_per_s"] > 0
