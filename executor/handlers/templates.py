"""
Templates of mails: Jinja2 in its sandbox, of which little is let in. Values and their parts,
conditions, loops over what `data` holds, and a few filters:

    Dear {{ data.name }}, {% for item in data.items %}{{ item.count }} × {{ item.title }}
    {% endfor %}

A template is written by a tenant, and so is what it is filled with. What it may do is therefore
listed, node by node; whatever else Jinja2 can do is refused when the template is read. Nothing
in it makes a value longer than its parts, and each loop and each value taken out of `data` is
counted, so that no template works for long or writes much.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined, Template, TemplateError, Undefined, nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.errors import FoliotError, LimitExceeded
from shared.json import Json

MAX_TEMPLATE = 64 * 1024
"""How long the text of a template may be, in characters."""

MAX_RENDERED = 1024 * 1024
"""How long what comes of it may be, in characters."""

MAX_WORK = 300_000
"""Steps of one rendering: the nodes of a loop's body in each turn, and each value by its size."""

MAX_CONSTANT = 100
"""How long a text may be that is given to a filter."""

MAX_NUMBER = 2**53
SIZE_OF_A_STEP = 100
"""Characters or items of a value that count as one step."""

CACHED = 256

_ALLOWED: frozenset[type[nodes.Node]] = frozenset(
    {
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr,
        nodes.Getitem, nodes.If, nodes.For, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not,
        nodes.Compare, nodes.Operand, nodes.Filter, nodes.Test, nodes.Neg, nodes.Pos, nodes.Add,
        nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.List, nodes.Tuple,
    }
)  # fmt: skip
_LOOP = frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0"})
_TESTS = frozenset(
    {"defined", "undefined", "none", "boolean", "true", "false", "number", "integer", "float",
     "string", "mapping", "sequence", "odd", "even", "divisibleby", "in", "eq", "ne", "lt", "le",
     "gt", "ge"}
)  # fmt: skip
_COUNT = "counted"


class TemplateRefused(FoliotError):
    """The template is none, does what it may not, or does not fit what it is filled with."""

    reason = "TEMPLATE_REFUSED"


def rendered(source: str, data: Json, *, is_html: bool) -> str:
    """
    What comes of a template and its data; of HTML with all values escaped.

    Takes some tenths of a second at most, whatever both are. Raises TemplateRefused, with where
    and why, and LimitExceeded.
    """
    if len(source) > MAX_TEMPLATE:
        raise LimitExceeded("template characters", actual=len(source), maximum=MAX_TEMPLATE)
    token = _WORK.set([MAX_WORK])
    try:
        template = _compiled(source, is_html)
        parts: list[str] = []
        length = 0
        for part in template.generate(data=data):
            parts.append(part)
            length += len(part)
            if length > MAX_RENDERED:
                raise LimitExceeded("rendered characters", actual=length, maximum=MAX_RENDERED)
        return "".join(parts)
    except TemplateError as error:
        raise TemplateRefused(_told(error)) from error
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise TemplateRefused(
            "the template asks of a value what it cannot give: a sum of texts, a division by 0, a"
            " comparison of a text with a number"
        ) from error
    except (RecursionError, SyntaxError, MemoryError) as error:
        raise TemplateRefused("the template is nested too deep") from error
    finally:
        _WORK.reset(token)


_WORK: ContextVar[list[int]] = ContextVar("work")


def _charge(steps: int) -> None:
    left = _WORK.get()
    left[0] -= steps
    if left[0] < 0:
        raise LimitExceeded("template steps", actual=MAX_WORK - left[0], maximum=MAX_WORK)


