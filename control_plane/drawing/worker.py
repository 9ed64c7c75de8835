"""
The process that lays out: bounds itself, then draws what comes in by stdin to stdout.

Run by path, as `worker.py <program> <format> <MB>`, so that it imports nothing of foliot:
it takes the time of an empty interpreter to start, and it has nothing to leak.
"""

import os
import sys
from importlib import import_module

DPI = 144
"""Of a PNG: sharp on screens of twice the resolution."""


def main() -> None:
    program, form, memory_mb = sys.argv[1:]
    _bound(int(memory_mb) * 1024 * 1024)
    resolution = [f"-Gdpi={DPI}"] if form == "png" else []
    if program != "pygraphviz":
        os.execv(program, [program, f"-T{form}", *resolution])  # noqa: S606 - no shell is wanted
    graph = import_module("pygraphviz").AGraph(string=sys.stdin.buffer.read().decode())
    drawn = graph.draw(format=form, prog="dot", args=" ".join(resolution))
    sys.stdout.buffer.write(drawn)


def _bound(memory: int) -> None:
    """Memory and a core dump of nothing; not on systems that have no such limits."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


if __name__ == "__main__":
    main()
