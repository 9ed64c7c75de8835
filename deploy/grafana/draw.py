"""
Draws dashboards from a running Prometheus, one PNG each: `draw.py http://127.0.0.1:9090 folder`.

Every panel's own expressions are asked over HTTP, for the last so many minutes. It takes
matplotlib, which foliot does not: `pip install matplotlib` into an environment of its own.
"""

import argparse
import json
import math
import re
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
COLUMNS = 24
STEPS = 180
RATE_INTERVAL = "1m"
MOST_LINES = 10
AGO_S = 0.0
UNITS = {"s": "s", "ops": "/s", "reqps": "/s", "percentunit": "", "none": "", "bytes": "B"}


def main() -> None:
    """One picture a dashboard."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("prometheus", help="where it is, as http://127.0.0.1:9090")
    options.add_argument("folder", type=Path, help="where to put the pictures")
    options.add_argument("--minutes", type=float, default=10.0, help="how far to look back")
    options.add_argument("--ago", type=float, default=0.0, help="minutes since the pictures' end")
    given = options.parse_args()
    global AGO_S  # noqa: PLW0603 - of the whole run
    AGO_S = 60 * given.ago
    for path in sorted(HERE.glob("*.json")):
        dashboard = json.loads(path.read_text("utf-8"))
        draw(dashboard, given.prometheus, given.minutes, given.folder / f"{path.stem}.png")


def draw(dashboard: dict[str, Any], prometheus: str, minutes: float, to: Path) -> None:
    """Its panels where they stand."""
    panels = dashboard["panels"]
    height = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in panels)
    plt.style.use("dark_background")
    figure = plt.figure(figsize=(13, height * 0.36 + 0.6), dpi=80)
    figure.suptitle(dashboard["title"], x=0.01, ha="left", fontsize=13, fontweight="bold")
    top = 1 - 0.5 / (height * 0.36 + 0.6)
    for panel in panels:
        at = panel["gridPos"]
        box = (
            at["x"] / COLUMNS + 0.035,
            top - (at["y"] + at["h"]) / height * top + 0.7 / height,
            at["w"] / COLUMNS - 0.045,
            (at["h"] - 1.9) / height * top,
        )
        if panel["type"] == "row":
            y = top - (at["y"] + 0.7) / height * top
            figure.text(0.01, y, f"▾ {panel['title']}", fontsize=10, color="#9fb4c8")
            continue
        axes = figure.add_axes(box)
        axes.set_facecolor("#181b1f")
        axes.set_title(panel["title"], loc="left", fontsize=8)
        (stat if panel["type"] == "stat" else lines)(axes, panel, prometheus, minutes)
    figure.savefig(to, facecolor="#111217")
    plt.close(figure)
    print(to)  # noqa: T201 - it is a program


def lines(axes: Any, panel: dict[str, Any], prometheus: str, minutes: float) -> None:
    """A line for each series of each of its expressions."""
    drawn = 0
    for target in panel["targets"]:
        for series in asked(prometheus, target["expr"], minutes):
            if drawn == MOST_LINES:
                break
            times = [at for at, _ in series["values"]]
            values = [float(value) for _, value in series["values"]]
            if all(math.isnan(value) for value in values):
                continue
            label = legend(target["legendFormat"], series["metric"])
            axes.plot([(at - times[-1]) / 60 for at in times], values, lw=1.0, label=label)
            drawn += 1
    axes.tick_params(labelsize=6)
    axes.grid(visible=True, lw=0.3, alpha=0.4)
    axes.set_xlim(-minutes, 0)
    axes.set_ylim(bottom=0)
    unit = UNITS[panel["fieldConfig"]["defaults"]["unit"]]
    axes.text(0.0, 1.0, unit, transform=axes.transAxes, fontsize=6, va="bottom", ha="right")
    if drawn:
        axes.legend(fontsize=5, loc="upper left", framealpha=0.4, ncols=2)
    else:
        middle = {"ha": "center", "va": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, "nothing", fontsize=8, color="#888", **middle)


def stat(axes: Any, panel: dict[str, Any], prometheus: str, minutes: float) -> None:
    """Its last value, large."""
    found = asked(prometheus, panel["targets"][0]["expr"], minutes)
    value = float(found[0]["values"][-1][1]) if found else float("nan")
    unit = panel["fieldConfig"]["defaults"]["unit"]
    said = f"{value:.1%}" if unit == "percentunit" else f"{value:,.3g} {UNITS[unit]}"
    axes.set_xticks([])
    axes.set_yticks([])
    middle = {"ha": "center", "va": "center", "transform": axes.transAxes}
    axes.text(0.5, 0.5, said, fontsize=18, color="#73bf69", **middle)


def asked(prometheus: str, expression: str, minutes: float) -> list[dict[str, Any]]:
    """The series of an expression, over the time."""
    now = time.time() - AGO_S
    query = re.sub(r'(=~)"\$\w+"', r'\1".*"', expression)
    values = {
        "query": query.replace("$__rate_interval", RATE_INTERVAL),
        "start": now - minutes * 60,
        "end": now,
        "step": minutes * 60 / STEPS,
    }
    url = f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(values)}"
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - the caller's own server
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    # The largest first, as there is room for some only.
    return sorted(found, key=lambda one: -max(_numbers(one), default=0.0))


def _numbers(series: dict[str, Any]) -> list[float]:
    values = [float(value) for _, value in series["values"]]
    return [value for value in values if not math.isnan(value)]


def legend(format_: str, labels: dict[str, str]) -> str:
    """With the labels' values in it."""
    return re.sub(r"{{(\w+)}}", lambda name: labels.get(name[1], ""), format_)


if __name__ == "__main__":
    main()
