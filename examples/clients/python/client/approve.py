import json

import grpc
from foliot.v1.json_pb2 import Json
from foliot.v1.task_service_pb2 import CompleteTaskRequest, ListTasksRequest
from foliot.v1.task_service_pb2_grpc import TaskServiceStub

from client.calls import repeating


def approve(channel: grpc.Channel, instance_id: str) -> None:
    """Complete the human task that an instance waits for. Raises LookupError if there is none."""
    tasks = TaskServiceStub(channel)
    ask = ListTasksRequest(filter=f'instance_id = "{instance_id}" AND type = HUMAN')
    listed = repeating(tasks.ListTasks, ask).tasks
    task = next((one for one in listed if not one.HasField("complete_time")), None)
    if task is None:
        raise LookupError(f"instance {instance_id} waits for nobody")
    complete = CompleteTaskRequest(
        task_id=task.task_id,
        output=Json(json=json.dumps({"by": "ada"})),
        request_id=f"approve-{task.task_id}",
    )
    print("completed", repeating(tasks.CompleteTask, complete).task.name)
