"""
The datamodel of an SCXML document as the context of a definition.
"""

from typing import Any, Final

from control_plane.interchange.ecmascript import NotSayable
from control_plane.interchange.scxml_actions import Content, literal_text, required
from control_plane.interchange.scxml_outline import Outline, Place
from control_plane.interchange.scxml_words import Refusals
from control_plane.interchange.xml_tree import Element

_CONDITIONS: Final = frozenset({"true", "false"})


class Datamodel:
    """The data of the whole document: they are one namespace, and all there from the start."""

    def __init__(self, outline: Outline, refusals: Refusals) -> None:
        self._refusals = refusals
        self._is_late = outline.root.element.attributes.get("binding") == "late"
        self._data: dict[str, Element] = {}
        for place in outline.root.walk():
            for model in place.parts_named("datamodel"):
                for element in refusals.check_words(model):
                    try:
                        self._declare(place, element)
                    except NotSayable as error:
                        refusals.refuse(element, error)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._data)

    @property
    def conditions(self) -> frozenset[str]:
        """Those that begin as true or false."""
        return frozenset(
            name
            for name, element in self._data.items()
            if element.attributes.get("expr", element.text).strip() in _CONDITIONS
        )

    def context(self, content: Content) -> tuple[dict[str, Any], list[Any]]:
        """
        The values data begin with. Those that are worked out from other data are assigned when
        the machine is entered, in document order, before anything else happens.
        """
        context: dict[str, Any] = {}
        assigns: list[Any] = []
        for name, element in self._data.items():
            self._refusals.check_words(element)
            context[name] = None
            try:
                if "expr" not in element.attributes:
                    if element.text.strip() or element.children:
                        context[name] = literal_text(element)
                    continue
                value = content.value(element, "expr")
                if content.vocabulary.reads_data(element.attributes["expr"]):
                    assigns.append({"type": "@assign", "context": {name: value}})
                else:
                    context[name] = value
            except NotSayable as error:
                self._refusals.refuse(element, error)
        return context, assigns

    def _declare(self, place: Place, element: Element) -> None:
        name = required(element, "id")
        if name in self._data:
            raise NotSayable(f"{name!r} is declared twice", "rename one of them")
        if not name.isidentifier():
            raise NotSayable(f"{name!r} is no name", "rename it")
        if self._is_late and place.parent is not None:
            raise NotSayable(
                "late binding gives it a value when its state is first entered",
                "bind early, and assign it in onentry",
            )
        self._data[name] = element
