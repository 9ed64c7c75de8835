"""Numbers and strings as they are written in an expression."""

import re
from typing import Final

from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.values import INT_MAX, INT_MIN

_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))"
)
_SIMPLE: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


def number(lexeme: str, site: Site) -> int | float:
    """
    The value of a number. 2^63 is let through, because a minus may stand before it: the
    parser refuses it where none does.
    """
    if lexeme[-1] in "uU":
        raise site.error(f"JSON has no unsigned integers; write {lexeme[:-1]}")
    if lexeme[:2] in {"0x", "0X"}:
        value = int(lexeme, 16)
    elif "." in lexeme or "e" in lexeme or "E" in lexeme:
        return float(lexeme)
    else:
        value = int(lexeme)
    if value > -INT_MIN:
        raise site.error(f"integers end at {INT_MAX}; write a double, like 1e20")
    return value


def string(text: str, start: int, content: int) -> tuple[str, int]:
    """
    The value of the string that begins at `start` and whose content begins at `content`,
    and the position after its closing quote.
    """
    site = Site(text, start)
    opening = text[start:content]
    quote = opening.lstrip("bBrR")
    prefix = opening[: len(opening) - len(quote)].lower()
    if "b" in prefix:
        raise site.error("JSON has no bytes; write a string, without the b")
    if prefix not in {"", "r"}:
        raise site.error("a string has at most one prefix, r")
    raw = prefix == "r"
    parts: list[str] = []
    position = content
    while not text.startswith(quote, position):
        if position >= len(text):
            raise site.error(f"the string is not closed; end it with {quote}")
        character = text[position]
        if character == "\\" and not raw:
            part, position = _unescape(text, position)
        elif character == "\\" and position + 1 < len(text):
            part, position = text[position : position + 2], position + 2
        elif character in "\r\n" and len(quote) == 1:
            raise site.error("the string is not closed on its line; write \\n, or use three quotes")
        else:
            part, position = character, position + 1
        parts.append(part)
    return "".join(parts), position + len(quote)


def _unescape(text: str, position: int) -> tuple[str, int]:
    match = _ESCAPE.match(text, position)
    if match is None:
        raise Site(text, position).error("unknown escape; write \\\\ for a backslash")
    simple, byte, short, long, octal = match.groups()
    if simple is not None:
        return _SIMPLE.get(simple, simple), match.end()
    code = int(octal, 8) if octal is not None else int(byte or short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise Site(text, position).error("the escape is no Unicode character; surrogates are none")
    return chr(code), match.end()
