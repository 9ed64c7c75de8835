"""Functions of strings. Positions are counted in characters, from 0."""

from typing import Final

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.functions import Function
from control_plane.engine.expressions.values import kind_of

SEARCHED_PER_ITERATION: Final = 128
"""How many characters are searched in the time of an iteration."""

COMPARED_PER_ITERATION: Final = 1_024
"""How many pairs of characters are compared in the time of an iteration."""

# Python searches in linear time only where that pays off: below these lengths of a text,
# it may compare each of its characters with so many of the part's.
_PAIRS: Final = ((2_500, 2_500), (30_000, 100))
_PAIRS_BEYOND: Final = 6

_UPPER: Final = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

# Unicode's White_Space, which is what CEL trims; str.strip() takes four separators more.
_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + ("\u2028\u2029\u202f\u205f\u3000")
)


def _contains(site: Site, budget: Budget, text: str, part: str) -> bool:
    _charge_search(text, part, budget, site)
    return part in text


def _starts_with(site: Site, budget: Budget, text: str, part: str) -> bool:
    budget.iterate(len(part) // SEARCHED_PER_ITERATION, site)
    return text.startswith(part)


def _ends_with(site: Site, budget: Budget, text: str, part: str) -> bool:
    budget.iterate(len(part) // SEARCHED_PER_ITERATION, site)
    return text.endswith(part)


def _char_at(site: Site, _budget: Budget, text: str, index: int) -> str:
    _check_range(text, index, site)
    return text[index : index + 1]


def _index_of(site: Site, budget: Budget, text: str, part: str, start: int = 0) -> int:
    _check_range(text, start, site)
    _charge_search(text, part, budget, site)
    return text.find(part, start)


def _last_index_of(
    site: Site, budget: Budget, text: str, part: str, start: int | None = None
) -> int:
    """`start` is where the part may begin at the latest."""
    if start is not None:
        _check_range(text, start, site)
        text = text[: start + len(part)]
    _charge_search(text, part, budget, site)
    # Backwards, as rfind() is quadratic whatever the lengths are.
    found = text[::-1].find(part[::-1])
    return found if found < 0 else len(text) - found - len(part)


def _substring(site: Site, budget: Budget, text: str, start: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    _check_range(text, start, site)
    _check_range(text, end, site)
    if start > end:
        raise site.error("substring ends before it starts; swap the two positions")
    budget.build(end - start, site)
    return text[start:end]


def _replace(site: Site, budget: Budget, text: str, part: str, by: str, limit: int = -1) -> str:
    """A negative limit is none."""
    _charge_search(text, part, budget, site)
    count = len(text) + 1 if part == "" else text.count(part)
    if limit >= 0:
        count = min(count, limit)
    budget.build(len(text) + count * (len(by) - len(part)), site)
    return text.replace(part, by, count)


def _split(site: Site, budget: Budget, text: str, separator: str, limit: int = -1) -> list[str]:
    """Into at most `limit` parts, a negative limit being none; by "" into characters."""
    _charge_search(text, separator, budget, site)
    if limit == 0:
        return []
    parts = max(len(text), 1) if separator == "" else text.count(separator) + 1
    if limit > 0:
        parts = min(parts, limit)
    budget.build(len(text) + parts, site)
    if separator:
        return text.split(separator, parts - 1)
    return [*text[: parts - 1], text[parts - 1 :]] if text else []


def _join(site: Site, budget: Budget, parts: list[str], separator: str = "") -> str:
    budget.iterate(len(parts), site)
    for part in parts:
        if part.__class__ is not str:
            raise site.error(
                f"join takes strings, found {kind_of(part)} among them; map(x, string(x)) first"
            )
    budget.build(sum(map(len, parts)) + len(separator) * max(len(parts) - 1, 0), site)
    return separator.join(parts)


def _trim(site: Site, budget: Budget, text: str) -> str:
    budget.build(len(text), site)
    return text.strip(_SPACE)


def _lower(site: Site, budget: Budget, text: str) -> str:
    budget.build(len(text), site)
    return text.translate(_LOWER)


def _upper(site: Site, budget: Budget, text: str) -> str:
    budget.build(len(text), site)
    return text.translate(_UPPER)


def _reverse(site: Site, budget: Budget, text: str) -> str:
    budget.build(len(text), site)
    return text[::-1]


def _charge_search(text: str, part: str, budget: Budget, site: Site) -> None:
    length = len(text)
    width = next((most for below, most in _PAIRS if length < below), _PAIRS_BEYOND)
    pairs = length * min(len(part), width)
    budget.iterate(length // SEARCHED_PER_ITERATION + pairs // COMPARED_PER_ITERATION, site)


def _check_range(text: str, index: int, site: Site) -> None:
    if not 0 <= index <= len(text):
        raise site.error("the position is outside of the string; positions go from 0 to its size")


STRING_METHODS: Final = (
    Function("contains", {(str, str): _contains}, "bool"),
    Function("startsWith", {(str, str): _starts_with}, "bool"),
    Function("endsWith", {(str, str): _ends_with}, "bool"),
    Function("charAt", {(str, int): _char_at}, "string"),
    Function("indexOf", {(str, str): _index_of, (str, str, int): _index_of}, "int"),
    Function("lastIndexOf", {(str, str): _last_index_of, (str, str, int): _last_index_of}, "int"),
    Function("substring", {(str, int): _substring, (str, int, int): _substring}, "string"),
    Function("replace", {(str, str, str): _replace, (str, str, str, int): _replace}, "string"),
    Function("split", {(str, str): _split, (str, str, int): _split}, "list"),
    Function("join", {(list,): _join, (list, str): _join}, "string"),
    Function("trim", {(str,): _trim}, "string"),
    Function("lowerAscii", {(str,): _lower}, "string"),
    Function("upperAscii", {(str,): _upper}, "string"),
    Function("reverse", {(str,): _reverse}, "string"),
)
