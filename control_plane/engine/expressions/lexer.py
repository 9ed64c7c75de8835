"""Text to tokens."""

import re
from typing import Final, NamedTuple

from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.literals import number, string
from control_plane.engine.expressions.values import Json

WORDS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}
"""Identifiers that are values."""

_INSTEAD: Final = {
    "=": "compare with == or !=",
    "&": "write && for and",
    "|": "write || for or",
}
"""What was meant by a character that other languages have."""

_TOKEN: Final = re.compile(
    r"""
      (?P<space>   (?: [ \t\n\f\r]+ | //[^\n]* )+ )
    | (?P<number>  0[xX][0-9a-fA-F]+[uU]?
                 | [0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?
                 | [0-9]+[eE][+-]?[0-9]+
                 | [0-9]+[uU]? )
    | (?P<string>  [bBrR]{0,2} (?: \"{3} | '{3} | \" | ' ) )
    | (?P<word>    [A-Za-z_][A-Za-z0-9_]* )
    | (?P<quoted>  `[A-Za-z0-9_.\-/\ ]+` )
    | (?P<symbol>  && | \|\| | == | != | <= | >= | [-+*/%<>!?:.,()\[\]{}] )
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    kind: str
    """`literal`, `word`, `quoted` (an identifier in backticks), `symbol` or `end`."""

    text: str
    """A symbol or a word; of a literal what stands in the expression."""

    value: None | bool | int | float | str
    """Of a literal, its value."""

    position: int


def tokens(text: str) -> list[Token]:
    """The tokens of an expression, and an `end`. Raises ExpressionError at what is none."""
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            found_here = text[position]
            remedy = _INSTEAD.get(found_here, "quote it if it is text")
            raise Site(text, position).error(f"{found_here!r} has no meaning here; {remedy}")
        kind, lexeme, end = match.lastgroup, match.group(), match.end()
        match kind:
            case "number":
                found.append(
                    Token("literal", lexeme, number(lexeme, Site(text, position)), position)
                )
            case "string":
                value, end = string(text, position, end)
                found.append(Token("literal", text[position:end], value, position))
            case "word" if lexeme in WORDS:
                found.append(Token("literal", lexeme, WORDS[lexeme], position))  # type: ignore[arg-type]  # WORDS holds scalars
            case "quoted":
                found.append(Token("quoted", lexeme[1:-1], None, position))
            case "word" | "symbol":
                found.append(Token(kind, lexeme, None, position))
        position = end
    found.append(Token("end", "", None, len(text)))
    return found
