"""Metrics are an interface: each is in the table, bounded, and adds up over processes."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from shared.telemetry.metric_names import Described, Metric
from shared.telemetry.metrics import (
    OTHER,
    Capped,
    Tenants,
    bury,
    counter,
    gauge,
    histogram,
    the_dead,
)
from tests.architecture.tree import ROOT, parsed, production_files, shown

TABLE = {metric: metric.value for metric in Metric}
MAKERS = {"counter", "gauge", "histogram", "Counts"}
UNITS = {"seconds": "_seconds", "bytes": "_bytes"}

WRITER = """
import os, sys
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import Counts, gauge, histogram
Counts(Metric.ATTEMPTS).add("SYSTEM", "succeeded", count=int(sys.argv[1]))
gauge(Metric.RUNNING).set(int(sys.argv[1]))
gauge(Metric.QUEUE_READY).labels("default", "SYSTEM").set(int(sys.argv[1]))
histogram(Metric.CLAIM_TASKS).observe(int(sys.argv[1]))
print(os.getpid(), flush=True)
sys.stdin.read()
"""

READER = """
from prometheus_client import generate_latest
from shared.telemetry.metrics import bury, exposed, the_dead
bury(the_dead())
print(generate_latest(exposed()).decode())
"""


def measuring_files() -> Iterator[Path]:
    """Those that have a part in metrics."""
    for path in production_files():
        if "shared.telemetry.metric" in path.read_text("utf-8"):
            yield path


def uses(tree: ast.AST) -> set[str]:
    """The members of Metric that the code names."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Metric"
    }


class TestTheTable:
    @pytest.mark.parametrize("metric", Metric)
    def test_names_a_metric_as_prometheus_wants_it(self, metric: Metric) -> None:
        """By its name alone one can tell what it is, and in which unit."""
        of = metric.value

        assert re.fullmatch(r"foliot_[a-z]+(_[a-z]+)*", of.name)
        assert (of.kind == "counter") == of.name.endswith("_total")
        assert of.name.endswith(UNITS.get(of.unit, ""))
        assert bool(of.buckets) == (of.kind == "histogram")
        assert all(re.fullmatch(r"[a-z]+", label) for label in of.labels)
        assert of.says.endswith(".")

    def test_has_each_name_once(self) -> None:
        """Two metrics of a name would be one that says two things."""
        names = [of.name for of in TABLE.values()]

        assert len(names) == len(set(names))

    def test_has_nothing_that_nobody_tells(self) -> None:
        """An alert on what is never set is never heard."""
        told = {name for path in measuring_files() for name in uses(parsed(path))}

        assert set(Metric.__members__) == told

    def test_is_where_every_instrument_comes_from(self) -> None:
        """One made on the spot is in no page, and bounded by nobody."""
        strays = [
            f"{shown(path)}:{call.lineno}"
            for path in measuring_files()
            for call in ast.walk(parsed(path))
            if isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id in MAKERS
            and path.name != "metrics.py"
            and not any(uses(argument) or _is_of_table(argument) for argument in call.args)
        ]

        assert [] == strays


def _is_of_table(argument: ast.expr) -> bool:
    """A loop over members of the table."""
    return isinstance(argument, ast.Name) and argument.id == "metric"


class TestAnInstrument:
    def test_is_made_once(self) -> None:
        """Whoever asks for it gets the same."""
        assert counter(Metric.SESSIONS_LOST) is counter(Metric.SESSIONS_LOST)

    @pytest.mark.parametrize(
        ("make", "metric"),
        [
            (counter, Metric.RUNNING),
            (gauge, Metric.CLAIM_TASKS),
            (histogram, Metric.ATTEMPTS),
        ],
    )
    def test_of_another_kind_is_refused(
        self, make: Callable[[Metric], object], metric: Metric
    ) -> None:
        """The table says what it is."""
        with pytest.raises(TypeError):
            make(metric)


class TestALabelFromOutside:
    def test_has_so_many_values_and_then_others(self) -> None:
        """A tenant that makes a queue an hour must not fill anybody's Prometheus."""
        capped = Capped(2)

        assert ["a", "b", OTHER, "a", OTHER] == [capped(one) for one in "abcad"]

    def test_of_a_tenant_is_empty_unless_it_was_asked_for(self) -> None:
        """Prometheus takes it for absent."""
        assert ["", ""] == [Tenants(0)(one) for one in ("acme", "globex")]

    def test_of_a_tenant_is_its_name_as_long_as_there_is_room(self) -> None:
        """As many as the setting says."""
        told = Tenants(1)

        assert ["acme", OTHER, "acme"] == [told(one) for one in ("acme", "globex", "acme")]


class TestTwoProcessesOfAMachine:
    def test_are_read_as_one(self, tmp_path: Path) -> None:
        """Counts add up, what is under way adds up while it lives, and a sample is the newest."""
        writers = [_started(WRITER, tmp_path, count) for count in (3, 4)]
        try:
            both = _read(tmp_path)
            # The second one dies without a word, as processes do.
            writers[1].kill()
            writers[1].wait()
            one = _read(tmp_path)
        finally:
            for writer in writers:
                writer.kill()
                writer.communicate()

        attempts = ("foliot_attempts_total", (("state", "succeeded"), ("type", "SYSTEM")))
        running = ("foliot_executor_running_tasks", ())
        ready = ("foliot_queue_ready_tasks", (("queue", "default"), ("type", "SYSTEM")))
        claims = ("foliot_claim_tasks_count", ())
        assert [7, 7, 4, 2] == [both[one] for one in (attempts, running, ready, claims)]
        assert [7, 3, 3, 2] == [one[it] for it in (attempts, running, ready, claims)]

    def test_leave_nothing_to_bury_where_nothing_is_shared(self) -> None:
        """A process on its own has no others."""
        bury(the_dead())

        assert [] == the_dead()


def _environment(shared: Path) -> dict[str, str]:
    return {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(shared), "PYTHONPATH": str(ROOT)}


def _started(program: str, shared: Path, count: int) -> "subprocess.Popen[str]":
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(count)],
        env=_environment(shared),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert str(writer.pid) == writer.stdout.readline().strip()
    return writer


def _read(shared: Path) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    printed = subprocess.run(
        [sys.executable, "-c", READER],
        env=_environment(shared),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families(printed)
        for sample in family.samples
    }


def test_described_is_what_the_table_holds() -> None:
    """A member that is something else would have no name."""
    assert all(isinstance(of, Described) for of in TABLE.values())
