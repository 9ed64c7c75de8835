"""
Callback tokens: the right to end one task, for whoever was asked to do its work.

The executor puts one into a request, and the control plane takes it as a credential. It names
its tenant, its task and its end, and is signed with a key that both planes have. It is no
hand-out's: whichever attempt made the request, what comes back ends the task.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from shared.errors import InvalidRequest
from shared.ids import TenantId

PREFIX = "fct_"
"""How a callback token begins, so that it is taken for nothing else."""

MIN_KEY = 32
"""Characters of a key: it is as good as what is known of it is little."""

MAX_KEYS = 10
MAX_TOKEN = 1_000
MAX_WITHIN = timedelta(days=90)
DEFAULT_WITHIN = timedelta(days=7)

_ALGORITHM = "HS256"
_AUDIENCE = "foliot.callback"
_REQUIRED = ["exp", "aud", "sub", "ten"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What a token says."""

    tenant_id: TenantId
    task_id: str
    expires_at: datetime


class NoCallback(Exception):
    """A text is no callback token of ours; `why` is for the log."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class CallbackKeys:
    """The first key signs, all of them are believed: a new one is put in front of the old one."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises InvalidRequest for a key that is too short."""
        if len(keys) > MAX_KEYS or any(len(key) < MIN_KEY for key in keys):
            raise InvalidRequest(
                f"FOLIOT_CALLBACK_KEYS has a key of fewer than {MIN_KEY} characters, or more than"
                f" {MAX_KEYS} keys; make one by `openssl rand -base64 33`",
                field="callback_keys",
            )
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._keys)

    def sign(self, callback: Callback) -> str:
        """The token. Raises InvalidRequest where there is no key."""
        if not self._keys:
            raise InvalidRequest(
                "there is no key to sign callback tokens with; give the executors and the control"
                " plane the same FOLIOT_CALLBACK_KEYS",
                field="callback_keys",
            )
        claims = {
            "aud": _AUDIENCE,
            "ten": callback.tenant_id,
            "sub": callback.task_id,
            "exp": int(callback.expires_at.timestamp()),
        }
        return PREFIX + jwt.encode(claims, self._keys[0], algorithm=_ALGORITHM)

    def read(self, text: str, now: datetime) -> Callback:
        """What a token of ours says. Raises NoCallback for any other, and for one that is over."""
        if not text.startswith(PREFIX) or len(text) > MAX_TOKEN:
            raise NoCallback("it is not of the form of a callback token")
        for key in self._keys:
            try:
                claims = jwt.decode(
                    text.removeprefix(PREFIX),
                    key,
                    algorithms=[_ALGORITHM],
                    audience=_AUDIENCE,
                    # Its time is looked at below, by the clock that was given.
                    options={"require": _REQUIRED, "verify_exp": False},
                )
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
                break
            return _callback(claims, now)
        raise NoCallback("it is not signed by a key in FOLIOT_CALLBACK_KEYS")


def _callback(claims: dict[str, object], now: datetime) -> Callback:
    tenant_id, task_id, ends = claims["ten"], claims["sub"], claims["exp"]
    if not isinstance(tenant_id, str) or not isinstance(task_id, str) or not isinstance(ends, int):
        raise NoCallback("its claims are not of their types")
    expires_at = datetime.fromtimestamp(ends, UTC)
    if expires_at <= now:
        raise NoCallback("it is over")
    return Callback(tenant_id=TenantId(tenant_id), task_id=task_id, expires_at=expires_at)
