"""TaskService: proto in, use case, proto out."""

from dataclasses import replace

from foliot.v1 import task_service_pb2 as pb
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.errors import status_of
from control_plane.api.filters import Field, Terms, check_order, parse_filter
from control_plane.api.mapping.failures import failure_from
from control_plane.api.mapping.tasks import STATUS_WORDS, task_to
from control_plane.api.mapping.texts import text_of
from control_plane.api.offer_filters import PEOPLE, looked_for
from control_plane.api.page_places import task_place, task_token
from control_plane.api.task_people_servicer import TaskPeopleServicer
from control_plane.ports.reader import TaskFilter, TaskPlace
from control_plane.ports.records import Task
from control_plane.use_cases.complete_task import complete_task
from control_plane.use_cases.deal_with_task import assign_task, claim_task, unclaim_task
from control_plane.use_cases.fail_task import fail_task
from control_plane.use_cases.get_task import get_task_for
from control_plane.use_cases.list_tasks import UnindexedTaskFilter, list_tasks
from control_plane.use_cases.paging import MAX_COUNTED, Page, page_size
from control_plane.use_cases.redrive_tasks import MAX_REDRIVEN, redrive_tasks
from control_plane.use_cases.retry_task import retry_task
from control_plane.use_cases.skip_task import skip_task
from control_plane.use_cases.throw_task_error import throw_task_error
from shared.errors import FoliotError, InvalidRequest
from shared.ids import InstanceId
from shared.tasks import TaskType
from shared.telemetry.call_names import correlation_id

FILTER = {
    "instance_id": Field(kind="uuid"),
    "status": Field(kind="word", words=tuple(STATUS_WORDS)),
    "type": Field(kind="word", words=tuple(TaskType)),
    "queue": Field(kind="text"),
    "create_time": Field(kind="time"),
    **PEOPLE,
}

MAX_LOOKED_AT = 10_000
"""Dead tasks that one redrive looks at for those that its filter finds."""

COUNT_FILTER = {
    name: FILTER[name] for name in ("instance_id", "status", "type", "assignee", "candidate", "due")
}
DEAD = TaskFilter(status="failed", is_dead=True)
DEAD_FILTER = {name: FILTER[name] for name in ("type", "queue", "create_time")}


