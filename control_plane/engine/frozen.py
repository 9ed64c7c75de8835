"""
Values that are never changed, and cost little to make.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """
    A slotted, keyword-only dataclass that the type checker takes for a frozen one.

    Python's own frozen dataclasses set every field through `object.__setattr__`: a
    snapshot took 3.5 µs to make that way, and 0.6 µs this way. A decision makes five
    such values, which was more than half of its time.
    """
    return dataclass(slots=True, kw_only=True)(cls)
