"""What operators do to instances."""

from collections.abc import Sequence

from foliot.v1 import instance_pb2, instance_service_pb2

from control_plane.cli.arguments import labels_given
from control_plane.cli.asking import sure
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.instance_words import show_instance
from control_plane.cli.options import Target
from shared.errors import InvalidRequest


def run_cancel(
    target: Target, instance_id: str, *, reason: str, request_id: str, output: str, yes: bool
) -> None:
    sure(f"Cancel the instance {instance_id}?", yes=yes)
    request = instance_service_pb2.CancelInstanceRequest(
        instance_id=instance_id, reason=reason, request_id=request_id
    )

    async def ask(to: Caller) -> instance_pb2.Instance:
        return (await to.instances.CancelInstance(request, metadata=to.metadata)).instance

    show_instance(call(target, ask), output)


def run_terminate(
    target: Target, instance_id: str, *, reason: str, request_id: str, output: str, yes: bool
) -> None:
    sure(f"End the instance {instance_id} at once, without its compensations?", yes=yes)
    request = instance_service_pb2.TerminateInstanceRequest(
        instance_id=instance_id, reason=reason, request_id=request_id
    )

    async def ask(to: Caller) -> instance_pb2.Instance:
        return (await to.instances.TerminateInstance(request, metadata=to.metadata)).instance

    show_instance(call(target, ask), output)


def run_pause(
    target: Target, instance_id: str, *, reason: str, request_id: str, output: str
) -> None:
    request = instance_service_pb2.PauseInstanceRequest(
        instance_id=instance_id, reason=reason, request_id=request_id
    )

    async def ask(to: Caller) -> instance_pb2.Instance:
        return (await to.instances.PauseInstance(request, metadata=to.metadata)).instance

    show_instance(call(target, ask), output)


def run_resume(
    target: Target,
    instance_id: str,
    *,
    reason: str,
    request_id: str,
    shift_timers: bool,
    output: str,
) -> None:
    request = instance_service_pb2.ResumeInstanceRequest(
        instance_id=instance_id, reason=reason, request_id=request_id, shift_timers=shift_timers
    )

    async def ask(to: Caller) -> instance_pb2.Instance:
        return (await to.instances.ResumeInstance(request, metadata=to.metadata)).instance

    show_instance(call(target, ask), output)


def run_retry(
    target: Target, instance_id: str, *, reason: str, request_id: str, output: str
) -> None:
    request = instance_service_pb2.RetryInstanceRequest(
        instance_id=instance_id, reason=reason, request_id=request_id
    )

    async def ask(to: Caller) -> instance_pb2.Instance:
        return (await to.instances.RetryInstance(request, metadata=to.metadata)).instance

    show_instance(call(target, ask), output)


def run_labels(
    target: Target,
    instance_id: str,
    *,
    labels: Sequence[str],
    remove: Sequence[str],
    output: str,
) -> None:
    with explained():
        if not labels and not remove:
            raise InvalidRequest("say which labels: --set NAME=VALUE, --remove NAME", field="merge")
        request = instance_service_pb2.UpdateInstanceLabelsRequest(
            instance_id=instance_id, merge=labels_given(labels, "--set"), remove=remove
        )

    async def ask(to: Caller) -> instance_pb2.Instance:
        return (await to.instances.UpdateInstanceLabels(request, metadata=to.metadata)).instance

    show_instance(call(target, ask), output)
