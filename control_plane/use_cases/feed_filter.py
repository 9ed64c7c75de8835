"""What of a tenant's feed somebody wants, and by what it is told quickly whether a page has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from control_plane.ports.feed import FeedEntry
from shared import json
from shared.ids import InstanceId


class Interest(NamedTuple):
    """The one value that all wanted entries share, of the kind that leaves the fewest."""

    kind: str
    value: object

    @staticmethod
    def value_of(kind: str, one: FeedEntry) -> object:
        return one.entry.type if kind == "type" else getattr(one, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFilter:
    """All that is set must hold. No types are all types."""

    types: frozenset[str] = frozenset()
    instance_id: InstanceId | None = None
    business_key: str | None = None
    definition_key: str | None = None
    state: str | None = None
    """Entries that tell of this state being entered, by its path."""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def interest(self) -> Interest | None:
        """None for who wants all, or has no such value."""
        for kind in ("instance_id", "business_key", "definition_key"):
            value = getattr(self, kind)
            if value is not None:
                return Interest(kind, value)
        types = self.read_types
        return Interest("type", *types) if types is not None and len(types) == 1 else None

    @property
    def read_types(self) -> frozenset[str] | None:
        """The types that need be read at all; None for all."""
        if self.state is not None:
            return _MOVES & self.types if self.types else _MOVES
        return self.types or None

    def keeps(self, one: FeedEntry) -> bool:
        return (
            (not self.types or one.entry.type in self.types)
            and self.instance_id in {None, one.instance_id}
            and self.business_key in {None, one.business_key}
            and self.definition_key in {None, one.definition_key}
            and (self.state is None or _enters(one, self.state))
            and (not self.labels or _is_marked(one, self.labels))
        )


_MOVES = frozenset({"STATE_TRANSITION"})


def _enters(one: FeedEntry, state: str) -> bool:
    if one.entry.type not in _MOVES:
        return False
    payload = json.load(one.entry.payload)
    entered = payload.get("entered") if isinstance(payload, dict) else None
    return isinstance(entered, list) and state in entered


def _is_marked(one: FeedEntry, labels: Mapping[str, str]) -> bool:
    found = json.load(one.labels)
    return isinstance(found, dict) and all(
        found.get(name) == value for name, value in labels.items()
    )
