"""
XML as a tree that knows its lines, from text that anybody may have written.

Standard expat, told what it may not do: no DOCTYPE, so that there are no entities to expand
and nothing outside to fetch; bounded in size and depth.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

from control_plane.interchange.mapped import DocumentUnreadable

MAX_XML_CHARACTERS = 2 * 1024 * 1024
MAX_XML_DEPTH = 64

_SEPARATOR = "\n"
"""Between a namespace and a name. No XML name holds it."""


@dataclass(slots=True, eq=False)
class Element:
    """
    An element. `name` is local, `namespace` empty where there is none. Attributes of a foreign
    namespace are in `foreign`, by namespace and name.
    """

    name: str
    namespace: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    foreign: dict[tuple[str, str], str] = field(default_factory=dict)
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    @property
    def place(self) -> str:
        return f"line {self.line}"


def read_xml(text: str) -> Element:
    """The root element. Raises DocumentUnreadable with line and column."""
    if len(text) > MAX_XML_CHARACTERS:
        raise DocumentUnreadable(
            f"the document has {len(text):,} characters; the limit is {MAX_XML_CHARACTERS:,}"
        )
    return _Reader().read(text)


class _Reader:
    def __init__(self) -> None:
        # The text is decoded already, whatever encoding its declaration names.
        self._expat = expat.ParserCreate("utf-8", _SEPARATOR)
        self._expat.buffer_text = True
        self._expat.StartDoctypeDeclHandler = self._doctype
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._root: Element | None = None

    def read(self, text: str) -> Element:
        try:
            self._expat.Parse(text.encode(), True)
        except expat.ExpatError as error:
            raise DocumentUnreadable(
                f"line {error.lineno}, column {error.offset + 1}: this is no XML: "
                f"{expat.ErrorString(error.code)}"
            ) from error
        except UnicodeEncodeError as error:
            raise DocumentUnreadable("the document holds half of a character") from error
        assert self._root is not None  # expat gives no document without an element
        return self._root

    def _doctype(self, *_: object) -> None:
        raise DocumentUnreadable(
            f"line {self._expat.CurrentLineNumber}: the document has a DOCTYPE, which could "
            "define entities; take it out"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_XML_DEPTH:
            raise DocumentUnreadable(
                f"line {self._expat.CurrentLineNumber}: elements are nested deeper than "
                f"{MAX_XML_DEPTH} levels"
            )
        namespace, local = _split(name)
        element = Element(local, namespace, self._expat.CurrentLineNumber)
        for key, value in attributes.items():
            outer, inner = _split(key)
            if outer:
                element.foreign[outer, inner] = value
            else:
                element.attributes[inner] = value
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _characters(self, data: str) -> None:
        self._texts[-1].append(data)


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(_SEPARATOR)
    return namespace, local
