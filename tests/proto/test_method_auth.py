"""The protos are the only table of authorization: it has a whole line for every RPC."""

import re

import pytest
from foliot.executor.v1 import executor_service_pb2
from foliot.v1 import (
    admin_service_pb2,
    ai_service_pb2,
    auth_options_pb2,
    definition_service_pb2,
    event_service_pb2,
    instance_service_pb2,
    schedule_service_pb2,
    task_service_pb2,
    tenant_service_pb2,
)
from foliot.v1alpha import definition_service_pb2 as alpha_definition_service_pb2
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from control_plane.access.roles import PERMISSIONS, PLATFORM_ROLES

METHODS: list[MethodDescriptor] = [
    method
    for module in (
        admin_service_pb2,
        ai_service_pb2,
        definition_service_pb2,
        event_service_pb2,
        instance_service_pb2,
        schedule_service_pb2,
        task_service_pb2,
        tenant_service_pb2,
        executor_service_pb2,
        alpha_definition_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
every_rpc = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)


def auth_of(method: MethodDescriptor) -> auth_options_pb2.MethodAuth:
    return method.GetOptions().Extensions[auth_options_pb2.auth]


class TestTheRpcsLookedAtHere:
    def test_are_all_there_are(self, files: list[FileDescriptorProto]) -> None:
        """A service that is forgotten above would go unchecked."""
        declared = {
            f"{file.package}.{service.name}.{method.name}"
            for file in files
            for service in file.service
            for method in service.method
        }

        assert declared == {method.full_name for method in METHODS}


@every_rpc
class TestEveryRpc:
    def test_says_who_may_call_it(self, method: MethodDescriptor) -> None:
        """A method without its own line would be open or closed by accident."""
        assert method.GetOptions().HasExtension(auth_options_pb2.auth)

    def test_leaves_nothing_of_it_unspecified(self, method: MethodDescriptor) -> None:
        """Scope, effect and idempotency have no good default."""
        auth = auth_of(method)

        assert auth_options_pb2.AUTH_SCOPE_UNSPECIFIED != auth.scope
        assert auth_options_pb2.EFFECT_UNSPECIFIED != auth.effect
        assert auth_options_pb2.IDEMPOTENCY_UNSPECIFIED != auth.idempotency

    def test_asks_for_a_permission_unless_it_is_public(self, method: MethodDescriptor) -> None:
        """No permission with a scope would let any caller in; one with none could not be had."""
        auth = auth_of(method)

        assert (auth.scope != auth_options_pb2.AUTH_SCOPE_PUBLIC) == bool(auth.permissions)
        assert all(re.fullmatch(r"[a-z]+\.[a-z]+", name) for name in auth.permissions)

    def test_is_safe_to_repeat_exactly_if_it_reads(self, method: MethodDescriptor) -> None:
        """What changes something needs more than good luck to be repeated."""
        auth = auth_of(method)
        reads = auth.effect == auth_options_pb2.EFFECT_READ

        assert reads == (auth.idempotency == auth_options_pb2.IDEMPOTENCY_SAFE)

    def test_is_audited_if_it_destroys_and_not_if_it_reads(self, method: MethodDescriptor) -> None:
        """Ending something early always leaves a trace; reading would drown the traces."""
        auth = auth_of(method)

        assert auth.audit or auth.effect != auth_options_pb2.EFFECT_DESTRUCTIVE
        assert not auth.audit or auth.effect != auth_options_pb2.EFFECT_READ

    def test_has_the_scope_of_its_audience(self, method: MethodDescriptor) -> None:
        """Executors work across tenants; else only what no role of a tenant may do."""
        auth = auth_of(method)
        is_of_the_platform = auth.scope == auth_options_pb2.AUTH_SCOPE_PLATFORM
        in_tenants = [PERMISSIONS[role] for role in PERMISSIONS.keys() - PLATFORM_ROLES]

        assert is_of_the_platform or not method.full_name.startswith("foliot.executor.")
        assert not is_of_the_platform or not any(
            set(auth.permissions) <= granted for granted in in_tenants
        )

    def test_has_a_path_in_http_exactly_if_it_is_unary(self, method: MethodDescriptor) -> None:
        """So that a JSON gateway is a build step; GET for reading, unless a body is needed."""
        rule = method.GetOptions().Extensions[annotations_pb2.http]
        streams = method.client_streaming or method.server_streaming

        assert streams == (not rule.WhichOneof("pattern"))
        assert not rule.get or auth_of(method).effect == auth_options_pb2.EFFECT_READ


class TestThePathsInHttp:
    def test_are_all_different(self) -> None:
        """Two methods on one path would hide each other."""
        rules = [method.GetOptions().Extensions[annotations_pb2.http] for method in METHODS]
        paths = [("GET", rule.get) if rule.get else ("POST", rule.post) for rule in rules]
        taken = [path for path in paths if path[1]]

        assert len(set(taken)) == len(taken)
