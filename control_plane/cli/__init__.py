"""
`foliot`: the commands of developers and operators.

Everything but `dev`, `serve`, `migrate` and `bench` goes through the public API.
"""

import os
import sys


def main() -> None:
    """The console script."""
    # Read when gRPC is imported. It would log each handshake that fails, in a form of its own.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    from control_plane.cli.app import app

    try:
        app()
    except Exception:
        # It takes a while to import, and only a failure needs it.
        from control_plane.cli.failing import explained

        with explained():
            raise
    sys.exit(0)
