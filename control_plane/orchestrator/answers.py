"""
Where answers go: each request has a place, filled once. A caller of one request waits for a
future; a caller of many for one future too, as one each would cost more than the rest.
"""

import asyncio
from typing import Protocol

from control_plane.orchestrator.answer import Answer
from shared.errors import FoliotError


class Place(Protocol):
    """A future is one."""

    def done(self) -> bool:
        """Whether it is filled, or nobody waits any more."""

    def set_result(self, result: Answer, /) -> None:
        """Fill it with an answer."""

    def set_exception(self, exception: Exception, /) -> None:
        """Fill it with an error."""


class Answers:
    """The places of requests that were asked together."""

    def __init__(self, count: int) -> None:
        self._given: list[Answer | FoliotError | None] = [None] * count
        self._missing = count
        self._complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not count:
            self._complete.set_result(None)

    def place(self, number: int) -> Place:
        return _Place(self, number)

    async def complete(self) -> list[Answer | FoliotError]:
        """All of them, in the order of the requests. Cancelling it gives them up."""
        await self._complete
        return [given for given in self._given if given is not None]

    def is_done(self, number: int) -> bool:
        return self._given[number] is not None or self._complete.done()

    def put(self, number: int, given: Answer | FoliotError) -> None:
        self._given[number] = given
        self._missing -= 1
        if not self._missing:
            self._complete.set_result(None)


class _Place:
    __slots__ = ("_answers", "_number")

    def __init__(self, answers: Answers, number: int) -> None:
        self._answers = answers
        self._number = number

    def done(self) -> bool:
        return self._answers.is_done(self._number)

    def set_result(self, result: Answer, /) -> None:
        self._answers.put(self._number, result)

    def set_exception(self, exception: Exception, /) -> None:
        if not isinstance(exception, FoliotError):
            exception = FoliotError(
                "a bug in this server kept the request from being answered; it is logged"
            )
        self._answers.put(self._number, exception)
