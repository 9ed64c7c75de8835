"""
JSON with places: the text is kept as it came, and every member's key is found in it.
"""

import re
from bisect import bisect_right

import orjson

from shared.documents.document import Document, DocumentInvalid, Place, below

_TOKEN = re.compile(r'"(?:[^"\\]+|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def read_json(text: str, name: str) -> Document:
    """The document of a JSON text. Raises DocumentInvalid for a text that is none."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DocumentInvalid(
            name, Place(error.lineno, error.colno), f"this is not JSON: {error.msg}"
        ) from error
    except UnicodeEncodeError as error:
        raise DocumentInvalid(name, Place(1, 1), "the text holds half a character") from error
    return Document(name, value, text, _places(text, name))


def _places(text: str, name: str) -> dict[str, Place]:
    """Where each value of a good JSON text is; of a member, where its key is."""
    lines = [0, *(found.end() for found in re.finditer("\n", text))]

    def place(offset: int) -> Place:
        line = bisect_right(lines, offset)
        return Place(line, offset - lines[line - 1] + 1)

    places: dict[str, Place] = {}
    # Of each open container its pointer, and the number of its next item; None in an object.
    open_: list[tuple[str, int | None]] = []
    pointer = ""
    key_expected = False
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in "}]":
            open_.pop()
            key_expected = False
        elif first == ",":
            container, index = open_[-1]
            if index is None:
                key_expected = True
            else:
                open_[-1] = container, index + 1
                pointer = below(container, index + 1)
        elif first == ":":
            continue
        elif key_expected:
            key = orjson.loads(token[0])
            pointer = below(open_[-1][0], key)
            if pointer in places:
                raise DocumentInvalid(
                    name,
                    place(token.start()),
                    f"the key {key!r} stands twice in one object, first at {places[pointer]};"
                    " keep one of them",
                )
            places[pointer] = place(token.start())
            key_expected = False
        else:
            places.setdefault(pointer, place(token.start()))
            if first == "{":
                open_.append((pointer, None))
                key_expected = True
            elif first == "[":
                open_.append((pointer, 0))
                pointer = below(pointer, 0)
    return places
