"""
A plane in a forked process: the product's own entry points, and a note of what its handlers do.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from foliot.executor.v1 import outcome_pb2

from control_plane.bootstrap import serve
from control_plane.loops import retention
from executor import __main__ as executor_main
from executor.adapters import grpc_ai_desk, openai_llm
from executor.adapters.grpc_control_plane import GrpcControlPlane
from executor.ports.control_plane import Report
from executor.runner import Beginning, Runner
from shared import failpoints
from shared.failpoints import Faults, Rule
from shared.process import loop_factory
from shared.settings import Settings
from shared.tasks import ClaimedTask
from shared.telemetry.logging import configure_logging
from tests.campaigns.chaos.clocks import set_clock_wrong
from tests.campaigns.chaos.logs import EFFECTS, STRIKES, Log
from tests.campaigns.chaos.planted import plant_in_process

LOGS = "CHAOS_LOGS"
BUG = "CHAOS_BUG"
ARMED = "armed"
"""The file that says what is armed from now on, when REARM comes."""

REARM = signal.SIGUSR1
REMOVES_EVERY_S = 1.0
TURN = timedelta(seconds=3)
"""A run is too short for the pace at which instances are removed from a system that lives."""

BROUGHT_ALONG = (grpc_ai_desk, openai_llm)
"""What an executor imports only if it asks models: forks have it already."""

WRONG_BY_S = "CHAOS_WRONG_BY_S"
"""How far this process's clock is from the right one."""


def run(kind: str, environment: Mapping[str, str]) -> None:
    """Be a plane until it ends. `environment` is added to this process's."""
    os.environ.update(environment)
    if os.environ.get(BUG):
        plant_in_process(os.environ[BUG])
    set_clock_wrong(float(os.environ.get(WRONG_BY_S, "0")))
    _note_strikes(Log(Path(os.environ[LOGS], STRIKES)))
    signal.signal(REARM, lambda *_: _rearm(Path(os.environ[LOGS], ARMED)))
    _PLANES[kind]()


def _control_plane() -> None:
    retention.EVERY_S, retention.TURN = REMOVES_EVERY_S, TURN
    settings = Settings()
    configure_logging(settings.log_format, settings.log_level)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(settings))


def _executor() -> None:
    _note_effects(Log(Path(os.environ[LOGS], EFFECTS)))
    try:
        executor_main.main()
    except SystemExit as ended:
        sys.stderr.write(f"the executor ended with {ended.code}\n")


def _rearm(asked: Path) -> None:
    text = asked.read_text()
    failpoints._armed = failpoints.parse(text) if text else None


def _note_strikes(log: Log) -> None:
    """Before a failpoint does what it was armed for."""
    look = Faults._striking

    def noted(self: Faults, name: str) -> list[Rule]:
        struck = look(self, name)
        for rule in struck:
            log.write("struck", point=name, action=rule.action, pid=os.getpid())
        return struck

    Faults._striking = noted  # type: ignore[method-assign]  # the product is not to know of this


def _note_effects(log: Log) -> None:
    """Before a handler runs, after it has, and when its outcome was acknowledged."""
    carry_out, acknowledge = Runner.run, GrpcControlPlane._acknowledge

    async def noted(self: Runner, task: ClaimedTask, beginning: Beginning) -> Report:
        about: dict[str, Any] = {"task": task.task_id, "epoch": task.epoch, "pid": os.getpid()}
        log.write(
            "begun",
            **about,
            key=str(task.idempotency_key),
            attempt=task.attempt,
            max_attempts=task.max_attempts,
        )
        report = await carry_out(self, task, beginning)
        log.write("ended", **about, state=report.outcome.state, output=report.outcome.output)
        return report

    def noted_ack(self: GrpcControlPlane, ack: outcome_pb2.OutcomeAck) -> Any:
        verdict = outcome_pb2.OutcomeVerdict.Name(ack.verdict)
        log.write("acked", task=ack.task_id, epoch=ack.epoch, verdict=verdict)
        return acknowledge(self, ack)

    Runner.run = noted  # type: ignore[method-assign]  # the product is not to know of this
    GrpcControlPlane._acknowledge = noted_ack  # type: ignore[method-assign]  # as above


_PLANES: Mapping[str, Callable[[], None]] = {
    "control-plane": _control_plane,
    "executor": _executor,
}
