"""What instruments say, read as Prometheus would."""

from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import REGISTRY


def value(metric: Metric, suffix: str = "", **labels: str) -> float:
    """Of one series; 0 of one that nothing was said of yet."""
    return REGISTRY.get_sample_value(metric.value.name + suffix, labels) or 0.0


class Growth:
    """How far series have grown since this was made: instruments live as long as the process."""

    def __init__(self, *series: tuple[Metric, dict[str, str]], suffix: str = "") -> None:
        self._series = series
        self._suffix = suffix
        self._before = self._values()

    def so_far(self) -> list[float]:
        """In the order in which they were named."""
        return [now - was for now, was in zip(self._values(), self._before, strict=True)]

    def _values(self) -> list[float]:
        return [value(metric, self._suffix, **labels) for metric, labels in self._series]
