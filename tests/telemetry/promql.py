"""As much of PromQL as it takes to see which metrics and labels an expression is about."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from shared.telemetry.metric_names import PROCESS, Metric

OF_TARGETS = frozenset({"instance", "job"})
"""What Prometheus itself puts on whatever it reads."""

_SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
_NAME = re.compile(r"\b(foliot[_:][a-zA-Z0-9_:]*|process_\w+|up)\b\s*(\{[^}]*\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")
_GROUPED = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)")


class Selected(NamedTuple):
    """A metric, and the labels by which some of its series are chosen."""

    name: str
    labels: Mapping[str, str]


def known() -> dict[str, frozenset[str]]:
    """The labels of every series there is, by its name."""
    found = {"up": OF_TARGETS}
    for metric in Metric:
        of = metric.value
        for suffix in _SUFFIXES[of.kind]:
            own = {"le"} if suffix == "_bucket" else set()
            found[of.name + suffix] = OF_TARGETS | set(of.labels) | own
    return found | dict.fromkeys(PROCESS, OF_TARGETS)


def selected(expression: str) -> Iterator[Selected]:
    """Every metric that it names."""
    for name, labels in _NAME.findall(_without_groups(expression)):
        yield Selected(name, dict(_LABEL.findall(labels)))


def grouped(expression: str) -> set[str]:
    """The labels by which it puts series together, or sets them against each other."""
    return {
        label.strip()
        for labels in _GROUPED.findall(expression)
        for label in labels.split(",")
        if label.strip()
    }


def wrong_with(expression: str, series: Mapping[str, frozenset[str]]) -> list[str]:
    """Names that nobody tells, and labels that their series do not have."""
    found: list[str] = []
    labels = set(OF_TARGETS)
    for one in selected(expression):
        if one.name not in series:
            found.append(f"there is no metric {one.name}")
            continue
        labels |= series[one.name]
        missing = one.labels.keys() - series[one.name]
        found += [f"{one.name} has no label {label}" for label in sorted(missing)]
    return found + [f"nothing has a label {one}" for one in sorted(grouped(expression) - labels)]


def _without_groups(expression: str) -> str:
    return _GROUPED.sub(" ", expression)
