"""What each role may call, and that every method says so."""

import grpc
import pytest
from foliot.v1 import auth_options_pb2, instance_service_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from control_plane.access.principal import Principal
from control_plane.access.roles import PERMISSIONS, PLATFORM_ROLES, permissions_of
from control_plane.api.authorization import MethodWithoutAuth, Rule, authorize, rules_of
from control_plane.server import SERVICES, rules
from shared.errors import PermissionDenied
from tests.api.serving import TENANT, Serving, client_of, info_in


def a_service(auth: auth_options_pb2.MethodAuth | None) -> ServiceDescriptor:
    """A service of one method, in a pool of its own."""
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    file.message_type.add(name="Nothing")
    method = file.service.add(name="Service").method.add(
        name="Call", input_type=".t.Nothing", output_type=".t.Nothing"
    )
    if auth is not None:
        method.options.Extensions[auth_options_pb2.auth].CopyFrom(auth)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool.FindServiceByName("t.Service")


def a_principal(role: str, tenant: bool = True) -> Principal:
    return Principal(
        name="key:test",
        tenant_id=TENANT if tenant else None,
        role=role,
        permissions=permissions_of(role),
        expires_at=None,
    )


class TestAMethod:
    @pytest.mark.parametrize(
        "auth",
        [
            None,
            auth_options_pb2.MethodAuth(permissions=["a.b"]),
            auth_options_pb2.MethodAuth(
                scope=auth_options_pb2.AUTH_SCOPE_TENANT,
                effect=auth_options_pb2.EFFECT_READ,
                idempotency=auth_options_pb2.IDEMPOTENCY_SAFE,
            ),
            auth_options_pb2.MethodAuth(
                permissions=["a.b"],
                scope=auth_options_pb2.AUTH_SCOPE_PUBLIC,
                effect=auth_options_pb2.EFFECT_READ,
                idempotency=auth_options_pb2.IDEMPOTENCY_SAFE,
            ),
        ],
    )
    def test_that_does_not_say_who_may_call_it_keeps_the_server_from_starting(
        self, auth: auth_options_pb2.MethodAuth | None
    ) -> None:
        """What is forgotten must be closed, and noticed before anybody calls it."""
        with pytest.raises(MethodWithoutAuth, match=r"t\.Service\.Call"):
            rules_of([a_service(auth)])

    def test_of_ours_has_a_rule(self) -> None:
        """The gate lets through what has no rule, so every method must have one."""
        methods = {f"/{s.full_name}/{m.name}" for s in SERVICES for m in s.methods}

        assert methods <= set(rules(SERVICES))

    def test_asks_for_permissions_that_a_role_grants(self) -> None:
        """A permission no role has would close the method for everybody."""
        granted = frozenset[str]().union(*PERMISSIONS.values())
        asked = {one for rule in rules(SERVICES).values() for one in rule.permissions}

        assert asked <= granted


class TestARole:
    @pytest.mark.parametrize("role", sorted(PERMISSIONS))
    def test_grants_what_its_permissions_say_and_no_more(self, role: str) -> None:
        """One table decides, for every method alike."""
        principal = a_principal(role, tenant=role not in PLATFORM_ROLES)
        for path, rule in rules(SERVICES).items():
            may = set(rule.permissions) <= permissions_of(role) and not (
                rule.tenant_only if role in PLATFORM_ROLES else rule.platform_only
            )
            try:
                authorize(principal, rule)
            except PermissionDenied:
                assert not may, path
            else:
                assert may, path

    def test_that_is_unknown_grants_nothing(self) -> None:
        """A key written by a newer release is harmless here."""
        assert frozenset() == permissions_of("emperor")

    async def test_names_the_permission_that_is_lacking(self, serving: Serving) -> None:
        """Who is refused can ask for the right key."""
        async with client_of(serving, await serving.key("viewer")) as viewer:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await viewer.instances.StartInstance(instance_service_pb2.StartInstanceRequest())

        assert grpc.StatusCode.PERMISSION_DENIED == refused.value.code()
        assert "instance.start" == info_in(refused.value).metadata["permission"]


class TestAScope:
    def test_keeps_the_platforms_keys_out_of_tenants(self) -> None:
        """A key without a tenant has nowhere to act."""
        with pytest.raises(PermissionDenied, match="tenant"):
            authorize(a_principal("executor", tenant=False), Rule(permissions=(), tenant_only=True))

    def test_keeps_tenants_keys_from_acting_across_tenants(self) -> None:
        """Whatever its role grants, a tenant's key reaches no further than its tenant."""
        with pytest.raises(PermissionDenied, match="platform"):
            authorize(a_principal("executor"), Rule(permissions=(), platform_only=True))
