"""Asking whether it is meant, before what cannot be taken back."""

import sys

import typer

from control_plane.cli.failing import FAILED
from control_plane.cli.plain import visible


def sure(question: str, *, yes: bool) -> None:
    """
    Go on if the answer is yes, and end with 1 if it is not. Asks on a terminal only: a script
    means what it says.
    """
    if yes or not sys.stdin.isatty():
        return
    if not typer.confirm(visible(question), err=True):
        raise typer.Exit(FAILED)
