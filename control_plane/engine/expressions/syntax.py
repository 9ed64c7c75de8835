"""The tree of an expression, as the parser builds it. Every node knows where it stands."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    position: int
    value: None | bool | int | float | str


@dataclass(frozen=True, slots=True)
class Name:
    position: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`target.key`."""

    position: int
    target: "Node"
    key: str


@dataclass(frozen=True, slots=True)
class Has:
    """`has(target.key)`."""

    position: int
    target: "Node"
    key: str


@dataclass(frozen=True, slots=True)
class Index:
    """`target[key]`."""

    position: int
    target: "Node"
    key: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """`function(arguments)`, or `target.function(arguments)`."""

    position: int
    function: str
    target: "Node | None"
    arguments: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Macro:
    """
    `source.kind(variable, steps)`. Of `map` with three arguments the first step is the
    condition; of everything else there is one step.
    """

    position: int
    kind: str
    source: "Node"
    variable: str
    steps: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class ListLiteral:
    position: int
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class MapLiteral:
    position: int
    entries: "tuple[tuple[Node, Node], ...]"


@dataclass(frozen=True, slots=True)
class Unary:
    """`!operand` or `-operand`."""

    position: int
    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, comparison, or `in`."""

    position: int
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Logic:
    """`a && b && c` or `a || b || c`, which a chain of any length keeps flat."""

    position: int
    operator: str
    terms: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Conditional:
    """`condition ? chosen : otherwise`."""

    position: int
    condition: "Node"
    chosen: "Node"
    otherwise: "Node"


Node: TypeAlias = (
    Literal
    | Name
    | Select
    | Has
    | Index
    | Call
    | Macro
    | ListLiteral
    | MapLiteral
    | Unary
    | Binary
    | Logic
    | Conditional
)
