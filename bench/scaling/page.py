"""The tables of docs/scaling.md, between marks, from the figures that were measured."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.scaling.carrying import many, node
from bench.scaling.distribution import told
from bench.scaling.spreading import spread

FIGURES = Path(__file__).with_name("figures.json")
SEED = 1
SKEW = 1.0


def whole(text: str, figures: dict[str, Any] | None = None) -> str:
    """The page with its tables as they are by now. Raises ValueError for a mark without a table."""
    read = json.loads(FIGURES.read_text()) if figures is None else figures
    for name in re.findall(r"<!-- ([a-z ]+) -->", text):
        if name.startswith("end of "):
            continue
        if name not in TABLES:
            raise ValueError(f"docs/scaling.md asks for {name!r}; there is {', '.join(TABLES)}")
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = f"{before}{start}\n{TABLES[name](read)}\n\n{end}{after}"
    return text


def _costs(figures: dict[str, Any]) -> str:
    lines = [
        "| of each | PostgreSQL µs | control plane µs | executor µs | log B | rows | disk B |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, of in (("step", figures["steps"]), ("tenant", figures["tenants"])):
        used = of["cpu_us"]
        lines.append(
            f"| {name} | {used['postgres']:,} | {used['control-plane']:,} | {used['executor']:,} |"
            f" {of['wal_bytes']:,} | {sum(of['rows'].values()):.1f} | {of['bytes']:,} |"
        )
    return "\n".join(lines)


def _rows(figures: dict[str, Any]) -> str:
    return "\n".join(
        [
            "| rows of an instance of ten tasks | in |",
            "|---|---|",
            *(
                f"| {count:g} | `{name}` |"
                for name, count in figures["steps"]["rows_of_an_instance"].items()
            ),
        ]
    )


def _pasts(figures: dict[str, Any]) -> str:
    return "\n".join(
        [
            "| entries of the past | PostgreSQL ms an event |",
            "|---|---|",
            *(f"| {one['entries']:,} | {one['server_ms']} |" for one in figures["pasts"]),
        ]
    )


def _nodes(figures: dict[str, Any]) -> str:
    lines = [
        "| cores | steps/s | log MiB/s | GiB/day kept | bound by |",
        "|---|---|---|---|---|",
    ]
    for cores in (4, 8, 16, 32):
        one = node(cores, figures)
        lines.append(
            f"| {cores} | {one.steps_per_s:,.0f} | {one.wal_mib_per_s:,.0f} |"
            f" {one.gib_per_day:,.0f} | {one.bound} |"
        )
    return "\n".join(lines)


def _many(figures: dict[str, Any]) -> str:
    lines = [
        "| instances kept | started within | steps/s | TiB | rows | TiB a month | history rows |",
        "|---|---|---|---|---|---|---|",
    ]
    for instances, months in ((10**7, 12), (10**8, 12), (10**9, 12), (10**9, 36)):
        one = many(instances, months, figures)
        lines.append(
            f"| {instances:,} | {months} months | {one.steps_per_s:,.0f} | {one.tib:,.1f} |"
            f" {one.rows:.1e} | {one.tib_of_a_month:,.2f} | {one.rows_of_a_month:.1e} |"
        )
    return "\n".join(lines)


def _spreads(_figures: dict[str, Any]) -> str:
    lines = [
        "| tenants | nodes | busiest node | largest tenant | shards a turn meets |",
        "|---|---|---|---|---|",
    ]
    for tenants in (100, 1_000, 10_000):
        for nodes in (4, 16):
            one = spread(nodes=nodes, tenants=tenants, skew=SKEW, seed=SEED)
            lines.append(
                f"| {tenants:,} | {nodes} | {one.busiest:.2f} of the mean | {one.largest:.1%} |"
                f" {one.shards:.0f} |"
            )
    return "\n".join(lines)


TABLES: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "costs": _costs,
    "rows": _rows,
    "pasts": _pasts,
    "nodes": _nodes,
    "many": _many,
    "spreads": _spreads,
    "distribution": lambda _: told(),
}
