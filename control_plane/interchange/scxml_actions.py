"""
Executable content of SCXML as actions.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from control_plane.interchange.ecmascript import NotSayable, read_expression
from control_plane.interchange.event_names import is_own
from control_plane.interchange.scxml_words import Refusals
from control_plane.interchange.to_cel import (
    Answered,
    Vocabulary,
    constant,
    kind_of,
    milliseconds,
)
from control_plane.interchange.xml_tree import Element
from shared.json import Json

_EVENT_PROCESSORS: Final = frozenset(
    {
        *("", "scxml", "http://www.w3.org/TR/scxml", "http://www.w3.org/TR/scxml/"),
        "http://www.w3.org/TR/scxml/#SCXMLEventProcessor",
    }
)
_RESERVED_KEYS: Final = frozenset({"type", "@expr"})


@dataclass(frozen=True, slots=True)
class Content:
    """
    Reads executable content, and the values that stand in it.

    `cancelled` are the ids of sends that some `<cancel>` names, None when any may be.
    """

    vocabulary: Vocabulary
    refusals: Refusals
    cancelled: frozenset[str] | None

    def actions(self, parent: Element, answered: Answered = "sent") -> list[Any]:
        """The actions of an element's children, in their order."""
        return self._sequence(self.refusals.check_words(parent), answered)

    def _sequence(self, elements: Iterable[Element], answered: Answered) -> list[Any]:
        found: list[Any] = []
        for element in elements:
            try:
                found.append(self._action(element, answered))
            except NotSayable as error:
                self.refusals.refuse(element, error)
        return found

    def _action(self, element: Element, answered: Answered) -> dict[str, Any]:
        if element.name == "if":
            return self._if(element, answered)
        read: dict[str, Callable[[Element, Answered], dict[str, Any]]] = {
            "raise": self._raise,
            "log": self._log,
            "assign": self._assign,
            "send": self._send,
            "cancel": self._cancel,
        }
        if element.name not in read:
            raise NotSayable("it stands outside of an <if>", "correct it, or leave it out")
        if element.name != "send":
            self.refusals.check_words(element)
        return read[element.name](element, answered)

    def _raise(self, element: Element, _answered: Answered) -> dict[str, Any]:
        return {"type": "@raise", "event": {"type": _event_name(required(element, "event"))}}

    def _log(self, element: Element, answered: Answered) -> dict[str, Any]:
        action: dict[str, Any] = {"type": "@log"}
        if "label" in element.attributes:
            action["label"] = element.attributes["label"]
        if "expr" in element.attributes:
            action["value"] = self.value(element, "expr", answered)
        return action

    def _assign(self, element: Element, answered: Answered) -> dict[str, Any]:
        location = required(element, "location").strip()
        if location not in self.vocabulary.data:
            raise NotSayable(
                f"{location!r} is no name of the datamodel",
                "declare it there; of a value inside another, assign the outer one",
                "attribute 'location'",
            )
        if "expr" in element.attributes:
            value = self.value(element, "expr", answered)
        else:
            value = literal_text(element)
        return {"type": "@assign", "context": {location: value}}

    def _if(self, element: Element, answered: Answered) -> dict[str, Any]:
        """Each branch's condition must be sayable, or none of them is."""
        branches: list[tuple[Element, list[Element]]] = [(element, [])]
        for child in self.refusals.check_words(element):
            if child.name in {"elseif", "else"}:
                self.refusals.check_words(child)
                branches.append((child, []))
            else:
                branches[-1][1].append(child)
        found: list[dict[str, Any]] = []
        for head, elements in branches:
            guard = {} if head.name == "else" else {"guard": self._condition(head, answered)}
            found.append({**guard, "actions": self._sequence(elements, answered)})
        return {"type": "@if", "branches": found}

    def _condition(self, element: Element, answered: Answered) -> Any:
        guard = self.guard(element, required(element, "cond"), answered)
        if "type" in guard:
            raise NotSayable(
                "actions see which states were active before the step, SCXML's during it",
                "ask in the condition of a transition",
                "attribute 'cond' with In()",
            )
        return guard

    def _cancel(self, element: Element, answered: Answered) -> dict[str, Any]:
        if "sendidexpr" in element.attributes:
            return {"type": "@cancel", "id": self.value(element, "sendidexpr", answered)}
        return {"type": "@cancel", "id": required(element, "sendid")}

    def _send(self, element: Element, answered: Answered) -> dict[str, Any]:
        """
        To the machine itself: at once into the internal queue where it says so, else as an
        event from outside, which comes when everything inside is done.
        """
        data = self.data_of(element, answered)
        target = self._known(element, "target", answered)
        if self._known(element, "type", answered) not in _EVENT_PROCESSORS:
            raise NotSayable(
                "only the machine itself gets events", "use a task", "attribute 'type'"
            )
        if target not in {"", "#_internal"}:
            raise NotSayable(
                "only the machine itself gets events", "use a task", "attribute 'target'"
            )
        if "eventexpr" in element.attributes:
            name = self.value(element, "eventexpr", answered)
            name = _event_name(name) if isinstance(name, str) else name
        else:
            name = _event_name(required(element, "event"))
        action: dict[str, Any] = {"type": "@raise", "event": {"type": name, **data}}
        if target == "#_internal":
            return action
        if "delayexpr" in element.attributes:
            action["delay"] = self._explained(
                element,
                "delayexpr",
                lambda text: self.vocabulary.number_with_unit(text, answered),
            )
        else:
            action["delay"] = milliseconds(element.attributes.get("delay", "0s"))
        given = element.attributes.get("id")
        if given is not None and (self.cancelled is None or given in self.cancelled):
            action["id"] = given
        return action

    def _known(self, element: Element, name: str, answered: Answered) -> str:
        """An attribute, or its `…expr` as far as that is a constant."""
        if f"{name}expr" not in element.attributes:
            return element.attributes.get(name, "")
        value = self.value(element, f"{name}expr", answered)
        if not isinstance(value, str):
            raise NotSayable("it has to be known before", "write it down", f"'{name}expr'")
        return value

    def data_of(self, element: Element, answered: Answered = "sent") -> dict[str, Any]:
        """
        What an event, an output or a task is given, by key: names, params, or the members of
        an object as content. Content of any other kind is `data`.
        """
        found: dict[str, Any] = {}
        for name in element.attributes.get("namelist", "").split():
            found[name] = self._explained(element, "namelist", self.vocabulary.value, name)
        for child in self.refusals.check_words(element):
            if child.name == "param":
                found[required(child, "name")] = self._parameter(child, answered)
            elif child.name == "content":
                content = self.content(child, answered)
                if isinstance(content, dict) and "@expr" not in content:
                    found.update(content)
                elif kind_of(content) == "map":
                    raise NotSayable(
                        "its content is an object that is worked out", "write it as <param>s"
                    )
                else:
                    found["data"] = content
        for key in _RESERVED_KEYS & found.keys():
            raise NotSayable(f"it has a datum named {key!r}", "give it another name")
        return found

    def _parameter(self, element: Element, answered: Answered) -> Any:
        self.refusals.check_words(element)
        if "expr" in element.attributes:
            return self.value(element, "expr", answered)
        required(element, "location")
        return self.value(element, "location", answered)

    def content(self, element: Element, answered: Answered = "sent") -> Any:
        """The value of a `<content>`."""
        self.refusals.check_words(element)
        if "expr" in element.attributes:
            return self.value(element, "expr", answered)
        return literal_text(element)

    def value(self, element: Element, attribute: str, answered: Answered = "sent") -> Any:
        """An attribute's expression as a value of the definition."""
        return self._explained(
            element, attribute, lambda text: self.vocabulary.value(text, answered)
        )

    def guard(self, element: Element, text: str, answered: Answered = "sent") -> Any:
        """The condition of a transition or a branch as a guard."""
        return self._explained(
            element, "cond", lambda text: self.vocabulary.guard(text, answered), text
        )

    def _explained(
        self, element: Element, attribute: str, read: Callable[[str], Any], part: str | None = None
    ) -> Any:
        """An attribute's text, or a part of it, read; what goes wrong says in which."""
        text = element.attributes[attribute] if part is None else part
        try:
            return read(text)
        except NotSayable as error:
            short = text if len(text) <= 60 else f"{text[:60]}…"
            what = f"attribute {attribute!r} {short!r}"
            raise NotSayable(error.why, error.remedy, what) from error


