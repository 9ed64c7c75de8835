"""
The expressions of ECMAScript that a definition's language can say, as its own syntax tree.

What is read: literals, names, members, calls of `In`, `typeof`, and the operators of
logic, comparison and arithmetic. Everything else is refused by its name.
"""

import re
from typing import Final

from control_plane.engine.expressions.syntax import (
    Binary,
    Call,
    Conditional,
    Index,
    ListLiteral,
    Literal,
    Logic,
    MapLiteral,
    Name,
    Node,
    Select,
    Unary,
)

MAX_CHARACTERS = 2_000
MAX_DEPTH = 30

_TOKEN: Final = re.compile(
    r"""
      (?P<space>  \s+ )
    | (?P<number> (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z_$]) )
    | (?P<string> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' )
    | (?P<word>   [A-Za-z_$][A-Za-z0-9_$]* )
    | (?P<symbol> ===|!==|==|!=|<=|>=|&&|\|\||[-+*%<>!?:.,()\[\]{}]|/(?![/*]) )
    """,
    re.VERBOSE,
)
_REFUSED_SYMBOL: Final = re.compile(
    r"=>|\+\+|--|<<|>>>?|\?\?|\?\.|\*\*|[-+*/%&|^]=|//|/\*|[=&|^~`;#@\\]"
)
_REFUSED_WORDS: Final = frozenset(
    {
        *("function", "new", "delete", "void", "instanceof", "in", "this", "var", "let", "const"),
        *("class", "return", "await", "yield", "async", "throw", "if", "for", "while", "do"),
    }
)
_PRECEDENCE: Final = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "===", "!=="), 3),
    **dict.fromkeys(("<", "<=", ">", ">="), 4),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/", "%"), 6),
}
_WORDS: Final = {"true": True, "false": False, "null": None}
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_ESCAPE: Final = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|(.))"
)
_LARGEST_EXACT: Final = 2**53


class NotSayable(Exception):
    """An expression says something that a definition's language has no words for."""

    def __init__(
        self, why: str, remedy: str = "write it in CEL after the import", what: str = ""
    ) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy
        self.what = what
        """What it is about, where that is less than the element it stands in."""


