"""
`foliot`: the commands of developers and operators.

Everything but `dev`, `serve` and `migrate` goes through the public API.
"""

import sys


def main() -> None:
    """The console script."""
    from control_plane.cli.app import app
    from control_plane.cli.failing import explained

    with explained():
        app()
    sys.exit(0)
