"""
What each client is put through, on a live server:

    errors        are told by their reason, and not tried again
    start         its answer is lost; the repeat finds the instance that is there
    watch         the connection is cut, the server cannot be reached for a while, it is cut again
    work          is killed between booking and report; the next attempt books nothing again, works
                  for longer than a lease lasts, is cut off meanwhile, and the answer to its report
                  is lost
    approve       its answer is lost
    work          its task is called off while it runs; then it is told to stop

One instance, one booking, and a history without gap or repeat must come of it.
"""

import json
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

from tests.docs.shell import environment
from tests.polyglot.languages import Language
from tests.polyglot.program import Failed, Program, shown
from tests.polyglot.proxy import Proxy
from tests.polyglot.serving import Server

SIGTERM_STATUSES = (0, 128 + signal.SIGTERM)
"""A JVM ends by the signal's number, however orderly."""

REFUSALS = 2
"""As often a watcher has come back in vain before the server is let come back."""


class Torment:
    def __init__(self, language: Language, server: Server, stack: ExitStack, carrier: Path) -> None:
        self._language = language
        self._server = server
        self._stack = stack
        self._carrier = carrier
        self.calls = stack.enter_context(Proxy(server.address))
        self.watching = stack.enter_context(Proxy(server.address))
        self.working = stack.enter_context(Proxy(server.address))

    def run(self) -> str:
        """What came of it, in a line. Raises Failed at the first thing that is not so."""
        self._deploys()
        self._tells_errors()
        parcel = f"P-{uuid4().hex[:8]}"
        instance_id = self._starts_once(parcel)
        watch = self._program(self.watching, "watch", instance_id)
        watch.until("TASK_CREATED", "the first entries of the history")
        self._is_killed_after_booking(parcel)
        self._cannot_reach(watch)
        worker = self._takes_up(parcel)
        watch.until("TASK_COMPLETED", "the outcome that was reported, after the server was back")
        self.watching.cut()
        self._approves(instance_id)
        watch.ends(0)
        entries = self._agrees(watch, instance_id)
        self._is_called_off(worker)
        self._stops(worker)
        return (
            f"{entries} entries over {self.watching.accepted} connections,"
            f" 1 booking of 2 attempts, {self.calls.lost_answers + self.working.lost_answers}"
            " lost answers asked for again"
        )

    def _deploys(self) -> None:
        first, second = (self._call("deploy", "../../parcel.json") for _ in range(2))
        if first != second or not first:
            raise Failed(f"deploying the same file twice told {first!r} and {second!r}")

    def _tells_errors(self) -> None:
        self._refused("INSTANCE_NOT_FOUND", "watch", "00000000-0000-7000-8000-000000000000")
        self._refused("CREDENTIAL_INVALID", "approve", "any", KEY="fol_dev_no-key-of-anybody")

    def _starts_once(self, parcel: str) -> str:
        before, request = self._server.instances(), f"request-{parcel}"
        self.calls.lose_answer_to(request)
        started = self._call("start", request, parcel)
        if self.calls.lost_answers != 1:
            raise Failed("start: no request had the request_id that it was given in it")
        again = self._call("start", request, parcel)
        count = self._server.instances() - before
        if (count, again) != (1, started):
            raise Failed(f"start: {count} instances of one request, told as {started} and {again}")
        self._refused("IDEMPOTENCY_MISMATCH", "start", request, f"another than {parcel}")
        return started

    def _is_killed_after_booking(self, parcel: str) -> None:
        worker = self._worker()
        worker.until(f"booked: {parcel}", "the function's effect")
        worker.kill()

    def _cannot_reach(self, watch: Program) -> None:
        self.watching.down()
        watch.until_that(
            lambda: self.watching.refused >= REFUSALS,
            f"watch: it has not come back {REFUSALS} times while the server could not be reached",
        )
        self.watching.up()

    def _takes_up(self, parcel: str) -> Program:
        worker = self._worker()
        worker.until("claimed .* epoch 2", "the task, when the lease of the killed worker is over")
        worker.until(f"was booked before: {parcel}", "the same idempotency key in each attempt")
        self.working.lose_answer_to('"booking"')
        self.working.cut()
        worker.until(
            "reported .*DUPLICATE",
            "the outcome, applied once, and sent again when its answer was lost",
        )
        return worker

    def _approves(self, instance_id: str) -> None:
        lost = self.calls.lost_answers
        self.calls.lose_answer_to(f"approve-{instance_id}")
        self._call("approve", instance_id)
        if self.calls.lost_answers != lost + 1:
            raise Failed("approve: no request had the request_id approve-<task_id> in it")
        self._refused("waits for nobody", "approve", instance_id)

    def _is_called_off(self, worker: Program) -> None:
        called_off = self._call("start", f"request-{uuid4()}", "P-called-off")
        worker.until(f"claimed {called_off}:1", "the next task")
        self._server.cancel(called_off)
        worker.until(f"stopped {called_off}:1", "what ExtendLeases says of a task not needed")
        worker.until(f"reported {called_off}:1", "the end of the attempt")

    def _stops(self, worker: Program) -> None:
        worker.tell(signal.SIGTERM)
        worker.ends(*SIGTERM_STATUSES)

    def _agrees(self, watch: Program, instance_id: str) -> int:
        wanted, told = list(self._server.history(instance_id)), watch.lines
        if wanted != told:
            lines = "\n".join(f"  {line}" for line in wanted)
            raise Failed(watch.told(f"watch has told another history than there is:\n{lines}"))
        if not any("reconnecting" in line for line in watch.errors):
            raise Failed(watch.told("watch has not told that it reconnected"))
        bookings = [path.name for path in self._carrier.iterdir()]
        if len(bookings) != 1:
            raise Failed(f"work: {len(bookings)} bookings for one task: {bookings}")
        output = json.loads(self._server.instance(instance_id).output.json)
        if output != {"booking": f"B-{bookings[0][:8]}"}:
            raise Failed(f"the instance's output is {output}, and {bookings[0]} was booked")
        return len(wanted)

    def _call(self, *arguments: str) -> str:
        """What a call that goes well prints."""
        program = self._program(self.calls, *arguments)
        program.ends(0)
        return "\n".join(program.lines)

    def _refused(self, reason: str, *arguments: str, **more: str) -> None:
        program = self._program(self.calls, *arguments, **more)
        program.ends(1)
        if not any(reason in line for line in program.errors):
            raise Failed(program.told(f"it has not told {reason}"))

    def _worker(self) -> Program:
        return self._program(self.working, "work", KEY=self._server.executor_key)

    def _program(self, through: Proxy, *arguments: str, **more: str) -> Program:
        given = {
            "ADDRESS": through.address,
            "KEY": self._server.key,
            "CARRIER": str(self._carrier),
            **more,
        }
        command: Sequence[str] = self._language.command
        program = Program(
            [*command, *arguments],
            self._language.folder,
            environment(**given),
            shows=shown(self._language.folder, command, arguments),
        )
        self._stack.callback(program.kill)
        return program
