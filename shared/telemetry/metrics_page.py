"""Writes the tables of docs/metrics.md, which is given as the argument; `make gen` does."""

import re
import sys
from pathlib import Path

from shared.telemetry.metric_names import PROCESS, Metric

PLANES = ("both", "control plane", "executor")


def rows(plane: str) -> str:
    """The table of the metrics of a plane."""
    lines = ["| name | type | unit | labels | what it tells |", "|---|---|---|---|---|"]
    for metric in Metric:
        of = metric.value
        if of.plane == plane:
            labels = ", ".join(f"`{label}`" for label in of.labels) or "–"
            lines.append(f"| `{of.name}` | {of.kind} | {of.unit} | {labels} | {of.says} |")
    if plane == "both":
        lines += [
            f"| `{n}` | {k} | {unit} | – | {says} |" for n, (k, unit, says) in PROCESS.items()
        ]
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """The page with its tables as they should be."""
    for plane in PLANES:
        start, end = f"<!-- {plane} -->\n", f"<!-- end of {plane} -->"
        found = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
        page = found.sub((start + rows(plane) + end).replace("\\", r"\\"), page)
    return page


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(written(path.read_text("utf-8")), "utf-8")
