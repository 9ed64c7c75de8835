"""
`foliot`: the commands of developers and operators.

Everything but `dev`, `serve`, `migrate` and `bench` goes through the public API.

A group of commands is declared in the module of its noun (`instance.py`), which imports next to
nothing; what they do is in those of verbs (`looking.py`, `watching.py`), imported when a
command runs. `options.py` has the options that many share, `calling.py` finds the server and
asks it, `printing.py` shows the answer, and `failing.py` says why there is none.
"""

import os
import sys


def main() -> None:
    """The console script."""
    # Read when gRPC is imported. It would log each handshake that fails, in a form of its own.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    from control_plane.cli.app import app

    try:
        try:
            app()
        finally:
            # A reader who has gone is noticed here, and not when the interpreter ends.
            sys.stdout.flush()
    except Exception:
        # It takes a while to import, and only a failure needs it.
        from control_plane.cli.failing import explained

        with explained():
            raise
    sys.exit(0)
