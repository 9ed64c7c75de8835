"""
Which names an expression uses.
"""

from control_plane.engine.expressions.syntax import (
    Binary,
    Call,
    Conditional,
    Index,
    ListLiteral,
    Logic,
    MapLiteral,
    Name,
    Node,
    Select,
    Unary,
)


def names_in(node: Node) -> set[str]:
    """All names that an expression holds, keys of maps and members apart."""
    match node:
        case Name(name=name):
            return {name}
        case Select(target=target):
            return names_in(target)
        case Index(target=target, key=key):
            return names_in(target) | names_in(key)
        case Unary(operand=operand):
            return names_in(operand)
        case Binary(left=left, right=right):
            return names_in(left) | names_in(right)
        case Logic(terms=parts) | ListLiteral(items=parts) | Call(arguments=parts):
            return set().union(*map(names_in, parts))
        case MapLiteral(entries=entries):
            return set().union(*(names_in(value) for _, value in entries))
        case Conditional(condition=condition, chosen=chosen, otherwise=otherwise):
            return names_in(condition) | names_in(chosen) | names_in(otherwise)
    return set()