class TaskServicer(TaskPeopleServicer):
    async def ListTasks(
        self,
        request: pb.ListTasksRequest,
        _context: ServicerContext[pb.ListTasksRequest, pb.ListTasksResponse],
    ) -> pb.ListTasksResponse:
        terms = parse_filter(request.filter, FILTER)
        wanted = _wanted(terms)
        order = check_order(request.order_by, [_order(wanted)])
        mark = f"tasks\n{request.filter}\n{order}"
        page = await list_tasks(
            self._reader,
            principal.current().tenant,
            wanted,
            UnindexedTaskFilter(
                queue=terms.text("queue"),
                created_from=terms.time("create_time", ">="),
                created_before=terms.time("create_time", "<"),
            ),
            after=task_place(request.page_token, of=mark, is_timed=wanted.is_by_time),
            size=page_size(request.page_size),
        )
        return pb.ListTasksResponse(
            tasks=[
                task_to(one, with_input=one.type is TaskType.HUMAN, with_output=False)
                for one in page.rows
            ],
            next_page_token=task_token(
                wanted.place_of(page.last) if page.last is not None else None, of=mark
            ),
        )

    async def GetTask(
        self,
        request: pb.GetTaskRequest,
        _context: ServicerContext[pb.GetTaskRequest, pb.GetTaskResponse],
    ) -> pb.GetTaskResponse:
        caller = principal.current()
        task = await get_task_for(self._reader, caller.tenant, request.task_id, caller.person)
        return pb.GetTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def CountTasks(
        self,
        request: pb.CountTasksRequest,
        _context: ServicerContext[pb.CountTasksRequest, pb.CountTasksResponse],
    ) -> pb.CountTasksResponse:
        terms = parse_filter(request.filter, COUNT_FILTER)
        count = await self._reader.count_tasks(
            principal.current().tenant, _wanted(terms), at_most=MAX_COUNTED + 1
        )
        return pb.CountTasksResponse(count=min(count, MAX_COUNTED), at_least=count > MAX_COUNTED)

    async def CompleteTask(
        self,
        request: pb.CompleteTaskRequest,
        _context: ServicerContext[pb.CompleteTaskRequest, pb.CompleteTaskResponse],
    ) -> pb.CompleteTaskResponse:
        caller = principal.current()
        task = await complete_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            output=text_of(request, "output"),
            person=caller.person,
            reason=request.reason,
            request_id=request.request_id,
            is_callback=bool(caller.only_task),
        )
        return pb.CompleteTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def FailTask(
        self,
        request: pb.FailTaskRequest,
        _context: ServicerContext[pb.FailTaskRequest, pb.FailTaskResponse],
    ) -> pb.FailTaskResponse:
        if not request.HasField("failure"):
            raise InvalidRequest("failure is required", field="failure")
        caller = principal.current()
        task = await fail_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            failure=failure_from(request.failure),
            person=caller.person,
            reason=request.reason,
            request_id=request.request_id,
            is_callback=bool(caller.only_task),
        )
        return pb.FailTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def ClaimTask(
        self,
        request: pb.ClaimTaskRequest,
        _context: ServicerContext[pb.ClaimTaskRequest, pb.ClaimTaskResponse],
    ) -> pb.ClaimTaskResponse:
        caller = principal.current()
        task = await claim_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            person=caller.person,
            request_id=request.request_id,
        )
        return pb.ClaimTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def UnclaimTask(
        self,
        request: pb.UnclaimTaskRequest,
        _context: ServicerContext[pb.UnclaimTaskRequest, pb.UnclaimTaskResponse],
    ) -> pb.UnclaimTaskResponse:
        caller = principal.current()
        task = await unclaim_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            person=caller.person,
            reason=request.reason,
            request_id=request.request_id,
        )
        return pb.UnclaimTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def AssignTask(
        self,
        request: pb.AssignTaskRequest,
        _context: ServicerContext[pb.AssignTaskRequest, pb.AssignTaskResponse],
    ) -> pb.AssignTaskResponse:
        caller = principal.current()
        task = await assign_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            assignee=request.assignee,
            person=caller.person,
            reason=request.reason,
            request_id=request.request_id,
        )
        return pb.AssignTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def ThrowTaskError(
        self,
        request: pb.ThrowTaskErrorRequest,
        _context: ServicerContext[pb.ThrowTaskErrorRequest, pb.ThrowTaskErrorResponse],
    ) -> pb.ThrowTaskErrorResponse:
        caller = principal.current()
        task = await throw_task_error(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            code=request.code,
            message=request.message,
            data=text_of(request, "data"),
            person=caller.person,
            reason=request.reason,
            request_id=request.request_id,
        )
        return pb.ThrowTaskErrorResponse(task=task_to(task, with_input=True, with_output=True))

    async def RetryTask(
        self,
        request: pb.RetryTaskRequest,
        _context: ServicerContext[pb.RetryTaskRequest, pb.RetryTaskResponse],
    ) -> pb.RetryTaskResponse:
        caller = principal.current()
        task = await retry_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            reason=request.reason,
            retried_by=caller.name,
            request_id=request.request_id,
        )
        return pb.RetryTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def SkipTask(
        self,
        request: pb.SkipTaskRequest,
        _context: ServicerContext[pb.SkipTaskRequest, pb.SkipTaskResponse],
    ) -> pb.SkipTaskResponse:
        caller = principal.current()
        task = await skip_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            output=text_of(request, "output"),
            reason=request.reason,
            skipped_by=caller.name,
            person=caller.person,
            request_id=request.request_id,
        )
        return pb.SkipTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def ListDeadTasks(
        self,
        request: pb.ListDeadTasksRequest,
        _context: ServicerContext[pb.ListDeadTasksRequest, pb.ListDeadTasksResponse],
    ) -> pb.ListDeadTasksResponse:
        order = check_order(request.order_by, ["run_time"])
        mark = f"dead\n{request.filter}\n{order}"
        page = await self._dead(
            request.filter,
            task_place(request.page_token, of=mark, is_timed=True),
            page_size(request.page_size),
        )
        return pb.ListDeadTasksResponse(
            tasks=[task_to(one, with_input=False, with_output=False) for one in page.rows],
            next_page_token=task_token(
                DEAD.place_of(page.last) if page.last is not None else None, of=mark
            ),
        )

    async def RedriveTasks(
        self,
        request: pb.RedriveTasksRequest,
        _context: ServicerContext[pb.RedriveTasksRequest, pb.RedriveTasksResponse],
    ) -> pb.RedriveTasksResponse:
        if bool(request.task_ids) == bool(request.filter):
            raise InvalidRequest(
                "say which tasks: by task_ids, or by a filter such as 'type = HTTP'",
                field="task_ids",
            )
        caller = principal.current()
        task_ids = list(request.task_ids)
        if request.filter:
            task_ids = await self._oldest_dead(request.filter, _most(request.max_tasks))
        answers = await redrive_tasks(
            self._orchestrator, self._reader, caller.tenant, task_ids, redriven_by=caller.name
        )
        return pb.RedriveTasksResponse(
            results=[
                pb.RedriveResult(task_id=one, error=status_of(answer, correlation_id()))
                if isinstance(answer, FoliotError)
                else pb.RedriveResult(task_id=one, redriven=True)
                for one, answer in zip(task_ids, answers, strict=True)
            ]
        )

    async def _oldest_dead(self, text: str, most: int) -> list[str]:
        """Ids of dead tasks, from as many pages as it takes, within MAX_LOOKED_AT."""
        found: list[str] = []
        after = None
        for _ in range(MAX_LOOKED_AT // MAX_REDRIVEN):
            page = await self._dead(text, after, MAX_REDRIVEN)
            found += [one.task_id for one in page.rows]
            if page.last is None or len(found) >= most:
                break
            after = DEAD.place_of(page.last)
        return found[:most]

    async def _dead(self, text: str, after: TaskPlace | None, size: int) -> Page[Task]:
        terms = parse_filter(text, DEAD_FILTER)
        task_type = terms.text("type")
        return await list_tasks(
            self._reader,
            principal.current().tenant,
            replace(DEAD, type=TaskType(task_type) if task_type else None),
            UnindexedTaskFilter(
                queue=terms.text("queue"),
                created_from=terms.time("create_time", ">="),
                created_before=terms.time("create_time", "<"),
            ),
            after=after,
            size=size,
        )


def _order(wanted: TaskFilter) -> str:
    if wanted.is_by_due:
        return "due_time"
    return "run_time" if wanted.is_by_time else "task_id"


def _wanted(terms: Terms) -> TaskFilter:
    """What the filter asks for, of what the caller may see."""
    status, task_type = terms.text("status"), terms.text("type")
    instance_id = terms.uuid("instance_id")
    return TaskFilter(
        instance_id=InstanceId(instance_id) if instance_id is not None else None,
        status=STATUS_WORDS[status] if status is not None else None,
        type=TaskType(task_type) if task_type is not None else None,
        **looked_for(terms, principal.current().person),
    )


def _most(asked: int) -> int:
    if asked < 0:
        raise InvalidRequest(
            f"max_tasks {asked} is negative; leave it unset for {MAX_REDRIVEN}", field="max_tasks"
        )
    return min(asked, MAX_REDRIVEN) or MAX_REDRIVEN
