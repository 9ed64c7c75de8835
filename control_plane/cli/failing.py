"""How a command ends that cannot go on: a line that says why, and never a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from pydantic import ValidationError
from rich.console import Console

from control_plane.embedded import EmbeddedError
from shared.errors import FoliotError

FAILED = 1
CONFIGURATION = 2


@contextmanager
def explained(failed: int = FAILED) -> Iterator[None]:
    """Turn what is expected to go wrong into an exit code and a sentence on stderr."""
    console = Console(stderr=True)
    try:
        yield
    except ValidationError as error:
        for problem in error.errors():
            name = "FOLIOT_" + "_".join(str(part) for part in problem["loc"]).upper()
            console.print(f"[bold red]foliot:[/] {name}: {problem['msg']}", highlight=False)
        sys.exit(CONFIGURATION)
    except (FoliotError, EmbeddedError) as error:
        console.print(f"[bold red]foliot:[/] {error}", highlight=False)
        sys.exit(failed)
    except grpc.aio.AioRpcError as error:
        console.print(
            f"[bold red]foliot:[/] {error.code().name}: {error.details()}", highlight=False
        )
        sys.exit(failed)
