import json
import signal
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong

import grpc
from foliot.executor.v1.claimed_task_pb2 import ClaimedTask
from foliot.executor.v1.executor_service_pb2 import (
    ClaimTasksRequest,
    ExtendLeasesRequest,
    ReportOutcomesRequest,
    RunningAttempt,
)
from foliot.executor.v1.executor_service_pb2_grpc import ExecutorServiceStub
from foliot.executor.v1.outcome_pb2 import Outcome, OutcomeVerdict
from foliot.v1.failure_pb2 import Failure
from foliot.v1.json_pb2 import Json
from foliot.v1.task_pb2 import TASK_TYPE_SYSTEM

from client.calls import TIMEOUT_S, explain, may_pass, pause, reason_of, repeating
from client.functions import TaskFailed, call

LOOK_EVERY_S = 0.5


def work(channel: grpc.Channel) -> None:
    """Claim tasks and carry them out until told to stop; the one in hand is finished."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    worker = Worker(ExecutorServiceStub(channel))
    failures = 0
    while not stop.is_set():
        try:
            task = worker.claim()
        except grpc.RpcError as error:
            if reason_of(error) != "LEASE_LOST" and not may_pass(error):
                raise
            worker.begin_anew()
            failures += 1
            pause(failures, error, stop)
            continue
        failures = 0
        if task is None:
            stop.wait(LOOK_EVERY_S)
        else:
            worker.carry_out(task)


class Worker:
    """Carries out one task at a time. For more at once, run more of them."""

    def __init__(self, executor: ExecutorServiceStub) -> None:
        self._executor = executor
        self._session_id = ""  # its lease covers the task in hand
        self._lease_s = 0.0

    def begin_anew(self) -> None:
        """
        Forget the session, which has expired, or may hold a task that is not known here, because
        the answer to a claim was lost. Nobody else gets that for as long as the session lives.
        """
        self._session_id = ""

    def claim(self) -> ClaimedTask | None:
        """Take a task, if there is one. Made once: a repeat would take another task."""
        ask = ClaimTasksRequest(
            session_id=self._session_id,
            executor_name=socket.gethostname(),
            queues=["carrier"],
            task_types=[TASK_TYPE_SYSTEM],
            max_tasks=1,
        )
        claimed = self._executor.ClaimTasks(ask, timeout=TIMEOUT_S)
        self._session_id = claimed.session_id
        self._lease_s = claimed.lease_ttl.ToTimedelta().total_seconds()
        return claimed.tasks[0] if claimed.tasks else None

    def carry_out(self, task: ClaimedTask) -> None:
        """Make one attempt, keep the lease meanwhile, and report how it ended."""
        print(f"claimed {task.task_id} epoch {task.epoch}", flush=True)
        outcome = Outcome(task_id=task.task_id, tenant_id=task.tenant_id, epoch=task.epoch)
        outcome.started_time.GetCurrentTime()
        began = time.monotonic()
        stop = threading.Event()
        with ThreadPoolExecutor(max_workers=1) as thread:
            attempt = thread.submit(call, task, stop)
            is_lost, is_cancelled = self._keep_lease(task, attempt)
            stop.set()
        outcome.duration.FromMilliseconds(round((time.monotonic() - began) * 1000))
        if is_lost:
            print("lost", task.task_id, flush=True)  # whoever has it now will report
            return
        if is_cancelled:
            print("stopped", task.task_id, flush=True)
            outcome.cancelled.SetInParent()
        else:
            _tell(outcome, attempt)
        self._report(outcome)

    def _keep_lease(self, task: ClaimedTask, attempt: Future[object]) -> tuple[bool, bool]:
        """
        Extend the lease until the attempt has ended or has no time left, three times as often as
        needed, so that a call may fail. Returns whether the task was lost, or cancelled.
        """
        running = RunningAttempt(task_id=task.task_id, tenant_id=task.tenant_id, epoch=task.epoch)
        ask = ExtendLeasesRequest(session_id=self._session_id, running=[running])
        every_s = self._lease_s / 3
        has_bound = task.HasField("timeout")
        ends = time.monotonic() + (task.timeout.ToTimedelta().total_seconds() if has_bound else 0)
        while not has_bound or time.monotonic() < ends:
            try:
                extended = self._executor.ExtendLeases(ask, timeout=every_s)
                if extended.lost or extended.cancelled:
                    return bool(extended.lost), bool(extended.cancelled)
            except grpc.RpcError as error:
                print("the lease was not extended:", explain(error), flush=True)
            try:
                attempt.exception(every_s)
            except TookTooLong:
                continue
            break
        return False, False

    def _report(self, outcome: Outcome) -> None:
        """Send an outcome until it is acknowledged: applying is idempotent by task and epoch."""
        ask = ReportOutcomesRequest(session_id=self._session_id, outcomes=[outcome])
        for ack in repeating(self._executor.ReportOutcomes, ask).acks:
            # Every verdict is final, also one that says that the outcome was not applied.
            print("reported", ack.task_id, OutcomeVerdict.Name(ack.verdict), flush=True)


def _tell(outcome: Outcome, attempt: Future[object]) -> None:
    """Write down how the attempt ended."""
    error = attempt.exception()
    if error is None:
        outcome.succeeded.output.CopyFrom(Json(json=json.dumps(attempt.result())))
    elif isinstance(error, TaskFailed):
        failure = Failure(kind=error.kind, message=str(error), retryable=error.retryable)
        outcome.failed.failure.CopyFrom(failure)
    else:
        failure = Failure(kind="error", message=str(error), retryable=True)
        outcome.failed.failure.CopyFrom(failure)
