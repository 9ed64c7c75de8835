"""JSON on the wire: a Json that is set holds a text, one that is not holds nothing."""

from foliot.v1.json_pb2 import Json as JsonMessage
from google.protobuf.message import Message


def text_of(message: Message, field: str) -> str | None:
    """The text of a message's Json field; None where the field is not set."""
    if not message.HasField(field):
        return None
    content = getattr(message, field)
    assert isinstance(content, JsonMessage)
    return content.json


def to_json(text: str | None) -> JsonMessage | None:
    return None if text is None else JsonMessage(json=text)
