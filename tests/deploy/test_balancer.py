"""deploy/envoy and deploy/grpc-service-config.json, held to the protos and to foliot's limits."""

import json
import re
from typing import Any

import yaml
from foliot.v1 import auth_options_pb2

from control_plane.api.admission import MAX_STREAMS
from control_plane.api.gate import MAX_DEADLINE_S, WAITING_DEADLINES_S
from control_plane.server import SERVICES
from shared.rpc import (
    KEEPALIVE_TIME_S,
    KEEPALIVE_TIMEOUT_S,
    MAX_CONNECTIONS,
    MAX_METADATA_BYTES,
    MAX_REQUEST_BYTES,
    MAX_RPCS,
    MAX_STREAMS_PER_CONNECTION,
    MIN_PING_INTERVAL_S,
)
from tests.architecture.tree import ROOT
from tests.campaigns.topology.balancer import CONFIG, configured
from tests.campaigns.topology.calling import SERVICE_CONFIG

ENVOY: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
[LISTENER] = ENVOY["static_resources"]["listeners"]
[CLUSTER] = ENVOY["static_resources"]["clusters"]
MANAGER: dict[str, Any] = LISTENER["filter_chains"][0]["filters"][0]["typed_config"]
[HOST] = MANAGER["route_config"]["virtual_hosts"]
UPSTREAM = CLUSTER["typed_extension_protocol_options"][
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
]["explicit_http_config"]["http2_protocol_options"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))

METHODS = {
    f"/{service.full_name}/{method.name}": method
    for service in SERVICES
    for method in service.methods
}
FRAME_BYTES = 64 * 1024


def seconds(text: str) -> float:
    """Of a duration as Envoy writes them."""
    return float(text.removesuffix("s"))


def route_of(path: str) -> dict[str, Any]:
    """The first whose match has the path, as Envoy chooses."""
    for route in HOST["routes"]:
        pattern = route["match"].get("safe_regex", {}).get("regex", ".*")
        if re.fullmatch(pattern, path):
            found: dict[str, Any] = route
            return found
    raise AssertionError(path)


class TestARoute:
    def test_sends_again_what_changes_nothing_and_no_more(self) -> None:
        """UNAVAILABLE may come after the commit: whoever did not choose the ids must not repeat."""
        repeated = {
            path
            for path in METHODS
            if "unavailable" in route_of(path)["route"]["retry_policy"]["retry_on"].split(",")
        }
        reads = {
            path
            for path, method in METHODS.items()
            if method.GetOptions().Extensions[auth_options_pb2.auth].effect
            == auth_options_pb2.EFFECT_READ
            and not path.startswith("/foliot.executor.")
        }

        assert reads == repeated

    def test_lets_streams_last(self) -> None:
        """A time limit would end every watcher of a quiet instance."""
        streams = {path for path, method in METHODS.items() if method.server_streaming}
        lasting = {path for path in METHODS if route_of(path)["route"]["timeout"] == "0s"}

        assert streams == lasting
        assert "0s" == MANAGER["stream_idle_timeout"]

    def test_ends_no_call_before_foliot_does(self) -> None:
        """Whose error says what became of it, and what to do."""
        limits = {
            seconds(route_of(path)["route"]["timeout"])
            for path, method in METHODS.items()
            if not method.server_streaming
        }

        assert max(MAX_DEADLINE_S, *WAITING_DEADLINES_S.values()) < min(limits)

    def test_lets_probes_and_tools_through(self) -> None:
        """Health and reflection are asked of a balancer as well."""
        assert "executing" == route_of("/grpc.health.v1.Health/Watch")["name"]
        assert "writing" == route_of("/foliot.v1.InstanceService/StartInstance")["name"]


