"""`python -m control_plane` is `foliot`."""

from control_plane.cli import main

main()
