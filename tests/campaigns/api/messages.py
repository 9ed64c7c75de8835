"""
Messages of every kind, made from their descriptors: plausible ones, hostile ones, and bytes
that are none.

A field gets something that its name suggests, so that calls get past the first checks; or one
of the values at which programs break; or nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

MAX_NESTING: Final = 5
MAX_VALUES: Final = 600
"""Fields of one message, all that is inside counted: lists of lists of lists grow quickly."""

MAX_BYTES: Final = 1024 * 1024 - 1
"""What a connection lets through."""

SWOLLEN: Final = 0.001
"""Of all inputs, those that are filled up to the most that there may be."""

TEXTS: Final[tuple[str, ...]] = (
    "",
    " ",
    "\0",
    "a\0b",
    "\x1b[31m\x07",
    "\u202eabc\u2066",
    "\ufeff",
    "\ufffe\uffff",
    "💥" * 40,
    "é" * 200,
    "x" * 129,
    "x" * 1_001,
    "x" * 2_001,
    "x" * 40_000,
    "'; DROP TABLE foliot.instance; --",
    "%s%n{0}${x}%00",
    "../../etc/passwd",
    "xstate.done",
    "task.x",
    ".",
    "-1",
    "1e999",
    "NaN",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-7fff-bfff-ffffffffffff",
    "0199f0c0-0000-7000-8000-000000000000:0",
    "0199f0c0-0000-7000-8000-000000000000:99999999999999999999",
    "9999-12-31T23:59:60Z",
    "*/0 * * * *",
    "@reboot",
    "Europe/Nowhere",
    "key = ",
    'key = "',
    'status = ACTIVE AND status = ACTIVE AND (((((((((("',
    'create_time >= "0000-00-00T00:00:00Z"',
    'labels.a = "b" OR 1 = 1',
    "start_time desc, start_time desc",
    'business_key = "a\0b"',
    'instance_id = "x"',
    'queue = "' + "q" * 900 + '"',
    "W1sxLDIsMyw0LDVdLCJ4Il0",
    "AAAA",
    "=" * 9,
    "\ue000",
    "a\ue000\ue001b",
    "\ue001",
    "\ue002",
)
"""What is known to break programs, each on its own."""

NO_TEXT: Final[tuple[tuple[bytes, bytes], ...]] = (
    ("\ue000".encode(), b"\xed\xa0\x80"),
    ("\ue001".encode(), b"\xed\xb0\x80"),
    ("\ue002".encode(), b"\xe0\x80\x80"),
)
"""
Bytes that no message can be given as text, by what is put in their place until it is bytes: a
high and a low surrogate alone, and a NUL in three bytes.
"""

JSONS: Final[tuple[str, ...]] = (
    "",
    "{}",
    "[]",
    "null",
    "NaN",
    "-Infinity",
    "1" * 401,
    "0." + "1" * 401,
    "1e400",
    "-0",
    "9223372036854775808",
    "18446744073709551616",
    '{"a": 1, "a": 2}',
    '{"__proto__": {}, "constructor": 1, "": 0}',
    '"\\ud800"',
    '{"\\udfff": "\\u0000"}',
    '"\\u0000"',
    "[" * 50_000,
    "[" * 5_000 + "]" * 5_000,
    '{"a":' * 40 + "1" + "}" * 40,
    '{"initial": "a", "states": {"a": {}}}',
    '{"initial": "a", "states": {"a": {"on": {"E": "b"}}}}',
    '{"initial": "a", "states": {"a": {"always": "a"}}}',
    '{"initial": "a", "context": {"n": {"@expr": "event.input.n / 0"}}, "states": {"a": {}}}',
    '{"initial": "a", "states": {"a": {"invoke": {"src": "ai.think"}}}}',
    '{"@expr": "(((((((((((((((((((((1"}',
    "<scxml/>",
    "\ufeff{}",
    '{"a": "\ue000"}',
    '{"\ue001": 1}',
    "{'a': 1}",
    '"' + "x" * 300_000 + '"',
    "[" + "0," * 100_000 + "0]",
)

INTEGERS: Final = (0, 1, -1, 2, 7, 50, 200, 201, 1_000, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63))
DOUBLES: Final = (0.0, -0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, float("inf"), float("nan"))
SECONDS: Final = (0, 1, 60, -1, 253_402_300_799, 253_402_300_800, -62_135_596_801, 2**63 - 1)
NANOS: Final = (0, 1, 999_999_999, 1_000_000_000, -1, 2**31 - 1, -(2**31))

RARELY: Final[Mapping[str, Sequence[int]]] = {"foliot.v1.RenderFormat": (0, 1, 2)}
"""Of enums with values that are dear, as drawings by another program, those that are not."""

ONLY_RARELY: Final = 0.95

_RANGES: Final[Mapping[int, tuple[int, int]]] = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


class Maker:
    """
    Makes messages by chance. `known` are values that mean something where they are sent, by
    the end of a field's name: `{"instance_id": ["0199…"]}`.
    """

    def __init__(
        self, chance: Random, known: Mapping[str, Sequence[str]], *, max_bytes: int = MAX_BYTES
    ) -> None:
        self._chance = chance
        self._max_bytes = max_bytes
        self._known = known
        self._hostility = 0.0
        self._left_out = 0.0
        self._values_left = 0

    def message(
        self, descriptor: Descriptor, hostility: float, *, left_out: float = 0.2
    ) -> Message:
        """One whose fields are plausible, and hostile or left out with that probability each."""
        self._hostility, self._left_out, self._values_left = hostility, left_out, MAX_VALUES
        return self._message(descriptor, 0)

    def bytes_of(self, descriptor: Descriptor) -> bytes:
        """What to send: mostly a message, more or less hostile, and now and then broken bytes."""
        chance = self._chance
        hostility = chance.choice((0.0, 0.0, 0.1, 0.1, 0.3, 0.9))
        left_out = chance.choice((0.0, 0.0, 0.1, 0.3))
        raw = self.message(descriptor, hostility, left_out=left_out).SerializeToString()
        for stand_in, no_text in NO_TEXT:
            raw = raw.replace(stand_in, no_text)
        if chance.random() < SWOLLEN:
            raw *= self._max_bytes // (len(raw) or 1) + 1
        if len(raw) > self._max_bytes:
            return raw[: self._max_bytes]
        return self.broken(raw) if chance.random() < 0.15 else raw

    def inputs(self, descriptor: Descriptor, broken: int) -> Iterator[bytes]:
        """As `bytes_of` without end, each followed by so many that are it with bytes changed."""
        while True:
            raw = self.bytes_of(descriptor)
            yield raw
            for _ in range(broken):
                yield self.broken(raw)

    def broken(self, raw: bytes) -> bytes:
        """The same bytes with a few of them changed, cut off, repeated or put in."""
        chance, data = self._chance, bytearray(raw)
        for _ in range(chance.choice((1, 1, 2, 5, 20))):
            at = chance.randrange(len(data) + 1)
            change = chance.randrange(5)
            if change == 0 and data:
                data[at % len(data)] = chance.randrange(256)
            elif change == 1:
                data[at:at] = chance.randbytes(chance.choice((1, 2, 9, 40)))
            elif change == 2:
                del data[at:]
            elif change == 3:
                del data[at : at + chance.randrange(1, 9)]
            else:
                data += data[at : at + 64]
        return bytes(data[: self._max_bytes])

    def _message(self, descriptor: Descriptor, nesting: int) -> Message:
        made = GetMessageClass(descriptor)()
        if descriptor.full_name == "google.protobuf.Timestamp":
            self._time(made, plausible=1_900_000_000)
            return made
        if descriptor.full_name == "google.protobuf.Duration":
            self._time(made, plausible=self._chance.choice((0, 1, 5)))
            return made
        left_out = {
            field.name
            for oneof in descriptor.oneofs
            for field in self._chance.sample(list(oneof.fields), len(oneof.fields))[1:]
        }
        for field in descriptor.fields:
            if field.name in left_out or self._chance.random() < self._left_out:
                continue
            if field.message_type is not None and nesting >= MAX_NESTING:
                continue
            if self._values_left <= 0:
                break
            self._values_left -= 1
            self._fill(made, field, nesting)
        return made

    def _fill(self, made: Message, field: FieldDescriptor, nesting: int) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            self._fill_map(made, field, nesting)
        elif field.is_repeated:
            there = getattr(made, field.name)
            for _ in range(self._many()):
                if field.message_type is not None:
                    there.append(self._message(field.message_type, nesting + 1))
                else:
                    there.append(self._scalar(field))
        elif field.message_type is not None:
            there = getattr(made, field.name)
            there.SetInParent()
            there.CopyFrom(self._message(field.message_type, nesting + 1))
        else:
            setattr(made, field.name, self._scalar(field))

    def _fill_map(self, made: Message, field: FieldDescriptor, nesting: int) -> None:
        assert field.message_type is not None
        keys, values = field.message_type.fields_by_name["key"], field.message_type.fields_by_name
        there = getattr(made, field.name)
        for _ in range(self._many()):
            key = self._scalar(keys)
            if values["value"].message_type is not None:
                made_value = self._message(values["value"].message_type, nesting + 1)
                there[key].CopyFrom(made_value)
            else:
                there[key] = self._scalar(values["value"])

    def _many(self) -> int:
        if self._is_hostile():
            return self._chance.choice((0, 2, 17, 60, 250))
        return self._chance.choice((0, 1, 1, 2) if self._left_out else (1, 2))

    def _is_hostile(self) -> bool:
        return self._chance.random() < self._hostility

    def _scalar(self, field: FieldDescriptor) -> Any:
        kind = field.cpp_type
        if kind == FieldDescriptor.CPPTYPE_STRING:
            return self._bytes() if field.type == FieldDescriptor.TYPE_BYTES else self._text(field)
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return self._chance.random() < 0.5
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            return self._enum(field)
        if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
            return self._chance.choice(DOUBLES) if self._is_hostile() else 1.5
        lowest, highest = _RANGES[kind]
        number = self._chance.choice(INTEGERS) if self._is_hostile() else self._chance.randrange(5)
        return min(max(number, lowest), highest)

    def _enum(self, field: FieldDescriptor) -> int:
        assert field.enum_type is not None
        if self._is_hostile():
            return self._chance.choice((0, 99, -1, 2**31 - 1, -(2**31)))
        if field.enum_type.full_name in RARELY and self._chance.random() < ONLY_RARELY:
            return self._chance.choice(RARELY[field.enum_type.full_name])
        lowest = 0 if self._left_out else 1
        return self._chance.choice([value.number for value in field.enum_type.values][lowest:])

    def _bytes(self) -> bytes:
        return self._chance.randbytes(self._chance.choice((0, 1, 32, 32, 1_000)))

    def _text(self, field: FieldDescriptor) -> str:
        if field.name in ("json", "document"):
            if self._is_hostile():
                return self._chance.choice(JSONS)
            return self._chance.choice(self._known.get(field.name, ("{}",)))
        if self._is_hostile():
            return self._chance.choice(TEXTS)
        for end, values in self._known.items():
            if field.name == end or field.name.endswith(f"_{end}"):
                return self._chance.choice(values)
        return self._chance.choice(self._known.get("", ("",)))

    def _time(self, made: Any, *, plausible: int) -> None:
        choice: Callable[[Sequence[int]], int] = self._chance.choice
        made.seconds = choice(SECONDS) if self._is_hostile() else plausible
        made.nanos = choice(NANOS) if self._is_hostile() else 0
