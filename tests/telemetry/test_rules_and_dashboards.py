"""Rules and dashboards ask for metrics that are told, by labels that they have."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from shared.telemetry.metric_names import Metric
from tests.architecture.tree import ROOT
from tests.telemetry.promql import OF_TARGETS, grouped, known, selected, wrong_with

RULES = yaml.safe_load((ROOT / "deploy/prometheus/foliot.rules.yml").read_text("utf-8"))
CASES = yaml.safe_load((ROOT / "deploy/prometheus/foliot.rules.test.yml").read_text("utf-8"))
DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))
SCHEMA = json.loads((Path(__file__).parent / "dashboard.schema.json").read_text("utf-8"))

ALL_RULES = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in ALL_RULES if "alert" in rule]


def series() -> dict[str, frozenset[str]]:
    """What is told, and what the rules make of it."""
    recorded = {
        rule["record"]: OF_TARGETS | grouped(rule["expr"]) for rule in ALL_RULES if "record" in rule
    }
    return known() | {name: labels - {"le"} for name, labels in recorded.items()}


def panels(path: Path) -> Iterator[dict[str, Any]]:
    """Those with something in them."""
    for panel in json.loads(path.read_text("utf-8"))["panels"]:
        if panel["type"] != "row":
            yield panel


class TestARule:
    @pytest.mark.parametrize("rule", ALL_RULES, ids=lambda one: one.get("alert") or one["record"])
    def test_asks_for_what_is_told(self, rule: dict[str, Any]) -> None:
        """One about a metric of another name is quiet for ever."""
        assert [] == wrong_with(rule["expr"], series())


class TestAnAlert:
    @pytest.mark.parametrize("rule", ALERTS, ids=lambda one: str(one["alert"]))
    def test_says_how_bad_it_is_and_where_to_read_on(self, rule: dict[str, Any]) -> None:
        """Whoever is woken by it wants to know what to do."""
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert f"docs/runbooks/{rule['alert']}.md" == rule["annotations"]["runbook"]
        assert re.fullmatch(r"\d+m", rule["for"])

    def test_is_tried_both_ways(self) -> None:
        """By `promtool test rules`: that it is told when it should be, and is not when not."""
        tried = {True: set[str](), False: set[str]()}
        for case in CASES["tests"]:
            for one in case["alert_rule_test"]:
                tried[bool(one["exp_alerts"])].add(one["alertname"])

        assert {rule["alert"] for rule in ALERTS} == tried[True] == tried[False]


class TestADashboard:
    @pytest.mark.parametrize("path", DASHBOARDS, ids=lambda one: str(one.stem))
    def test_is_one_that_grafana_reads(self, path: Path) -> None:
        """It ignores what it does not know, and shows nothing instead."""
        found = json.loads(path.read_text("utf-8"))

        assert [] == [error.message for error in Draft202012Validator(SCHEMA).iter_errors(found)]
        assert path.stem == found["uid"]

    @pytest.mark.parametrize("path", DASHBOARDS, ids=lambda one: str(one.stem))
    def test_asks_for_what_is_told(self, path: Path) -> None:
        """An empty panel looks like a quiet system."""
        wrong = {
            panel["title"]: found
            for panel in panels(path)
            for target in panel["targets"]
            if (found := wrong_with(target["expr"], series()))
        }

        assert {} == wrong

    @pytest.mark.parametrize("path", DASHBOARDS, ids=lambda one: str(one.stem))
    def test_has_each_panel_in_a_place_of_its_own(self, path: Path) -> None:
        """Those that lie upon one another are moved, by Grafana, to wherever it likes."""
        found = json.loads(path.read_text("utf-8"))["panels"]
        ids = [panel["id"] for panel in found]

        assert len(ids) == len(set(ids))
        assert all(one["gridPos"]["x"] + one["gridPos"]["w"] <= 24 for one in found)
        assert [] == [
            (one["title"], other["title"])
            for one, other in combinations(found, 2)
            if _overlap(one["gridPos"], other["gridPos"])
        ]

    @pytest.mark.parametrize("path", DASHBOARDS, ids=lambda one: str(one.stem))
    def test_uses_the_labels_of_its_series_in_its_legends(self, path: Path) -> None:
        """A legend without its label is the same for every line."""
        wrong = [
            (panel["title"], label)
            for panel in panels(path)
            for target in panel["targets"]
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"])
            if label not in _labels_left(target["expr"])
        ]

        assert [] == wrong

    def test_shows_every_metric_that_there_is(self) -> None:
        """What nobody looks at need not be measured."""
        shown = {
            one.name
            for path in DASHBOARDS
            for panel in panels(path)
            for target in panel["targets"]
            for one in selected(target["expr"])
        }
        alarmed = {one.name for rule in ALL_RULES for one in selected(rule["expr"])}
        asked = " ".join(shown | alarmed)

        assert [] == [
            metric.value.name
            for metric in Metric
            if metric is not Metric.SLOTS and metric.value.name not in asked
        ]


class TestWhatIsWrongWithAnExpression:
    @pytest.mark.parametrize(
        ("expression", "says"),
        [
            ("foliot_no_such_total", "there is no metric foliot_no_such_total"),
            ('foliot_streams{kind="x"}', "foliot_streams has no label kind"),
            ("sum by (tenant) (foliot_streams)", "nothing has a label tenant"),
            ("rate(foliot_commit_seconds[5m])", "there is no metric foliot_commit_seconds"),
        ],
    )
    def test_is_found(self, expression: str, says: str) -> None:
        """A check that finds nothing in what is wrong finds nothing in what is right either."""
        assert [says] == wrong_with(expression, series())


def _labels_left(expression: str) -> set[str]:
    by = grouped(expression)
    if by:
        return by
    told = series()
    return {label for one in selected(expression) for label in told[one.name]}


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
