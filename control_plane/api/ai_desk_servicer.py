"""The methods of ExecutorService about AI tasks: terms, budgets, records."""

from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.executor.v1 import executor_service_pb2_grpc as pb_grpc
from grpc.aio import ServicerContext

from control_plane.api.mapping import ai_calls
from control_plane.ports.ai_desk import AiDesk
from control_plane.use_cases.ai_meter import count_refusal
from control_plane.use_cases.get_ai_task import get_ai_task
from control_plane.use_cases.record_call import record_call
from control_plane.use_cases.record_tool_call import record_tool_call
from control_plane.use_cases.reserve_budget import reserve_budget
from shared.failpoints import failpoint


class AiDeskMethods(pb_grpc.ExecutorServiceServicer):
    def __init__(self, desk: AiDesk) -> None:
        self._desk = desk

    async def GetAiTask(
        self,
        request: pb.GetAiTaskRequest,
        _context: ServicerContext[pb.GetAiTaskRequest, pb.GetAiTaskResponse],
    ) -> pb.GetAiTaskResponse:
        held = await get_ai_task(self._desk, request.tenant_id, request.task_id, request.epoch)
        return ai_calls.ai_task_to(held)

    async def ReserveBudget(
        self,
        request: pb.ReserveBudgetRequest,
        _context: ServicerContext[pb.ReserveBudgetRequest, pb.ReserveBudgetResponse],
    ) -> pb.ReserveBudgetResponse:
        answer = await reserve_budget(self._desk, ai_calls.wanted_from(request))
        await failpoint("ai.desk.reserved")
        if answer.refusal is not None:
            count_refusal(answer.refusal)
        return ai_calls.budget_to(answer)

    async def RecordCall(
        self,
        request: pb.RecordCallRequest,
        _context: ServicerContext[pb.RecordCallRequest, pb.RecordCallResponse],
    ) -> pb.RecordCallResponse:
        recorded = await record_call(self._desk, ai_calls.told_from(request))
        await failpoint("ai.desk.recorded")
        return pb.RecordCallResponse(
            call=ai_calls.call_to(recorded.call),
            is_duplicate=recorded.is_duplicate,
            is_over_reserve=recorded.cost_over > 0,
        )

    async def RecordToolCall(
        self,
        request: pb.RecordToolCallRequest,
        _context: ServicerContext[pb.RecordToolCallRequest, pb.RecordToolCallResponse],
    ) -> pb.RecordToolCallResponse:
        call, is_duplicate = await record_tool_call(
            self._desk,
            request.tenant_id,
            request.task_id,
            request.epoch,
            ai_calls.tool_call_from(request.tool_call),
        )
        return pb.RecordToolCallResponse(
            tool_call=ai_calls.tool_call_to(call), is_duplicate=is_duplicate
        )
