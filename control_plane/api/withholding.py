"""
What is left out of answers to callers without payload.read: the payloads, whatever RPC they are
in. Which fields those are stands in the protos (payload_options.proto), so that a new field of a
new RPC is withheld before anybody thinks of it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from foliot.v1 import json_pb2, payload_options_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

FLAG = "payload_withheld"
"""The field of a message that says that something of it was withheld."""


class Plan(NamedTuple):
    """Of a message: the fields to clear, those to look into, and whether it has the flag."""

    payload: tuple[str, ...]
    inner: Mapping[str, bool]
    """Fields whose messages hold payload, and whether each is a map."""
    has_flag: bool


def withhold(message: Any) -> Any:
    """A copy of the message without its payloads, and with the flag where there were some."""
    # A copy, as a stream may give one message to several callers.
    copy = type(message)()
    copy.CopyFrom(message)
    _clear(copy)
    return copy


def is_payload(field: FieldDescriptor) -> bool:
    """Whether a field is payload: what its option says, or else whether it is a Json."""
    options = field.GetOptions()
    if options.HasExtension(payload_options_pb2.payload):
        return bool(options.Extensions[payload_options_pb2.payload])
    return _type_of(field) is json_pb2.Json.DESCRIPTOR


@cache
def plan_of(descriptor: Descriptor) -> Plan:
    """What is to be done with messages of a type."""
    return Plan(
        payload=tuple(field.name for field in descriptor.fields if is_payload(field)),
        inner={
            field.name: _is_map(field)
            for field in descriptor.fields
            if not is_payload(field) and _leads_to_payload(_type_of(field))
        },
        has_flag=FLAG in descriptor.fields_by_name,
    )


def _clear(message: Message) -> bool:
    """Whether something was withheld that no flag within the message tells of."""
    plan = plan_of(message.DESCRIPTOR)
    withheld = False
    for field, value in message.ListFields():
        if field.name in plan.payload:
            message.ClearField(field.name)
            withheld = True
        elif field.name in plan.inner:
            if plan.inner[field.name]:
                within = list(value.values())
            else:
                within = list(value) if field.is_repeated else [value]
            for one in within:
                withheld |= _clear(one)
    if withheld and plan.has_flag:
        setattr(message, FLAG, True)
        return False
    return withheld


@cache
def _leads_to_payload(descriptor: Descriptor | None) -> bool:
    """Whether messages of a type can hold payload, however deep."""
    seen: set[Descriptor] = set()
    waiting = [] if descriptor is None else [descriptor]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for field in one.fields:
            if is_payload(field):
                return True
            inner = _type_of(field)
            if inner is not None:
                waiting.append(inner)
    return False


def _type_of(field: FieldDescriptor) -> Descriptor | None:
    """The type of a field's messages, of a map's that of its values; None for other fields."""
    found: Descriptor | None = field.message_type
    if found is not None and found.GetOptions().map_entry:
        return _type_of(found.fields_by_name["value"])
    return found


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)
