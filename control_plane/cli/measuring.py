"""What `foliot bench` does."""

import importlib.util
import runpy
import sys
from collections.abc import Sequence

from control_plane.cli.failing import explained
from shared.errors import InvalidRequest

BENCH = "bench"


def run_bench(arguments: Sequence[str]) -> None:
    """Whatever `python -m bench` does, its exit code included."""
    with explained():
        if importlib.util.find_spec(BENCH) is None:
            raise InvalidRequest(
                "the bench is not installed here: it comes with foliot's sources. In a checkout,"
                " `make bench` runs it, or `foliot bench` in the checkout's folder with"
                " PYTHONPATH=."
            )
        sys.argv = [BENCH, *arguments]
        runpy.run_module(BENCH, run_name="__main__", alter_sys=True)