def read_expression(text: str) -> Node:
    """
    The tree of an expression, its operators spelled as in ECMAScript; `typeof` is a call.

    Raises NotSayable, with the first thing that is not in the subset.
    """
    if len(text) > MAX_CHARACTERS:
        raise NotSayable(f"it is longer than {MAX_CHARACTERS:,} characters", "split it")
    parser = _Parser(_tokens(text))
    node = parser.expression()
    parser.end()
    return node


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        refused = _REFUSED_SYMBOL.match(text, position)
        match = _TOKEN.match(text, position)
        if match is None or (refused is not None and len(refused.group()) >= len(match.group())):
            shown = text[position] if refused is None else refused.group()
            raise NotSayable(f"it uses {shown!r}, which has no counterpart")
        if match.lastgroup != "space":
            found.append((str(match.lastgroup), match.group()))
        position = match.end()
    found.append(("end", ""))
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def expression(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotSayable(f"it is nested deeper than {MAX_DEPTH} levels", "split it")
        node = self._binary(1)
        if self._take("?"):
            chosen = self.expression()
            self._expect(":")
            node = Conditional(0, node, chosen, self.expression())
        self._depth -= 1
        return node

    def end(self) -> None:
        if self._tokens[self._next][0] != "end":
            raise self._unexpected()

    def _binary(self, least: int) -> Node:
        left = self._unary()
        while True:
            kind, operator = self._tokens[self._next]
            precedence = _PRECEDENCE.get(operator, 0) if kind == "symbol" else 0
            if precedence < least:
                return left
            self._next += 1
            right = self._binary(precedence + 1)
            if operator not in {"&&", "||"}:
                left = Binary(0, operator, left, right)
            elif isinstance(left, Logic) and left.operator == operator:
                left = Logic(0, operator, (*left.terms, right))
            else:
                left = Logic(0, operator, (left, right))

    def _unary(self) -> Node:
        operators: list[str] = []
        while (token := self._tokens[self._next]) in {
            ("symbol", "!"),
            ("symbol", "-"),
            ("symbol", "+"),
            ("word", "typeof"),
        }:
            operators.append(token[1])
            self._next += 1
        if len(operators) > MAX_DEPTH:
            raise NotSayable(f"it has more than {MAX_DEPTH} operators in a row", "leave some out")
        node = self._members(self._primary())
        for operator in reversed(operators):
            if operator == "typeof":
                node = Call(0, "typeof", None, (node,))
            elif operator == "+":
                raise NotSayable(
                    "it uses '+' to make a number of a value", "write double(…) in CEL"
                )
            elif operator == "-" and isinstance(node, Literal) and type(node.value) in {int, float}:
                node = Literal(0, -node.value)  # type: ignore[operator]  # a number, just seen
            else:
                node = Unary(0, operator, node)
        return node

    def _members(self, node: Node) -> Node:
        while True:
            if self._take("."):
                kind, word = self._tokens[self._next]
                if kind != "word":
                    raise self._unexpected()
                self._next += 1
                node = Select(0, node, word)
            elif self._take("["):
                key = self.expression()
                self._expect("]")
                if isinstance(key, Literal) and isinstance(key.value, str):
                    node = Select(0, node, key.value)
                else:
                    node = Index(0, node, key)
            elif self._take("("):
                arguments = self._list(")")
                if not isinstance(node, Name) or node.name != "In":
                    raise NotSayable(f"it calls {_shown(node)}(), which has no counterpart")
                node = Call(0, "In", None, arguments)
            else:
                return node

    def _primary(self) -> Node:
        kind, text = self._tokens[self._next]
        self._next += 1
        match kind:
            case "number":
                return Literal(0, _number(text))
            case "string":
                return Literal(0, _string(text[1:-1]))
            case "word" if text in _WORDS:
                return Literal(0, _WORDS[text])
            case "word" if text not in _REFUSED_WORDS:
                return Name(0, text)
        match text:
            case "(":
                node = self.expression()
                self._expect(")")
                return node
            case "[":
                return ListLiteral(0, self._list("]"))
            case "{":
                return self._object()
            case "/":
                raise NotSayable("it uses a regular expression", "write matches(…) in CEL")
        self._next -= 1
        raise self._unexpected()

    def _list(self, closing: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self._take(closing):
            if found:
                self._expect(",")
                if self._take(closing):
                    break
            found.append(self.expression())
        return tuple(found)

    def _object(self) -> Node:
        entries: list[tuple[Node, Node]] = []
        while not self._take("}"):
            if entries:
                self._expect(",")
                if self._take("}"):
                    break
            kind, text = self._tokens[self._next]
            if kind not in {"word", "string"}:
                raise self._unexpected()
            self._next += 1
            key = _string(text[1:-1]) if kind == "string" else text
            self._expect(":")
            entries.append((Literal(0, key), self.expression()))
        return MapLiteral(0, tuple(entries))

    def _take(self, symbol: str) -> bool:
        if self._tokens[self._next] != ("symbol", symbol):
            return False
        self._next += 1
        return True

    def _expect(self, symbol: str) -> None:
        if not self._take(symbol):
            raise self._unexpected()

    def _unexpected(self) -> NotSayable:
        kind, text = self._tokens[self._next]
        if text in _REFUSED_WORDS:
            return NotSayable(f"it uses {text!r}, which has no counterpart")
        found = "its end" if kind == "end" else repr(text)
        return NotSayable(f"it cannot be read: {found} stands where it makes no sense")


def _number(text: str) -> int | float:
    value: int | float = int(text) if text.isdigit() else float(text)
    if not -_LARGEST_EXACT <= value <= _LARGEST_EXACT and isinstance(value, int):
        return float(text)
    return value


def _string(body: str) -> str:
    def escape(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        if code is None:
            return _ESCAPES.get(match[4], match[4])
        value = int(code, 16)
        if 0xD800 <= value <= 0xDFFF or value > 0x10FFFF:
            raise NotSayable(f"the escape {match[0]!r} is half of a character", "write it whole")
        return chr(value)

    return _ESCAPE.sub(escape, body)


def _shown(node: Node) -> str:
    match node:
        case Name(name=name):
            return name
        case Select(target=target, key=key):
            return f"{_shown(target)}.{key}"
    return "a value"
