"""
Rules about what tasks are given.
"""

from collections.abc import Iterator
from typing import Final

from control_plane.engine.spec.findings import join, quote
from control_plane.engine.spec.rules.found import Found
from control_plane.engine.spec.rules.graph import Graph
from control_plane.engine.templates import Constant, Object, Template
from shared.tasks import TaskType

HTTP_INPUT: Final = (
    *("url", "method", "headers", "auth", "json", "body", "timeout_s"),
    *("redirects", "output", "callback", "store"),
)
"""What an HTTP task reads of its input."""

EMAIL_INPUT: Final = (
    *("to", "cc", "bcc", "reply_to", "from", "subject", "text", "html", "template", "data"),
    *("attachments", "all_or_none", "timeout_s"),
)
"""What an EMAIL task reads of its input."""


def http_input_unread(graph: Graph) -> Iterator[Found]:
    """An HTTP task whose input has no `url`, or has what nobody reads."""
    for plan in graph.machine.task_plans:
        keys = _keys(plan.input)
        if plan.type is not TaskType.HTTP or keys is None:
            continue
        pointer = join(plan.json_pointer, "input")
        for key in keys:
            if key not in HTTP_INPUT:
                yield Found(
                    "http-input-unread",
                    join(pointer, key),
                    f"an HTTP task does not read {quote(key)}",
                    f"use one of: {', '.join(HTTP_INPUT)}",
                    (key,),
                )
        if "url" not in keys:
            yield Found(
                "http-input-unread",
                pointer if keys else plan.json_pointer,
                "this HTTP task is not given a `url`, and will fail",
                'add "input": {"url": …}',
                (plan.name,),
            )


def email_input_unread(graph: Graph) -> Iterator[Found]:
    """An EMAIL task whose input has no `to`, or has what nobody reads."""
    for plan in graph.machine.task_plans:
        keys = _keys(plan.input)
        if plan.type is not TaskType.EMAIL or keys is None:
            continue
        pointer = join(plan.json_pointer, "input")
        for key in keys:
            if key not in EMAIL_INPUT:
                yield Found(
                    "email-input-unread",
                    join(pointer, key),
                    f"an EMAIL task does not read {quote(key)}, and will fail",
                    f"use one of: {', '.join(EMAIL_INPUT)}",
                    (key,),
                )
        if "to" not in keys:
            yield Found(
                "email-input-unread",
                pointer if keys else plan.json_pointer,
                "this EMAIL task is not told whom to write `to`, and will fail",
                'add "input": {"to": …, "subject": …, "text": …}',
                (plan.name,),
            )


def _keys(given: Template) -> tuple[str, ...] | None:
    """The keys of an input, None if nobody knows them yet."""
    match given:
        case Constant(value=dict() as value):
            return tuple(value)
        case Constant():
            return ()
        case Object(members=members):
            return tuple(key for key, _ in members)
        case _:
            return None
