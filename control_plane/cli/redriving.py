"""What `foliot task redrive` does."""

import sys
from collections.abc import Mapping, Sequence

from foliot.v1 import task_service_pb2
from google.rpc import error_details_pb2
from rich.text import Text

from control_plane.cli.arguments import filter_of
from control_plane.cli.asking import sure
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import FAILED, explained
from control_plane.cli.options import Target
from control_plane.cli.paging import PAGE
from control_plane.cli.printing import Column, aside, print_json, print_rows
from shared.errors import InvalidRequest


def run_redrive(
    target: Target,
    task_ids: Sequence[str],
    fields: Mapping[str, str],
    words: Mapping[str, str],
    *,
    given: str,
    every: bool,
    yes: bool,
    output: str,
) -> None:
    """Exits with 1 if a task could not be redriven."""
    asked = filter_of(given, fields, words)
    with explained():
        if bool(task_ids) == every or (task_ids and asked):
            raise InvalidRequest(
                "name the dead tasks, or give --all and what finds them; not both", field="task_ids"
            )
    which = f"{len(task_ids)} dead tasks" if task_ids else f"all dead tasks with {asked or 'any'}"
    sure(f"Try {which} once more?", yes=yes)

    results = call(
        target,
        lambda to: _by_filter(to, asked) if every else _by_ids(to, task_ids),
        within_s=None,
    )
    if output == "json":
        print_json(results)
    else:
        print_rows(
            results,
            [
                Column(name="task", of=lambda one: one.task_id, whole=True),
                Column(name="became", of=_outcome),
            ],
        )
        aside().print(f"{sum(one.redriven for one in results)} redriven")
    if not all(one.redriven for one in results):
        sys.exit(FAILED)


async def _by_ids(to: Caller, task_ids: Sequence[str]) -> Sequence[task_service_pb2.RedriveResult]:
    """As many as a request may have at a time."""
    results: list[task_service_pb2.RedriveResult] = []
    for begin in range(0, len(task_ids), PAGE):
        request = task_service_pb2.RedriveTasksRequest(task_ids=task_ids[begin : begin + PAGE])
        results += (await to.tasks.RedriveTasks(request, metadata=to.metadata)).results
    return results


async def _by_filter(to: Caller, asked: str) -> Sequence[task_service_pb2.RedriveResult]:
    """
    All that are dead now: their ids are read before the first is redriven, as one that fails
    again at once would be found again.
    """
    task_ids: list[str] = []
    token = ""
    with aside().status("Reading …") as status:
        while True:
            request = task_service_pb2.ListDeadTasksRequest(
                page_size=PAGE, page_token=token, filter=asked
            )
            page = await to.tasks.ListDeadTasks(request, metadata=to.metadata)
            task_ids += [one.task_id for one in page.tasks]
            token = page.next_page_token
            status.update(f"Reading … {len(task_ids):,}")
            if not token:
                break
        status.update(f"Redriving {len(task_ids):,} …")
        return await _by_ids(to, task_ids)


def _outcome(one: task_service_pb2.RedriveResult) -> Text:
    if one.redriven:
        return Text("redriven", "green")
    info = error_details_pb2.ErrorInfo()
    reason = "".join(f"{info.reason}: " for packed in one.error.details if packed.Unpack(info))
    return Text(f"{reason}{one.error.message}", "red")
