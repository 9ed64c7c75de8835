"""The proxy breaks connections where it says it does: else the clients would be held to nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tests.polyglot.proxy import Frame, Frames, Proxy

WITHIN_S = 20.0
ECHO = "/test.Echo/Say"
ALONE = [("grpc.use_local_subchannel_pool", 1)]
"""Else a channel takes over the pause of the one before, which was refused."""


class Echo(grpc.GenericRpcHandler):
    """Answers each message with itself, and keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[bytes] = []

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return grpc.unary_unary_rpc_method_handler(self._say)

    def _say(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self.told.append(message)
        return message


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    """One that stands before a real server."""
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers((echo,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            with Proxy(f"127.0.0.1:{port}") as proxy:
                yield proxy
        finally:
            server.stop(None).wait(WITHIN_S)


def say(proxy: Proxy, message: bytes) -> bytes | grpc.StatusCode:
    """The answer, or the code of the error, on a connection of its own."""
    with grpc.insecure_channel(proxy.address, options=ALONE) as channel:
        try:
            return _say_on(channel)(message, timeout=WITHIN_S)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code


def _say_on(channel: grpc.Channel) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    return channel.unary_unary(ECHO, request_serializer=bytes, response_deserializer=bytes)


class TestFrames:
    @pytest.mark.parametrize("size", [1, 5, 24, 100])
    def test_are_found_wherever_they_are_torn(self, size: int) -> None:
        """TCP keeps no boundaries."""
        sent = b"PREFACE!" + b"\0\0\3\0\1\0\0\0\5abc" + b"\0\0\0\1\4\0\0\0\7"
        frames = Frames(skip=8)

        found = [
            frame
            for start in range(0, len(sent), size)
            for frame in frames.feed(sent[start : start + size])
        ]

        assert [Frame(0, 5, b"abc"), Frame(1, 7, b"")] == found


class TestTheProxy:
    def test_lets_through_what_it_is_not_to_break(self, proxy: Proxy, echo: Echo) -> None:
        """It is there, and nobody notices."""
        proxy.lose_answer_to("another")

        assert b"hello" == say(proxy, b"hello")
        assert [b"hello"] == echo.told

    def test_loses_an_answer_and_not_its_request(self, proxy: Proxy, echo: Echo) -> None:
        """The worst moment: it was done, and the caller cannot know."""
        proxy.lose_answer_to("hello")
        first, second = say(proxy, b"hello"), say(proxy, b"hello")

        assert (grpc.StatusCode.UNAVAILABLE, b"hello") == (first, second)
        assert [b"hello", b"hello"] == echo.told
        assert 1 == proxy.lost_answers

    def test_refuses_for_as_long_as_it_is_down(self, proxy: Proxy, echo: Echo) -> None:
        """And is found again afterwards."""
        proxy.down()
        refused = say(proxy, b"hello")
        proxy.up()

        assert grpc.StatusCode.UNAVAILABLE == refused
        assert proxy.refused > 0
        assert b"again" == say(proxy, b"again")
        assert [b"again"] == echo.told
