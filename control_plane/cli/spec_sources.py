"""Definitions that a command is given: files, and versions that a server keeps."""

import re
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from control_plane.cli.defining import spec_of
from control_plane.cli.options import Target
from control_plane.cli.spec_files import read_file
from shared.documents import Document, read_document

_VERSION = re.compile(r"[^/\\]+@[0-9]+")


def read_all(target: Target, sources: Sequence[str]) -> Sequence[Document]:
    """
    Each source's definition. What is no file and is written as `order@3`, or as an id, is a
    version on the server; nothing else asks one.

    Raises InvalidRequest for what is neither, and what a server answers.
    """
    return [
        read_document(spec_of(target, source).encode(), source)
        if is_version(source)
        else read_file(Path(source))
        for source in sources
    ]


def is_version(source: str) -> bool:
    if Path(source).exists():
        return False
    return bool(_VERSION.fullmatch(source)) or _is_id(source)


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
