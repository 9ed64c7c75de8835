"""The tree to closures: one walk, which also notes what is read and how deep things go."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import ceil
from typing import Any, Final

from control_plane.engine.expressions import containers, fields, logic, macros, operators, paths
from control_plane.engine.expressions.budget import (
    CALL_NODES,
    MAX_DEPTH,
    MAX_NESTED_MACROS,
    NODES_PER_ITERATION,
    Budget,
)
from control_plane.engine.expressions.code import Code, Run
from control_plane.engine.expressions.comparing import ORDERS
from control_plane.engine.expressions.errors import Site, quoted
from control_plane.engine.expressions.functions import Function, call
from control_plane.engine.expressions.kinds import arithmetic_kind, common_kind
from control_plane.engine.expressions.patterns import (
    MATCHES,
    MAX_PROGRAMS,
    compile_pattern,
    matching,
)
from control_plane.engine.expressions.syntax import (
    Binary,
    Call,
    Conditional,
    Has,
    Index,
    ListLiteral,
    Literal,
    Logic,
    Macro,
    MapLiteral,
    Name,
    Node,
    Select,
    Unary,
)
from control_plane.engine.expressions.values import Value, kind_of
from control_plane.engine.expressions.vocabulary import FUNCTIONS, METHODS, NAMESPACES

CURRENT_TIME: Final = "now"
"""The name whose value is a datetime."""

Path = tuple[str, ...]


@dataclass(slots=True)
class Compiler:
    """Compiles one expression. `reads` and `asks` are complete once `code` has returned."""

    text: str
    names: frozenset[str]
    reads: set[Path] = field(default_factory=set)
    asks: set[Path] = field(default_factory=set)
    variables: tuple[str, ...] = ()
    """The variables of the macros around the node being compiled."""
    instructions: int = 0
    """Of the patterns compiled so far."""

    def code(self, node: Node, depth: int = 1) -> Code:
        if depth > MAX_DEPTH:
            raise self._site(node).limit(f"nested deeper than {MAX_DEPTH}; split the expression")
        deeper = depth + 1
        match node:
            case Literal(value=value):
                return _constant(value)
            case Name() | Select() | Index():
                return self._read(node, deeper)
            case Has():
                return self._has(node, deeper)
            case Unary():
                return self._unary(node, deeper)
            case Binary():
                return self._binary(node, deeper)
            case Logic(operator=operator, terms=terms):
                codes = [self.code(term, deeper) for term in terms]
                run = logic.logic(operator, [code.run for code in codes], self._site(node))
                return _code(run, "bool", codes)
            case Conditional():
                return self._conditional(node, deeper)
            case ListLiteral(items=items):
                codes = [self.code(item, deeper) for item in items]
                run = containers.list_of([code.run for code in codes], self._site(node))
                return self._literal(run, "list", codes)
            case MapLiteral():
                return self._map(node, deeper)
            case Macro():
                return self._macro(node, deeper)
            case _:
                return self._call(node, deeper)

    def _read(self, node: Name | Select | Index, depth: int) -> Code:
        found = self._path(node)
        if found is not None:
            name, keys = found
            if depth + len(keys) > MAX_DEPTH:
                raise self._site(node).limit(
                    f"nested deeper than {MAX_DEPTH}; split the expression, or flatten the data"
                )
            return self._read_path(name, keys)
        if isinstance(node, Index):
            target, key = self.code(node.target, depth), self.code(node.key, depth)
            return _code(paths.index(target.run, key.run, self._site(node)), None, [target, key])
        assert isinstance(node, Select)  # a name is a path
        target = self.code(node.target, depth)
        return _code(paths.select(target.run, node.key, self._site(node)), None, [target])

    def _path(self, node: Node) -> tuple[Name, list[tuple[str, int]]] | None:
        """The name and the keys of `name.key["key"]`, each key with its position."""
        keys: list[tuple[str, int]] = []
        while not isinstance(node, Name):
            if isinstance(node, Select):
                keys.append((node.key, node.position))
            elif isinstance(node, Index) and isinstance(node.key, Literal):
                if not isinstance(node.key.value, str):
                    return None
                keys.append((node.key.value, node.key.position))
            else:
                return None
            node = node.target
        return node, keys[::-1]

    def _read_path(self, name: Name, keys: list[tuple[str, int]]) -> Code:
        site = self._site(name)
        is_variable = name.name in self.variables
        if not is_variable:
            if name.name not in self.names:
                raise site.error(_unknown("name", name.name, {*self.names, *self.variables}))
            self.reads.add((name.name, *(key for key, _ in keys)))
        if name.name == CURRENT_TIME and not is_variable:
            run, kind = paths.current_time(name.name, site), "timestamp"
            for key, position in keys:
                run = paths.select(run, key, Site(self.text, position))
            return Code(run=run, kind=None if keys else kind, nodes=CALL_NODES)
        sites = [site, *(Site(self.text, position) for _, position in keys)]
        run = paths.path(name.name, [key for key, _ in keys], sites)
        field = (name.name, keys[0][0]) if len(keys) == 1 else None
        return Code(run=run, nodes=max(1, len(keys)), field=field)

    def _has(self, node: Has, depth: int) -> Code:
        found = self._path(node.target)
        if found is not None and found[0].name not in self.variables:
            name, keys = found
            self.asks.add((name.name, *(key for key, _ in keys), node.key))
        target = self.code(node.target, depth)
        return _code(paths.has(target.run, node.key, self._site(node)), "bool", [target])

    def _unary(self, node: Unary, depth: int) -> Code:
        operand, site = self.code(node.operand, depth), self._site(node)
        if node.operator == "!":
            return _code(logic.negation(operand.run, site), "bool", [operand])
        kind = operand.kind if operand.kind in {"int", "double"} else None
        return _code(operators.negative(operand.run, site), kind, [operand])

    def _binary(self, node: Binary, depth: int) -> Code:
        left, right = self.code(node.left, depth), self.code(node.right, depth)
        symbol, site, codes = node.operator, self._site(node), [left, right]
        if symbol == "in":
            return _code(operators.membership(left.run, right.run, site), "bool", codes)
        constant = node.right.value if isinstance(node.right, Literal) else None
        if symbol in {"==", "!="}:
            if constant is None or not operators.is_cheap_constant(constant):
                run = operators.equality(symbol, left.run, right.run, site)
            elif left.field is not None:
                run = fields.equality_to_constant(symbol, left.field, left.run, constant, site)
            else:
                run = operators.equality_to_constant(symbol, left.run, constant, site)
            return _code(run, "bool", codes)
        if symbol in ORDERS:
            if constant.__class__ not in {int, float}:
                run = operators.order(symbol, left.run, right.run, site)
            elif left.field is not None:
                run = fields.order_to_constant(symbol, left.field, left.run, constant, site)
            else:
                run = operators.order_to_constant(symbol, left.run, constant, site)
            return _code(run, "bool", codes)
        kind = arithmetic_kind(symbol, left.kind, right.kind)
        if symbol in operators.INT_OPERATIONS and constant.__class__ is int:
            if left.field is not None:
                run = fields.arithmetic_with_int(symbol, left.field, left.run, constant, site)
            else:
                run = operators.arithmetic_with_int(symbol, left.run, constant, site)
        else:
            run = operators.arithmetic(symbol, left.run, right.run, site)
        return _code(run, kind, codes)

    def _conditional(self, node: Conditional, depth: int) -> Code:
        condition = self.code(node.condition, depth)
        chosen, otherwise = self.code(node.chosen, depth), self.code(node.otherwise, depth)
        run = logic.conditional(condition.run, chosen.run, otherwise.run, self._site(node))
        return _code(run, common_kind(chosen, otherwise), [condition, chosen, otherwise])

    def _map(self, node: MapLiteral, depth: int) -> Code:
        entries = [(self.code(key, depth), self.code(value, depth)) for key, value in node.entries]
        run = containers.map_of([(key.run, value.run) for key, value in entries], self._site(node))
        return self._literal(run, "map", [code for entry in entries for code in entry])

    def _literal(self, run: Run, kind: str, codes: list[Code]) -> Code:
        """Of nothing but constants, a literal is built once; results are copies of it."""
        if all(code.is_constant for code in codes):
            return _constant(run({}, Budget()))
        return _code(run, kind, codes, CALL_NODES)

    def _macro(self, node: Macro, depth: int) -> Code:
        site = self._site(node)
        source = self.code(node.source, depth)
        around = self.variables
        if len(around) == MAX_NESTED_MACROS:
            raise site.limit(
                f"more than {MAX_NESTED_MACROS} macros inside each other; "
                "compute the inner one into the context first"
            )
        self.variables = (*around, node.variable)
        steps = [self.code(step, depth) for step in node.steps]
        self.variables = around
        cost = max(1, ceil(sum(step.nodes for step in steps) / NODES_PER_ITERATION))
        body = steps[-1].run
        match node.kind:
            case "all" | "exists":
                run = macros.quantifier(node.kind, source.run, node.variable, body, cost, site)
            case "exists_one":
                run = macros.exists_one(source.run, node.variable, body, cost, site)
            case "filter":
                run = macros.keep(source.run, node.variable, body, cost, site)
            case _:
                condition = steps[0].run if len(steps) == 2 else macros.ALWAYS
                run = macros.transform(source.run, node.variable, condition, body, cost, site)
        kind = "list" if node.kind in {"map", "filter"} else "bool"
        return _code(run, kind, [source], CALL_NODES)

    def _call(self, node: Call, depth: int) -> Code:
        function, arguments = self._resolve(node)
        codes = [self.code(argument, depth) for argument in arguments]
        site = self._site(node)
        counts = function.counts
        if function.is_variadic and not codes:
            raise site.error(f"{function.name} takes at least one argument")
        if not function.is_variadic and len(codes) not in counts:
            before = len(arguments) - len(node.arguments)  # a method's target is its first one
            wanted = " or ".join(str(count - before) for count in sorted(counts))
            raise site.error(f"{function.name} takes {wanted} arguments, not {len(node.arguments)}")
        run = call(function, tuple(code.run for code in codes), site)
        if function is MATCHES and isinstance(arguments[1], Literal):
            pattern = arguments[1].value
            if isinstance(pattern, str):
                run = matching(codes[0].run, self._pattern(pattern, arguments[1]), site)
        nodes = CALL_NODES + (len(codes) if function.is_variadic else 0)
        return _code(run, function.kind, codes, nodes)

    def _pattern(self, pattern: str, node: Node) -> Any:
        compiled = compile_pattern(pattern, self._site(node))
        self.instructions += compiled.programsize
        if self.instructions > MAX_PROGRAMS:
            raise self._site(node).limit(
                f"the patterns have more than {MAX_PROGRAMS:,} instructions together; "
                "split the expression"
            )
        return compiled

    def _resolve(self, node: Call) -> tuple[Function, tuple[Node, ...]]:
        target = node.target
        if target is None:
            name, table, arguments = node.function, FUNCTIONS, node.arguments
        elif (
            isinstance(target, Name)
            and target.name in NAMESPACES
            and target.name not in self.names
            and target.name not in self.variables
        ):
            name, table = f"{target.name}.{node.function}", FUNCTIONS
            arguments = node.arguments
        else:
            name, table, arguments = node.function, METHODS, (target, *node.arguments)
        function = table.get(name)
        if function is None:
            what = "method" if table is METHODS else "function"
            raise self._site(node).error(_unknown(what, name, table))
        return function, arguments

    def _site(self, node: Node) -> Site:
        return Site(self.text, node.position)


def _constant(value: Value) -> Code:
    return Code(run=lambda _scope, _budget: value, kind=kind_of(value), nodes=0, is_constant=True)


def _code(run: Run, kind: str | None, parts: list[Code], nodes: int = 1) -> Code:
    return Code(run=run, kind=kind, nodes=nodes + sum(part.nodes for part in parts))


_INSTEAD: Final = {"not": "! before a bool", "len": "size()", "None": "null"}
"""What other languages call it."""


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    if name in _INSTEAD:
        return f"unknown {what} {name}; write {_INSTEAD[name]}"
    close = get_close_matches(name, known, n=1)
    if close:
        return f"unknown {what} {name}; did you mean {close[0]}?"
    return f"unknown {what} {quoted(name)}; there are {', '.join(sorted(known)) or 'none here'}"
