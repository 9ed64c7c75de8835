"""What people say to tasks, of TaskService: votes, comments, and tasks that go through hands."""

from foliot.v1 import task_pb2
from foliot.v1 import task_service_pb2 as pb
from foliot.v1 import task_service_pb2_grpc as pb_grpc
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.filters import Field, check_order, parse_filter
from control_plane.api.mapping.tasks import comment_to, task_to
from control_plane.api.mapping.texts import text_of
from control_plane.api.page_tokens import invalid_token, make_token, read_token
from control_plane.ports.ai_records import AiRecords
from control_plane.ports.reader import Reader
from control_plane.use_cases.comment_on_task import comment_on_task, list_comments
from control_plane.use_cases.deal_with_task import delegate_task, return_task
from control_plane.use_cases.paging import page_size
from control_plane.use_cases.resolve_suggestion import Choice, resolve_suggestion
from control_plane.use_cases.submits import Submits
from control_plane.use_cases.vote_on_task import vote_on_task
from shared.errors import InvalidRequest

COMMENT_FILTER = {"author": Field(kind="text")}

_DECISIONS: dict[int, Choice] = {
    pb.SUGGESTION_DECISION_APPROVE: "APPROVE",
    pb.SUGGESTION_DECISION_EDIT: "EDIT",
    pb.SUGGESTION_DECISION_REJECT: "REJECT",
}
_APPROVES = {task_pb2.VOTE_CHOICE_APPROVE: True, task_pb2.VOTE_CHOICE_REJECT: False}


class TaskPeopleServicer(pb_grpc.TaskServiceServicer):
    def __init__(self, orchestrator: Submits, reader: Reader, ai: AiRecords) -> None:
        self._orchestrator = orchestrator
        self._reader = reader
        self._ai = ai

    async def ResolveSuggestion(
        self,
        request: pb.ResolveSuggestionRequest,
        _context: ServicerContext[pb.ResolveSuggestionRequest, pb.ResolveSuggestionResponse],
    ) -> pb.ResolveSuggestionResponse:
        caller = principal.current()
        task = await resolve_suggestion(
            self._orchestrator,
            self._reader,
            self._ai,
            caller.tenant,
            request.task_id,
            suggestion_hash=request.suggestion_hash,
            decision=_DECISIONS.get(request.decision),
            event=request.event,
            data=text_of(request, "data"),
            reason=request.reason,
            person=caller.person,
            request_id=request.request_id,
        )
        return pb.ResolveSuggestionResponse(task=task_to(task, with_input=True, with_output=True))

    async def DelegateTask(
        self,
        request: pb.DelegateTaskRequest,
        _context: ServicerContext[pb.DelegateTaskRequest, pb.DelegateTaskResponse],
    ) -> pb.DelegateTaskResponse:
        caller = principal.current()
        task = await delegate_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            assignee=request.assignee,
            person=caller.person,
            reason=request.reason,
            request_id=request.request_id,
        )
        return pb.DelegateTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def ReturnTask(
        self,
        request: pb.ReturnTaskRequest,
        _context: ServicerContext[pb.ReturnTaskRequest, pb.ReturnTaskResponse],
    ) -> pb.ReturnTaskResponse:
        caller = principal.current()
        task = await return_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            person=caller.person,
            reason=request.reason,
            request_id=request.request_id,
        )
        return pb.ReturnTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def VoteTask(
        self,
        request: pb.VoteTaskRequest,
        _context: ServicerContext[pb.VoteTaskRequest, pb.VoteTaskResponse],
    ) -> pb.VoteTaskResponse:
        approves = _APPROVES.get(request.vote)
        if approves is None:
            raise InvalidRequest("vote is required: APPROVE or REJECT", field="vote")
        caller = principal.current()
        task = await vote_on_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            approves=approves,
            output=text_of(request, "output"),
            comment=request.comment,
            person=caller.person,
            request_id=request.request_id,
        )
        return pb.VoteTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def CommentTask(
        self,
        request: pb.CommentTaskRequest,
        _context: ServicerContext[pb.CommentTaskRequest, pb.CommentTaskResponse],
    ) -> pb.CommentTaskResponse:
        caller = principal.current()
        task = await comment_on_task(
            self._orchestrator,
            self._reader,
            caller.tenant,
            request.task_id,
            text=request.text,
            person=caller.person,
            request_id=request.request_id,
        )
        return pb.CommentTaskResponse(task=task_to(task, with_input=True, with_output=True))

    async def ListTaskComments(
        self,
        request: pb.ListTaskCommentsRequest,
        _context: ServicerContext[pb.ListTaskCommentsRequest, pb.ListTaskCommentsResponse],
    ) -> pb.ListTaskCommentsResponse:
        caller = principal.current()
        check_order(request.order_by, ["seq"])
        terms = parse_filter(request.filter, COMMENT_FILTER)
        mark = f"comments\n{request.task_id}\n{request.filter}"
        found, is_more = await list_comments(
            self._reader,
            caller.tenant,
            request.task_id,
            person=caller.person,
            author=terms.text("author"),
            after_seq=_position(request.page_token, mark),
            size=page_size(request.page_size),
        )
        return pb.ListTaskCommentsResponse(
            comments=[comment_to(one) for one in found],
            next_page_token=make_token([found[-1].seq], of=mark) if is_more else "",
        )


def _position(token: str, mark: str) -> int:
    match read_token(token, of=mark):
        case None:
            return 0
        case [int() as seq]:
            return seq
        case _:
            raise invalid_token()
