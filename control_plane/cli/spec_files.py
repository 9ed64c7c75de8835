"""
A definition's file, as the JSON text that the engine and the API take.
"""

import sys
from pathlib import Path

from control_plane.engine import Machine, check_spec
from shared.documents import Document, read_document
from shared.errors import InvalidRequest

STANDARD_INPUT = "-"


def name_of(file: Path) -> str:
    """What messages call a file."""
    return "<stdin>" if str(file) == STANDARD_INPUT else str(file)


def read_file(file: Path) -> Document:
    """
    A definition's file: its JSON text with the keys in the file's order, and the place of each
    part.

    JSON is given as it is written; YAML (1.2) as compact JSON, without its comments. `-` reads
    standard input. Raises InvalidRequest with file:line:column for a file that is neither, and
    for a key that stands twice in one object.
    """
    if str(file) == STANDARD_INPUT:
        return read_document(sys.stdin.buffer.read(), name_of(file))
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file}: {error.strerror or error}") from error
    return read_document(data, str(file))


def read_machine(file: Path) -> Machine:
    """What a definition's file does. Raises DocumentInvalid as `sound` does."""
    return sound(read_file(file))


def sound(document: Document) -> Machine:
    """
    What a definition does. Raises DocumentInvalid with the place of the first error for one
    that has any.
    """
    machine, found = check_spec(document.text)
    if machine is None:
        errors = [one for one in found if one.severity == "error"]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise document.invalid(
            errors[0].json_pointer,
            f"{errors[0].message}{more}; `foliot definition validate` says all that is wrong",
        )
    return machine
