"""
What an HTTP task's input asks for: the request it becomes, with secrets looked up, and what is
to be made of the answer.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from executor.handlers.answer_parts import Choice, choice_of
from executor.ports import Ports
from executor.ports.http import MAX_REDIRECTS
from executor.ports.object_storage import ObjectRef, Objects, is_reference
from shared.callbacks import DEFAULT_WITHIN, MAX_WITHIN
from shared.errors import InvalidRequest
from shared.json import Json, dump
from shared.tasks import ClaimedTask

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
WORDS = frozenset(
    {
        *("method", "url", "headers", "auth", "json", "body", "timeout_s"),
        *("redirects", "output", "callback", "store"),
    }
)
DEFAULT_TIMEOUT = timedelta(seconds=30)
MAX_TIMEOUT = timedelta(minutes=10)
CALLBACK = "$callback"
CALLBACK_HEADER = "foliot-callback-token"
CALLBACK_TASK_HEADER = "foliot-callback-task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`within` is for the answer, redirects included; `chosen` is None for all of it."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    within: timedelta
    redirects: int
    chosen: Choice | None
    awaits_callback: bool
    stores: bool
    """Whether the answer's body is kept as an object."""


async def wanted_of(task: ClaimedTask, ports: Ports) -> Wanted:
    """
    The request. Raises InvalidRequest for an input that is none; for what it refers to,
    SecretMissing and SecretsUnavailable, ObjectMissing, ObjectCorrupt and ObjectsUnavailable.
    """
    given = task.input
    if not isinstance(given, dict):
        raise InvalidRequest("an HTTP task's input is an object with at least a url")
    unknown = sorted(given.keys() - WORDS)
    if unknown:
        raise InvalidRequest(f"{unknown[0]!r} is none of {', '.join(sorted(WORDS))}")
    within = _callback_of(given.get("callback"))
    words: dict[str, str] = {}
    if within is not None:
        token = ports.callbacks.token(task.task_id, within)
        ports.secrets.hide(token)
        words = {"token": token, "taskId": task.task_id}
        filled = _with_callback(given, words)
        assert isinstance(filled, dict)
        given = filled
    method = given.get("method", "GET")
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise InvalidRequest(f"method is none of {', '.join(sorted(METHODS))}")
    url = await ports.secrets.text(given.get("url"))
    if not url:
        raise InvalidRequest("url is missing; it is text, as 'https://example.com/orders'")
    headers = await _headers_of(given.get("headers"), ports)
    await _authorize(headers, given.get("auth"), ports)
    body = await _body_of(given, headers, ports)
    headers.setdefault("idempotency-key", str(task.idempotency_key))
    if words:
        headers |= {CALLBACK_HEADER: words["token"], CALLBACK_TASK_HEADER: words["taskId"]}
    return Wanted(
        method=method.upper(),
        url=url,
        headers=headers,
        body=body,
        within=_timeout_of(given.get("timeout_s")),
        redirects=_redirects_of(given.get("redirects", 0)),
        chosen=choice_of(given["output"]) if "output" in given else None,
        awaits_callback=within is not None,
        stores=_stores(given.get("store"), ports),
    )


async def _headers_of(given: Json, ports: Ports) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidRequest("headers is an object of texts")
    headers: dict[str, str] = {}
    for name, value in given.items():
        text = await ports.secrets.text(value)
        if text is None:
            raise InvalidRequest(
                f"the header {name!r} is no text, secret, or list of texts and secrets"
            )
        headers[name.lower()] = text
    return headers


async def _authorize(headers: dict[str, str], given: Json, ports: Ports) -> None:
    """`{"bearer": …}`, or `{"user": …, "password": …}` for the basic scheme."""
    if given is None:
        return
    parts = given if isinstance(given, dict) else {}
    found = {name: await ports.secrets.text(value) for name, value in parts.items()}
    if "authorization" in headers:
        raise InvalidRequest("auth and the header authorization are both set; use one of them")
    match found:
        case {"bearer": str(token), **others} if not others:
            headers["authorization"] = f"Bearer {token}"
        case {"user": str(user), "password": str(password), **others} if not others:
            pair = b64encode(f"{user}:{password}".encode()).decode()
            ports.secrets.hide(pair)
            headers["authorization"] = f"Basic {pair}"
        case _:
            raise InvalidRequest(
                'auth is {"bearer": …} or {"user": …, "password": …}, of texts and secrets'
            )


async def _body_of(
    given: Mapping[str, Json], headers: dict[str, str], ports: Ports
) -> bytes | None:
    if "json" in given and "body" in given:
        raise InvalidRequest("json and body are both set; send one of them")
    if "json" in given:
        headers.setdefault("content-type", "application/json")
        return dump(await ports.secrets.filled(given["json"])).encode()
    if given.get("body") is None:
        return None
    if is_reference(given["body"]):
        ref = ObjectRef.read(given["body"])
        headers.setdefault("content-type", ref.content_type)
        return await _objects_of(ports).get(ref)
    body = await ports.secrets.text(given["body"])
    if body is None:
        raise InvalidRequest("body is text, or an object; use json for anything else")
    return body.encode()


def _stores(given: Json, ports: Ports) -> bool:
    if given is not None and not isinstance(given, bool):
        raise InvalidRequest("store is true or false")
    if given:
        _objects_of(ports)
    return given is True


def _objects_of(ports: Ports) -> Objects:
    if ports.objects is None:
        raise InvalidRequest(
            "this executor has no storage of objects; set FOLIOT_OBJECTS_URL, or leave objects out"
        )
    return ports.objects


def _timeout_of(given: Json) -> timedelta:
    return DEFAULT_TIMEOUT if given is None else _seconds(given, "timeout_s", MAX_TIMEOUT)


def _redirects_of(given: Json) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= MAX_REDIRECTS:
        raise InvalidRequest(f"redirects is no number from 0 to {MAX_REDIRECTS}")
    return given


def _callback_of(given: Json) -> timedelta | None:
    """For how long a callback is waited for; None if for none."""
    if given is None or given is False:
        return None
    if given is True:
        return DEFAULT_WITHIN
    if isinstance(given, dict) and given.keys() == {"within_s"}:
        return _seconds(given["within_s"], "callback.within_s", MAX_WITHIN)
    raise InvalidRequest('callback is true, or {"within_s": 86400}')


def _seconds(given: Json, name: str, longest: timedelta) -> timedelta:
    most = longest.total_seconds()
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= most:
        raise InvalidRequest(f"{name} is no number of seconds up to {most:g}")
    return timedelta(seconds=given)


def _with_callback(value: Json, words: Mapping[str, str]) -> Json:
    """With `{"$callback": "token"}` and `{"$callback": "taskId"}` replaced, wherever they are."""
    match value:
        case {"$callback": str(word), **others} if not others:
            if word not in words:
                raise InvalidRequest(f'{{"{CALLBACK}": …}} is one of {", ".join(words)}')
            return words[word]
        case dict():
            return {name: _with_callback(item, words) for name, item in value.items()}
        case list():
            return [_with_callback(item, words) for item in value]
        case _:
            return value