def cancelled_ids(root: Element) -> frozenset[str] | None:
    """The ids that some `<cancel>` names; None when one of them works its id out."""
    found: set[str] = set()
    waiting = [root]
    while waiting:
        element = waiting.pop()
        waiting.extend(element.children)
        if element.name == "cancel":
            if "sendidexpr" in element.attributes:
                return None
            found.add(element.attributes.get("sendid", ""))
    return frozenset(found)


def required(element: Element, attribute: str) -> str:
    """An attribute that the element makes no sense without."""
    if not element.attributes.get(attribute):
        raise NotSayable(f"it has no {attribute!r}", f"add {attribute!r}")
    return element.attributes[attribute]


def literal_text(element: Element) -> Json:
    """What stands in an element: JSON, a literal of ECMAScript, or else text."""
    if element.children:
        raise NotSayable("it holds XML", "write its data as JSON")
    text = element.text.strip()
    try:
        value: Json = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        try:
            return constant(read_expression(text))
        except (NotSayable, ValueError):
            return " ".join(text.split())
    if _says_expr(value):
        raise NotSayable("it has a key '@expr', which would be an expression", "rename the key")
    return value


def _says_expr(value: Json) -> bool:
    rest: list[Json] = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            if "@expr" in one:
                return True
            rest.extend(one.values())
        elif isinstance(one, list):
            rest.extend(one)
    return False


def _no_number(name: str) -> Json:
    raise ValueError(f"{name} is no JSON number")


def _event_name(name: str) -> str:
    if is_own(name):
        raise NotSayable(
            f"events named like {name!r} are sent by the engine only", "choose another name"
        )
    if name == "*" or not name.strip():
        raise NotSayable("it names no event", "write the event's name")
    return name
