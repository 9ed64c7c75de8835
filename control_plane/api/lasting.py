"""How long a call may last: a unary one until its deadline, a stream as long as its credential."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from control_plane.api.admission import RETRY_IN
from shared.errors import Overloaded, Unavailable

JUST_AFTER_S = 0.01
"""A credential is looked at when it has expired, and not a moment before."""


class Deadline:
    """The end of a call that its caller set no end to."""

    def __init__(self, seconds: float, *, is_read: bool) -> None:
        self._seconds = seconds
        self._is_read = is_read
        self._scope = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._scope.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._scope.__aexit__(kind, error, trace)
        except TimeoutError:
            if not self._scope.expired():
                raise
            raise self._late() from None

    def _late(self) -> Exception:
        if self._is_read:
            return Overloaded(
                f"the answer took longer than {self._seconds:g} s; send the call again, with a"
                " deadline of its own if it may take longer",
                retry_in=RETRY_IN,
            )
        return Unavailable(
            f"the answer took longer than {self._seconds:g} s, and whether the request was carried"
            " out is not known: send it again with the same business_key, event_id or request_id",
            reason="OUTCOME_UNKNOWN",
        )


class Authenticated:
    """
    A stream that lasts no longer than its credential.

    `again` looks at the credential, now and then and when it expires, and says in how many
    seconds it will, None for one that does not. What it raises ends the stream.
    """

    def __init__(
        self,
        again: Callable[[], Awaitable[float | None]],
        every_s: float,
        *,
        expires_in_s: float | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._again = again
        self._every_s = every_s
        self._expires_in_s = expires_in_s
        self._sleep = sleep
        self._scope = asyncio.timeout(None)
        self._refused: Exception | None = None
        self._is_writing = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._scope.__aenter__()
        self._task = asyncio.create_task(self._look())
        return self

    async def written(self, write: Callable[[], Awaitable[None]]) -> None:
        """
        Send a message, unless the credential is not good any more. Raises what was found then.

        A message on its way is not called off: gRPC could send no status after it, and the
        caller would hear of an error that says nothing.
        """
        self._check()
        self._is_writing = True
        try:
            await write()
        finally:
            self._is_writing = False
        self._check()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        try:
            await self._scope.__aexit__(kind, error, trace)
        except TimeoutError:
            if self._refused is None:
                raise
            raise self._refused from None

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        left_s = self._expires_in_s
        while True:
            wait_s = self._every_s if left_s is None else min(self._every_s, max(left_s, 0.0))
            await self._sleep(wait_s + JUST_AFTER_S)
            try:
                left_s = await self._again()
            except Exception as error:  # noqa: BLE001 - whatever it is, the stream ends with it
                self._refused = error
                if not self._is_writing:
                    self._scope.reschedule(loop.time())
                return

    def _check(self) -> None:
        if self._refused is not None:
            raise self._refused
