"""Which functions there are, by how they are called."""

from typing import Final

from control_plane.engine.expressions.calendar import TIME_METHODS
from control_plane.engine.expressions.conversions import CONVERSIONS, SIZE
from control_plane.engine.expressions.functions import Function
from control_plane.engine.expressions.numeric import MATH_FUNCTIONS
from control_plane.engine.expressions.patterns import MATCHES
from control_plane.engine.expressions.strings import STRING_METHODS


def _by_name(*functions: Function) -> dict[str, Function]:
    return {function.name: function for function in functions}


FUNCTIONS: Final = _by_name(SIZE, MATCHES, *CONVERSIONS, *MATH_FUNCTIONS)
"""Called `name(argument)`."""

METHODS: Final = _by_name(SIZE, MATCHES, *STRING_METHODS, *TIME_METHODS)
"""Called `target.name(argument)`, the target being their first argument."""

NAMESPACES: Final = frozenset(name.split(".")[0] for name in FUNCTIONS if "." in name)
"""What stands before the dot of a function's name, like `math`."""
