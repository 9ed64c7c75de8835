"""Every listing with each filter that it documents, alone and beside others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from foliot.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    instance_service_pb2,
    instance_service_pb2_grpc,
    task_service_pb2,
    task_service_pb2_grpc,
)

_AN_INSTANCE: Final = "01890000-0000-7000-8000-000000000007"
_A_VERSION: Final = "01890000-0000-7000-9000-000000000003"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A method that lists, and what it is asked for. `stub` and `request` are generated."""

    method: str
    filter: str
    stub: Any
    request: Any

    @property
    def name(self) -> str:
        return f"{self.method} {self.filter}".rstrip()


def listings(size: int) -> Sequence[Listing]:
    """Pages of so many."""
    long_ago = (datetime.now(UTC) - timedelta(days=200)).isoformat().replace("+00:00", "Z")
    of_instances = [
        "",
        "status = WAITING",
        "status = FAILED",
        "status = CANCELLED",
        'definition_key = "d3"',
        'definition_key = "d3" AND status = FAILED',
        f'definition_id = "{_A_VERSION}"',
        'business_key = "key-8001"',
        'schedule_id = "nightly"',
        'schedule_id = "rare"',
        'schedule_id = "nightly" AND status = FAILED',
        'labels.region = "eu"',
        'labels.own = "8001"',
        'labels.half = "1" AND labels.region = "eu"',
        'labels.region = "eu" AND status = FAILED',
        'labels.region = "eu" AND status = CANCELLED',
        'labels.region = "eu" AND labels.own = "8001"',
        'labels.region = "eu" AND business_key = "key-999000"',
        f'start_time < "{long_ago}"',
        f'start_time >= "{long_ago}" AND status = WAITING',
        f'definition_key = "d3" AND start_time < "{long_ago}"',
    ]
    of_tasks = [
        "",
        f'instance_id = "{_AN_INSTANCE}"',
        "status = PENDING",
        "status = RUNNING",
        "status = SUCCEEDED",
        "status = FAILED",
        "type = HUMAN",
        "type = EMAIL",
        "type = HUMAN AND status = RUNNING",
        "type = EMAIL AND status = RUNNING",
        "type = EMAIL AND status = PENDING",
        "type = EMAIL AND status = SUCCEEDED",
        'queue = "q1"',
        f'create_time >= "{long_ago}"',
        'candidate = "role:r7"',
        'assignee = "ada"',
        'candidate = "role:r7" AND assignee = ""',
        f'due >= "{long_ago}"',
    ]
    of_audits = [
        "",
        'principal = "key:8"',
        'principal = "nobody"',
        'method = "foliot.v1.InstanceService/TerminateInstance"',
        'target_kind = "schedule"',
        'target_id = "target-8"',
        f'create_time < "{long_ago}"',
    ]
    instances, tasks = instance_service_pb2, task_service_pb2
    return [
        *(
            Listing(
                method="ListInstances",
                filter=one,
                stub=instance_service_pb2_grpc.InstanceServiceStub,
                request=instances.ListInstancesRequest(filter=one, page_size=size),
            )
            for one in of_instances
        ),
        *(
            Listing(
                method="ListTasks",
                filter=one,
                stub=task_service_pb2_grpc.TaskServiceStub,
                request=tasks.ListTasksRequest(filter=one, page_size=size),
            )
            for one in of_tasks
        ),
        *(
            Listing(
                method="ListDeadTasks",
                filter=one,
                stub=task_service_pb2_grpc.TaskServiceStub,
                request=tasks.ListDeadTasksRequest(filter=one, page_size=size),
            )
            for one in ("", "type = HTTP", "type = EMAIL")
        ),
        Listing(
            method="ListHistory",
            filter="",
            stub=event_service_pb2_grpc.EventServiceStub,
            request=event_service_pb2.ListHistoryRequest(instance_id=_AN_INSTANCE, page_size=size),
        ),
        *(
            Listing(
                method="ListDefinitions",
                filter=one,
                stub=definition_service_pb2_grpc.DefinitionServiceStub,
                request=definition_service_pb2.ListDefinitionsRequest(filter=one, page_size=size),
            )
            for one in ("", 'key = "d3"', "status = ACTIVE")
        ),
        *(
            Listing(
                method="ListAuditEntries",
                filter=one,
                stub=admin_service_pb2_grpc.AdminServiceStub,
                request=admin_service_pb2.ListAuditEntriesRequest(filter=one, page_size=size),
            )
            for one in of_audits
        ),
    ]
