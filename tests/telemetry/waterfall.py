"""A trace as a picture in text: its spans below their parents, on one line of time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.telemetry.otlp import Received

NAMES, BARS = 44, 40
"""Columns."""


def drawn(spans: Sequence[Received]) -> list[str]:
    """A line a span, those that begin first above. Bars are of the time of all of them."""
    known = {span.span_id for span in spans}
    below: defaultdict[str, list[Received]] = defaultdict(list)
    for span in sorted(spans, key=lambda one: one.began_ns):
        below[span.parent if span.parent in known else ""].append(span)
    began = min(span.began_ns for span in spans)
    scale = BARS / (max(span.ended_ns for span in spans) - began)

    def lines(parent: str, depth: int) -> Iterator[str]:
        for span in below[parent]:
            name = f"{'  ' * depth}{span.name.removeprefix('foliot.v1.')}"
            at = min(BARS - 1, int((span.began_ns - began) * scale))
            long = max(1, round((span.ended_ns - span.began_ns) * scale))
            bar = f"{' ' * at}{'━' * min(long, BARS - at)}"
            took = f"{(span.ended_ns - span.began_ns) / 1e6:.1f} ms"
            yield f"{name:<{NAMES}}{bar:<{BARS}}{took:>10}"
            yield from lines(span.span_id, depth + 1)

    return list(lines("", 0))
