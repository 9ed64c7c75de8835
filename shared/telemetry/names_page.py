"""
Writes the tables of docs/logs.md and docs/tracing.md, which are given as arguments, from the names
that there are; `make gen` does.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from shared.telemetry.log_fields import OF_EVERY_LINE, OF_THE_WORK, LogField
from shared.telemetry.names import LogEvent
from shared.telemetry.span_names import SpanAttribute, SpanEvent, SpanName


def tables() -> Mapping[str, str]:
    """Each by the name it has between its marks."""
    rest = [field for field in LogField if field not in {*OF_EVERY_LINE, *OF_THE_WORK}]
    return {
        "fields of every line": _table(("field", "what"), _told(OF_EVERY_LINE)),
        "fields of the work": _table(("field", "what"), _told(OF_THE_WORK)),
        "events": _table(
            ("event", "what happened", "fields"),
            (
                (f"`{one}`", one.about, ", ".join(f"`{name}`" for name in one.fields))
                for one in LogEvent
            ),
        ),
        "fields of events": _table(("field", "what"), _told(rest)),
        "spans": _table(("span", "what"), _told(SpanName)),
        "span events": _table(("event", "when"), _told(SpanEvent)),
        "attributes": _table(("attribute", "what"), _told(SpanAttribute)),
    }


def written(page: str) -> str:
    """The page with its tables as they should be."""
    for name, table in tables().items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        found = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
        page = found.sub((start + table + end).replace("\\", r"\\"), page)
    return page


def _told(
    names: Iterable[LogField | SpanName | SpanEvent | SpanAttribute],
) -> Iterable[tuple[str, ...]]:
    return ((f"`{one}`", one.about) for one in names)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        path = Path(argument)
        path.write_text(written(path.read_text("utf-8")), "utf-8")
