"""The port for whoever watches over a process."""

import asyncio
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence

import pytest

from shared.errors import InvalidRequest
from shared.telemetry import endpoint as module
from shared.telemetry.endpoint import Endpoint, Finding
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import gauge, introduce

ANY = "127.0.0.1:0"


class Told:
    """Vitals that say what a test wants, and how often they were asked for samples."""

    def __init__(self, *findings: Finding) -> None:
        self.given: Sequence[Finding] = findings
        self.samples = 0

    async def sample(self) -> None:
        """Counted."""
        self.samples += 1
        gauge(Metric.CONNECTED).set(1)

    async def findings(self) -> Sequence[Finding]:
        """What was given."""
        return self.given


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """One that is open, of a process that is still starting."""
    async with Endpoint(ANY) as opened:
        yield opened


def got(address: str, path: str, method: str = "GET") -> tuple[int, str]:
    """What a GET is answered, in a thread of its own."""
    request = urllib.request.Request(f"http://{address}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def asked(endpoint: Endpoint, path: str, method: str = "GET") -> tuple[int, str]:
    """As a prober of another process would hear it."""
    return await asyncio.to_thread(got, endpoint.address, path, method)


class TestMetrics:
    async def test_are_sampled_and_told_to_prometheus(self, endpoint: Endpoint) -> None:
        """A gauge is as fresh as the scrape that reads it."""
        introduce("1.2.3", "executor")
        endpoint.vitals = told = Told()

        status, text = await asked(endpoint, "/metrics")

        assert (200, 1) == (status, told.samples)
        assert 'foliot_build_info{plane="executor",version="1.2.3"} 1.0' in text
        assert "foliot_executor_connected 1.0" in text
        assert "process_resident_memory_bytes" in text
        assert not re.search(r"_created[ {]", text)


class TestLiveness:
    async def test_is_that_the_event_loop_goes_round(self, endpoint: Endpoint) -> None:
        """Nothing else: a process that is restarted for what its database does helps nobody."""
        assert 200 == (await asked(endpoint, "/livez"))[0]

    async def test_ends_with_an_event_loop_that_stands_still(
        self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Restarting is all that helps, and the process itself cannot say so."""
        monkeypatch.setattr(module, "LIVE_WITHIN_S", 0.05)
        probe = asyncio.ensure_future(asked(endpoint, "/livez"))
        until = time.monotonic() + 5.0
        await asyncio.sleep(0)
        # Held up until the prober, in its thread, has given up.
        while time.monotonic() < until and not _given_up(probe):
            time.sleep(0.05)  # noqa: ASYNC251 - that is the fault

        status, said = await probe

        assert 503 == status
        assert "event loop" in said


def _given_up(probe: "asyncio.Future[tuple[int, str]]") -> bool:
    """The thread has its answer once it puts it into the loop's queue."""
    loop = probe.get_loop()
    ready: object = getattr(loop, "_ready", None)
    return bool(ready) and len(ready) > 1  # type: ignore[arg-type]  # a deque


class TestReadiness:
    async def test_is_not_there_yet_while_the_process_starts(self, endpoint: Endpoint) -> None:
        """It may wait for its database, and says so from the first moment on."""
        status, text = await asked(endpoint, "/readyz")

        assert (503, False) == (status, json.loads(text)["ready"])

    async def test_is_that_all_is_well(self, endpoint: Endpoint) -> None:
        """One thing that is not well is enough, and comes with what to do."""
        endpoint.vitals = told = Told(Finding("database"))
        well = await asked(endpoint, "/readyz")
        told.given = (Finding("database"), Finding("schema", "run `foliot migrate`"))
        ill, text = await asked(endpoint, "/readyz")

        assert 200 == well[0]
        assert 503 == ill
        assert [
            {"about": "database", "ok": True, "remedy": ""},
            {"about": "schema", "ok": False, "remedy": "run `foliot migrate`"},
        ] == json.loads(text)["checks"]


class TestWhatElseIsAsked:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("GET", "/", 404), ("GET", "/metrics/../etc", 404), ("POST", "/metrics", 405)],
    )
    async def test_is_refused(
        self, endpoint: Endpoint, method: str, path: str, status: int
    ) -> None:
        """There are three paths, and they are read."""
        assert status == (await asked(endpoint, path, method))[0]


class TestAnAddress:
    @pytest.mark.parametrize("address", ["9464", "localhost:", "127.0.0.1:70000", ":9464"])
    async def test_that_is_none_is_refused_with_how_to_write_it(self, address: str) -> None:
        """At the start, and not when the first scrape fails."""
        with pytest.raises(InvalidRequest, match=r"FOLIOT_METRICS_LISTEN is .*host:port"):
            Endpoint(address).open()

    async def test_that_is_taken_is_refused(self, endpoint: Endpoint) -> None:
        """Two processes on one machine want two ports."""
        with pytest.raises(InvalidRequest, match="give a free address"):
            Endpoint(endpoint.address).open()

    async def test_that_is_not_set_serves_nothing(self) -> None:
        """The default: nobody is told anything unasked."""
        async with Endpoint("") as closed:
            assert "" == closed.address

    async def test_may_be_of_ipv6(self) -> None:
        """Where a machine has it."""
        async with Endpoint("[::1]:0") as opened:
            assert 200 == (await asked(opened, "/livez"))[0]
