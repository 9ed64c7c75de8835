"""
So many hostile calls to every method, several at once, and everything that was wrong.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

import grpc
from google.protobuf.descriptor import MethodDescriptor

from tests.campaigns.api.calling import Answer, call
from tests.campaigns.api.messages import Maker
from tests.campaigns.api.world import METHODS, caller_of

AT_ONCE: Final = 8
"""Calls under way; a caller may hold ten streams."""

MAX_TOLD: Final = 5
"""Complaints of one method that are kept; the rest is counted."""


@dataclass(slots=True)
class Outcome:
    """How often what was answered, and the bytes of what should not have been."""

    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    complaints: dict[str, list[tuple[str, Sequence[bytes]]]] = field(default_factory=dict)
    wrong: int = 0

    def note(self, answer: Answer, sent: Sequence[bytes]) -> None:
        self.answers[answer.method, answer.code.name, answer.reason] += 1
        if answer.complaint:
            self.wrong += 1
            told = self.complaints.setdefault(answer.method, [])
            if len(told) < MAX_TOLD:
                told.append((answer.complaint, sent))


async def assault(
    channel: grpc.aio.Channel,
    keys: Mapping[str, str],
    known: Mapping[str, Sequence[str]],
    *,
    seed: int,
    count: int,
    methods: Sequence[MethodDescriptor] = METHODS,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """`count` calls of each method. What is sent follows from the seed, and from what is known."""
    outcome = Outcome()
    for method in methods:
        before = outcome.wrong
        inputs = _inputs(method, known, Random(f"{seed} {method.full_name}"), count)
        key = keys[caller_of(method)]
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(_work(outcome, channel, method, inputs, key))
        tell(f"{method.full_name}: {count} calls, {outcome.wrong - before} wrong")
    return outcome


def _inputs(
    method: MethodDescriptor, known: Mapping[str, Sequence[str]], chance: Random, count: int
) -> Iterator[list[bytes]]:
    maker = Maker(chance, known)
    for _ in range(count):
        many = chance.randrange(1, 6) if method.client_streaming else 1
        yield [maker.bytes_of(method.input_type) for _ in range(many)]


async def _work(
    outcome: Outcome,
    channel: grpc.aio.Channel,
    method: MethodDescriptor,
    inputs: Iterator[list[bytes]],
    key: str,
) -> None:
    for sent in inputs:
        outcome.note(await call(channel, method, sent, key), sent)
