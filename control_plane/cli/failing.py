"""How a command ends that cannot go on: a line that says why, and never a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from control_plane.embedded import EmbeddedError
from shared.errors import FoliotError

FAILED = 1
CONFIGURATION = 2


@contextmanager
def explained(failed: int = FAILED) -> Iterator[None]:
    """Turn what is expected to go wrong into an exit code and a sentence on stderr."""
    try:
        yield
    except ValidationError as error:
        for problem in error.errors():
            name = "FOLIOT_" + "_".join(str(part) for part in problem["loc"]).upper()
            _say(f"{name}: {problem['msg']}")
        sys.exit(CONFIGURATION)
    except (FoliotError, EmbeddedError) as error:
        _say(str(error))
        sys.exit(failed)
    except grpc.aio.AioRpcError as error:
        _say(f"{error.code().name}: {error.details()}")
        sys.exit(failed)


def _say(message: str) -> None:
    """As it is: what stands in brackets is no markup."""
    Console(stderr=True, highlight=False).print(
        Text.assemble(("foliot:", "bold red"), f" {message}"), soft_wrap=True
    )