def _weight(value: object) -> int:
    return 1 + (len(value) // SIZE_OF_A_STEP if isinstance(value, str | list | dict) else 0)


class _Confined(ImmutableSandboxedEnvironment):
    """JSON in, text out: nothing has attributes but objects of JSON and the state of a loop."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self._part(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._part(obj, argument)

    def _part(self, obj: Any, name: Any) -> Any:
        if isinstance(obj, Undefined):
            str(obj)  # raises, and says which one
        if isinstance(obj, LoopContext) and name in _LOOP:
            return getattr(obj, name)
        if not _holds(obj, name):
            return self.undefined(hint=f"there is no {name!r} in what the template is given")
        part = obj[name]
        _charge(_weight(part))
        return part

    def call(self, *_: Any, **__: Any) -> Any:
        raise TemplateRefused("a template calls nothing")

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        del context
        if not (_is_number(left) and _is_number(right)):
            raise TypeError
        result = self.binop_table[operator](left, right)
        if abs(result) > MAX_NUMBER:
            raise OverflowError
        return result

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        """The last thing before a template becomes code: it is looked through."""
        for node in _all_in(source):
            _check(node)
        for loop in list(source.find_all(nodes.For)):
            weight = nodes.Const(1 + sum(1 for _ in _all_in(loop)))
            loop.iter = nodes.Filter(
                loop.iter, _COUNT, [weight], [], None, None, lineno=loop.lineno
            )
        return super()._generate(source, *args, **kwargs)


def _holds(obj: Any, name: Any) -> bool:
    if isinstance(obj, dict):
        return isinstance(name, str) and name in obj
    return isinstance(obj, list) and type(name) is int and -len(obj) <= name < len(obj)


def _counted(values: Any, weight: int) -> Iterator[Any]:
    """The turns of a loop, each of which is paid for."""
    if not isinstance(values, list):
        raise TypeError
    for value in values:
        _charge(weight * _weight(value))
        yield value


def _environment(*, is_html: bool) -> Environment:
    made = _Confined(
        undefined=StrictUndefined,
        autoescape=is_html,
        finalize=_printed,
        keep_trailing_newline=True,
        cache_size=0,
    )
    made.globals = {}
    made.filters = {**_FILTERS, _COUNT: _counted}
    made.tests = {name: test for name, test in made.tests.items() if name in _TESTS}
    return made


@lru_cache(maxsize=CACHED)
def _compiled(source: str, is_html: bool) -> Template:
    return _ENVIRONMENTS[is_html].from_string(source)


def _check(node: nodes.Node) -> None:
    """Raises TemplateRefused for what a template may not do."""
    if type(node) not in _ALLOWED:
        _refuse(node, f"{type(node).__name__} is not among what a template may do")
    match node:
        case nodes.List() | nodes.Tuple():
            if not all(isinstance(item, nodes.Const) for item in node.items):
                _refuse(node, "a list in a template holds texts and numbers only")
        case nodes.For(recursive=True):
            _refuse(node, "a loop does not call itself")
        case nodes.For() if not isinstance(node.target, nodes.Name) or node.test is not None:
            _refuse(node, "a loop is as {% for item in data.items %}")
        case nodes.Filter(name=name) if name not in _FILTERS:
            _refuse(node, f"there is no filter {name!r}; there are {', '.join(sorted(_FILTERS))}")
        case nodes.Test(name=name) if name not in _TESTS:
            _refuse(node, f"there is no test {name!r}; there are {', '.join(sorted(_TESTS))}")
        case nodes.Name(name=name) if name == "self":
            _refuse(node, "there is nothing but data, and what a loop gives")
    if isinstance(node, nodes.Filter | nodes.Test):
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            _refuse(node, "a filter takes its values without names")
        if isinstance(node, nodes.Filter) and not all(map(_is_short, node.args)):
            _refuse(node, f"a filter takes numbers, and texts of up to {MAX_CONSTANT} characters")


def _all_in(node: nodes.Node) -> Iterator[nodes.Node]:
    """The node and all below it; without recursion, as templates may be deep."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(found.iter_child_nodes())


def _is_short(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and (
        not isinstance(node.value, str) or len(node.value) <= MAX_CONSTANT
    )


def _refuse(node: nodes.Node, why: str) -> None:
    raise TemplateRefused(f"line {node.lineno or 1}: {why}")


def _printed(value: Any) -> Any:
    """What a mail can say: no lists and objects as Python writes them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | Undefined):
        return value
    raise TypeError


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if isinstance(value, Undefined):
        str(value)  # raises, and says which one
    if not isinstance(value, str | int | float):
        raise TypeError
    text = str(value)
    _charge(_weight(text))
    return text


def _of_text(work: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: work(_text(value))


def _default(value: Any, instead: Any = "", for_empty: bool = False) -> Any:
    return instead if isinstance(value, Undefined) or (for_empty and not value) else value


def _length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise TypeError
    return len(value)


def _item(value: Any, index: int) -> Any:
    if not isinstance(value, list) or not value:
        raise TypeError
    return value[index]


def _join(value: Any, between: Any = "") -> str:
    if not isinstance(value, list):
        raise TypeError
    _charge(len(value))
    text = str(between).join(_text(item) for item in value)
    if len(text) > MAX_RENDERED:
        raise LimitExceeded("rendered characters", actual=len(text), maximum=MAX_RENDERED)
    return text


def _round(value: Any, digits: Any = 0) -> str:
    """With as many digits, as money is written."""
    if not _is_number(value) or not isinstance(digits, int) or not 0 <= digits <= 20:
        raise TypeError
    return f"{value:.{digits}f}"


def _truncate(value: Any, longest: int, end: str = "…") -> str:
    text = _text(value)
    return text if len(text) <= longest else text[: max(0, longest)] + end


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "upper": _of_text(str.upper),
    "lower": _of_text(str.lower),
    "capitalize": _of_text(str.capitalize),
    "title": _of_text(str.title),
    "trim": _of_text(str.strip),
    "urlencode": _of_text(lambda text: quote(text, safe="")),
    "default": _default,
    "length": _length,
    "first": lambda value: _item(value, 0),
    "last": lambda value: _item(value, -1),
    "join": _join,
    "round": _round,
    "truncate": _truncate,
}
_ENVIRONMENTS: Sequence[Environment] = (_environment(is_html=False), _environment(is_html=True))


def _told(error: TemplateError) -> str:
    """Where and what, in Jinja2's words, which quote the template and nothing else."""
    line = getattr(error, "lineno", None)
    where = f"line {line}: " if line else ""
    return f"{where}{error.message}"