class TestTheBalancer:
    def test_has_the_limits_of_a_server(self) -> None:
        """Less would refuse what foliot takes; more would keep what it refuses anyway."""
        [monitor] = ENVOY["overload_manager"]["resource_monitors"]
        [circuit] = CLUSTER["circuit_breakers"]["thresholds"]

        assert MAX_CONNECTIONS == monitor["typed_config"]["max_active_downstream_connections"]
        assert MAX_CONNECTIONS == circuit["max_connections"]
        assert MAX_RPCS == circuit["max_requests"] == circuit["max_pending_requests"]
        assert MAX_STREAMS < circuit["max_requests"]
        assert MAX_METADATA_BYTES == MANAGER["max_request_headers_kb"] * 1024
        for side in (MANAGER["http2_protocol_options"], UPSTREAM):
            assert MAX_STREAMS_PER_CONNECTION == side["max_concurrent_streams"]

    def test_can_keep_the_largest_message_to_send_it_again(self) -> None:
        """What it cannot keep whole it sends once."""
        assert MAX_REQUEST_BYTES + FRAME_BYTES <= HOST["request_body_buffer_limit"]

    def test_pings_as_often_as_foliot_and_no_more_than_it_bears(self) -> None:
        """A peer that is gone is noticed on either side; one that pings too often is thrown out."""
        for side in (MANAGER["http2_protocol_options"], UPSTREAM):
            keepalive = side["connection_keepalive"]

            assert seconds(keepalive["interval"]) == KEEPALIVE_TIME_S >= MIN_PING_INTERVAL_S
            assert KEEPALIVE_TIMEOUT_S == seconds(keepalive["timeout"])

    def test_notices_who_leaves_before_it_takes_no_more_calls(self) -> None:
        """FOLIOT_DRAIN_DELAY_S is there for it."""
        [probe] = CLUSTER["health_checks"]
        delay_s = float(COMPOSE["services"]["control-plane"]["environment"]["FOLIOT_DRAIN_DELAY_S"])

        assert {} == probe["grpc_health_check"]
        assert 2 * seconds(probe["interval"]) + seconds(probe["timeout"]) < delay_s
        assert seconds(probe["interval"]) == seconds(probe["no_traffic_interval"])

    def test_finds_what_compose_starts(self) -> None:
        """By the name of the service, of which each replica is an address."""
        [group] = CLUSTER["load_assignment"]["endpoints"]
        [endpoint] = group["lb_endpoints"]
        address = endpoint["endpoint"]["address"]["socket_address"]
        environment = COMPOSE["services"]["control-plane"]["environment"]
        [published] = COMPOSE["services"]["balancer"]["ports"]

        assert address["address"] in COMPOSE["services"]
        assert f"0.0.0.0:{address['port_value']}" == environment["FOLIOT_LISTEN"]
        assert published.endswith(f":{LISTENER['address']['socket_address']['port_value']}")

    def test_lets_nobody_end_it_from_outside(self) -> None:
        """Its own port takes orders from whoever reaches it."""
        assert "127.0.0.1" == ENVOY["admin"]["address"]["socket_address"]["address"]

    def test_is_tried_as_it_is_deployed(self) -> None:
        """What `make e2e-topology` runs differs by addresses alone, and by files for TLS."""
        tried = configured(
            listen=("0.0.0.0", 7233),
            admin=("127.0.0.1", 9901),
            control_planes=[("control-plane", 7233)],
        )

        assert ENVOY == tried


class TestTheServiceConfig:
    def test_tries_again_what_foliot_says_will_pass(self) -> None:
        """Of all the attempts that gRPC allows one meets a control plane that serves."""
        config = json.loads(SERVICE_CONFIG.read_text("utf-8"))
        [methods] = config["methodConfig"]

        assert [{}] == methods["name"]
        assert ["UNAVAILABLE", "CANCELLED"] == methods["retryPolicy"]["retryableStatusCodes"]
        assert 2 <= methods["retryPolicy"]["maxAttempts"] <= 5
        assert [{"round_robin": {}}] == config["loadBalancingConfig"]
