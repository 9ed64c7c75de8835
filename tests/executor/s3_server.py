"""An S3-compatible server that tests talk to: a process of its own, with a bucket in it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx

READY_WITHIN_S = 60
CREDENTIAL = {"AWS_ACCESS_KEY_ID": "foliot", "AWS_SECRET_ACCESS_KEY": "a key for tests alone"}


TO_IAM = "x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x"
"""By which the server knows which of its services is meant."""


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """Where it listens."""

    endpoint: str

    def make_bucket(self) -> str:
        """A bucket that nobody else uses."""
        name = f"b{uuid4().hex}"
        httpx.put(f"{self.endpoint}/{name}").raise_for_status()
        return name

    def let_in(self, user: str, resource: str) -> Mapping[str, str]:
        """The credential of a new account that may put, get and delete there, nothing else."""
        may = {
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"],
            "Resource": f"arn:aws:s3:::{resource}",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        self._account(Action="CreateUser", UserName=user)
        self._account(
            Action="PutUserPolicy", UserName=user, PolicyName="own", PolicyDocument=policy
        )
        made = self._account(Action="CreateAccessKey", UserName=user)
        key, secret = (
            made.partition(f"<{name}>")[2].partition("<")[0]
            for name in ("AccessKeyId", "SecretAccessKey")
        )
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

    def _account(self, **asked: str) -> str:
        answer = httpx.post(
            self.endpoint,
            data={"Version": "2010-05-08", **asked},
            headers={"authorization": f"AWS4-HMAC-SHA256 Credential={TO_IAM}"},
        )
        return answer.raise_for_status().text

    @contextmanager
    def checking(self) -> Iterator[None]:
        """While it checks signatures, and who may do what."""
        switch = f"{self.endpoint}/moto-api/reset-auth"
        httpx.post(switch, content=b"0").raise_for_status()
        try:
            yield
        finally:
            httpx.post(switch, content=b"1000000000").raise_for_status()

    def url(self, bucket: str, prefix: str = "") -> str:
        """As FOLIOT_OBJECTS_URL says where objects are."""
        return f"s3://{bucket}/{prefix}?region=us-east-1&endpoint={self.endpoint}"


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """The server of moto, over HTTP on a port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        try:
            _await_port(process, port)
            yield S3Server(endpoint=endpoint)
        finally:
            process.kill()
            process.wait()


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while True:
        assert process.poll() is None, "the S3 server ended at its start"
        assert time.monotonic() < until, "the S3 server did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
