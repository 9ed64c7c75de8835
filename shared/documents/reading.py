"""
Read a document: JSON if it is called so or reads so, YAML otherwise.
"""

from pathlib import PurePath

from shared.documents.document import START, Document, DocumentInvalid
from shared.documents.json_text import read_json
from shared.documents.yaml_text import read_yaml

MAX_DOCUMENT_BYTES = 1024 * 1024
"""Of one file, comments included. A spec's own limit is lower, and its reader's to keep."""

JSON_SUFFIX = ".json"
YAML_SUFFIXES = frozenset({".yaml", ".yml"})


def read_document(data: bytes, name: str) -> Document:
    """
    The document in a file's bytes; `name` is the file's, for its kind and for messages.

    A name that ends in neither .json nor .yaml or .yml says nothing: a text that begins
    like a JSON object or list is then taken for JSON if it is that. Raises DocumentInvalid
    with the place for what cannot be read, for a key that stands twice in one object, and
    for what JSON could not hold.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise DocumentInvalid(
            name,
            START,
            f"the file has {len(data)} bytes; the limit is {MAX_DOCUMENT_BYTES}",
        )
    try:
        # A byte order mark is no part of what was written.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        place = type(START)(before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise DocumentInvalid(name, place, "the file is not UTF-8 text; save it as that") from error
    suffix = PurePath(name).suffix.lower()
    if suffix == JSON_SUFFIX:
        return read_json(text, name)
    if suffix in YAML_SUFFIXES or not text.lstrip().startswith(("{", "[")):
        return read_yaml(text, name)
    try:
        return read_json(text, name)
    except DocumentInvalid as not_json:
        try:
            return read_yaml(text, name)
        except DocumentInvalid:
            raise not_json from None
