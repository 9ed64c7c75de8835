"""
A definition's file, as the JSON text that the engine and the API take.
"""

import sys
from pathlib import Path

from control_plane.engine import Machine, check_spec
from shared.documents import Document, read_document
from shared.errors import InvalidRequest

STANDARD_INPUT = "-"


def read_spec(file: Path) -> str:
    """
    The JSON text of a definition's file, its keys in the file's order.

    JSON is given as it is written; YAML (1.2) as compact JSON, without its comments. `-` reads
    standard input. Raises InvalidRequest with file:line:column for a file that is neither, and
    for a key that stands twice in one object.
    """
    return read_file(file).text


def read_file(file: Path) -> Document:
    """The same, as data with the place of each of its parts."""
    if str(file) == STANDARD_INPUT:
        return read_document(sys.stdin.buffer.read(), "<stdin>")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file}: {error.strerror or error}") from error
    return read_document(data, str(file))


def read_machine(file: Path) -> Machine:
    """
    What a definition's file does. Raises DocumentInvalid with the place of the first error
    for one that has any.
    """
    document = read_file(file)
    machine, found = check_spec(document.text)
    if machine is None:
        errors = [one for one in found if one.severity == "error"]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise document.invalid(
            errors[0].json_pointer,
            f"{errors[0].message}{more}; `foliot definition validate` says all that is wrong",
        )
    return machine
