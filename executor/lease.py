"""
The executor's session: one lease for every task it holds, extended in the database itself.

    open ──▶ kept ──▶ kept ──▶ …                         extended every third of the lease
               │ expired, or the database says so
               ├──▶ lost: its attempts are stopped, a new session begins
               │ it may hold tasks that are not known here
               └──▶ retired: a new session takes over; the old one is kept until its
                    attempts have ended, and gives back what is not known here

A session that expired is never used again. Extending it would keep alive, under its old
epochs, tasks whose attempts were stopped here.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from executor import meters
from executor.ports.control_plane import Held
from executor.ports.task_store import SessionExpired, TaskStore
from shared.errors import Unavailable
from shared.ids import SessionId, new_uuid7
from shared.retry import RetryPolicy, backoff
from shared.telemetry.logging import Throttle, get_logger
from shared.telemetry.names import LogEvent

EXTENSIONS_PER_LEASE = 3
RETRY = RetryPolicy(initial=timedelta(milliseconds=100), cap=timedelta(seconds=2), jitter=0.5)

_log = get_logger(__name__)


class Holdings(Protocol):
    def holds_for(self, session_id: SessionId) -> bool:
        """Whether the session has attempts here, or outcomes on their way home."""

    def known(self) -> Sequence[Held]:
        """All that sessions hold as far as it is known here."""

    def lose_session(self, session_id: SessionId) -> None:
        """Stop the session's attempts."""


class Lease:
    def __init__(
        self,
        store: TaskStore,
        holdings: Holdings,
        *,
        name: str,
        lease: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._holdings = holdings
        self._name = name
        self._lease = lease
        self._monotonic = monotonic
        self._session_id = SessionId(new_uuid7())
        self._valid_until: dict[SessionId, float] = {}
        self._retired: set[SessionId] = set()
        self._hurry = asyncio.Event()
        self._complaint = Throttle()

    @property
    def session_id(self) -> SessionId:
        """The session to claim for."""
        return self._session_id

    @property
    def is_valid(self) -> bool:
        """Whether the session can be claimed for."""
        return self._valid_until.get(self._session_id, 0.0) > self._monotonic()

    async def open(self) -> None:
        """Begin the session, as soon as the database allows it."""
        failures = 0
        while not self.is_valid:
            failures = await self._keep(failures)
            if failures:
                await asyncio.sleep(backoff(RETRY, failures).total_seconds())

    async def run(self) -> None:
        """Keep the sessions alive until cancelled."""
        failures = 0
        while True:
            await self._pause(failures)
            failures = await self._keep(failures)

    def lose(self) -> None:
        """The session has expired: stop what it held, begin another."""
        lost = self._session_id
        self._renew()
        self._drop(lost)
        _log.warning(LogEvent.SESSION_LOST, session_id=str(lost))
        meters.lost_session()

    def doubt(self, session_id: SessionId) -> None:
        """The session may hold tasks that are not known here: let it end with its attempts."""
        if session_id == self._session_id and session_id in self._valid_until:
            self._retired.add(session_id)
            self._renew()
            _log.info(LogEvent.SESSION_RETIRED, session_id=str(session_id))

    async def close(self) -> None:
        """End the sessions; what they still hold is for others."""
        for session_id in (self._session_id, *self._retired):
            try:
                await self._store.close_session(session_id)
            except Unavailable as error:
                # It ends by itself when its lease has run out.
                _log.warning(LogEvent.DATABASE_UNAVAILABLE, error=error.message)
                return

    def _renew(self) -> None:
        self._session_id = SessionId(new_uuid7())
        self._hurry.set()

    async def _pause(self, failures: int) -> None:
        wait = backoff(RETRY, failures) if failures else self._lease / EXTENSIONS_PER_LEASE
        try:
            async with asyncio.timeout(wait.total_seconds()):
                await self._hurry.wait()
        except TimeoutError:
            pass
        self._hurry.clear()

    async def _keep(self, failures: int) -> int:
        """One round of extensions; tells how many rounds have failed in a row."""
        try:
            for session_id in (self._session_id, *self._retired):
                await self._extend_or_end(session_id)
            await self._clear_retired()
        except SessionExpired:
            # The next one may be refused as well, where this clock is behind the database's.
            self._hurry.clear()
            failures += 1
        except (Unavailable, TimeoutError) as error:
            if self._complaint.allows():
                _log.warning(LogEvent.DATABASE_UNAVAILABLE, error=str(error))
            failures += 1
        else:
            failures = 0
        self._drop_expired()
        return failures

    async def _extend_or_end(self, session_id: SessionId) -> None:
        try:
            await self._extend(session_id)
        except SessionExpired:
            if session_id == self._session_id:
                self.lose()
            else:
                self._drop(session_id)
            raise

    async def _extend(self, session_id: SessionId) -> None:
        # From before the call: the lease cannot have begun earlier than that.
        asked = self._monotonic()
        left = self._valid_until.get(session_id, asked + self._lease.total_seconds()) - asked
        if left <= 0:
            return
        async with asyncio.timeout(left):
            await self._store.extend_session(session_id, self._name, self._lease)
        self._valid_until[session_id] = asked + self._lease.total_seconds()

    async def _clear_retired(self) -> None:
        for session_id in list(self._retired):
            if self._holdings.holds_for(session_id):
                # In every round: the control plane may go on assigning until it notices.
                await self._store.release_unknown(session_id, self._holdings.known())
            else:
                await self._store.close_session(session_id)
                self._drop(session_id)

    def _drop_expired(self) -> None:
        now = self._monotonic()
        for session_id in [one for one, until in self._valid_until.items() if until <= now]:
            if session_id == self._session_id:
                self.lose()
            else:
                self._drop(session_id)

    def _drop(self, session_id: SessionId) -> None:
        self._valid_until.pop(session_id, None)
        self._retired.discard(session_id)
        self._holdings.lose_session(session_id)
