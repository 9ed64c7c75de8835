"""A weather service on the loopback: the real HTTP server that the demo's HTTP task calls."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def weather_service() -> Iterator[str]:
    """Serve until the block is left; gives the URL to ask."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Weather)
    thread = threading.Thread(target=server.serve_forever, name="weather", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/weather"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Weather(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"weather": "sunny, 21 °C"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it
        """The demo tells the story; the access log does not."""
