"""
What a handler made of an attempt, made fit to be sent: whatever a function may have put
into it, the control plane takes it for what it is, a success or a failure.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from math import isnan

from shared.errors import InvalidJson, LimitExceeded
from shared.ids import TenantId
from shared.json import MAX_DEPTH, MAX_PAYLOAD_BYTES, Json, dump, load, parse
from shared.tasks import Failure, Outcome
from shared.telemetry.redaction import Redactor

MAX_KIND = 64
MAX_MESSAGE = 2_000
MAX_DETAILS_BYTES = 64 * 1024
MAX_RETRY_AFTER = timedelta(hours=24)
UNKNOWN_KIND = "unknown"
TOO_LARGE = "output.too_large"
INSTEAD = "store it elsewhere and return where, or let FOLIOT_OBJECTS_URL say where foliot may"

_KIND = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_NO_LETTERS_AT_FIRST = re.compile(r"^[^a-z]+")
_NO_WORD = re.compile(r"[^a-z0-9_.-]+")
_DOTS = re.compile(r"\.{2,}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def fit(outcome: Outcome, tenant_id: TenantId, redactor: Redactor) -> tuple[Outcome, str]:
    """
    The outcome and its output's text; a failure instead of an output that cannot be sent.

    NUL characters are left out of both, for PostgreSQL stores none. So are the tenant's secrets.
    """
    if outcome.failure is not None:
        hide = partial(redactor.text, tenant_id)
        failure = _fit_failure(outcome.failure, hide)
        details = redactor.json(tenant_id, failure.details)
        return replace(outcome, failure=replace(failure, details=details)), "null"
    try:
        text = _text_of(outcome.output, MAX_PAYLOAD_BYTES)
        return outcome, redactor.json_text(tenant_id, text)
    except InvalidJson as error:
        return _unfit("output.not_json", error.message)
    except LimitExceeded as error:
        return _unfit(TOO_LARGE, f"{error.message}; {INSTEAD}")


def words_of(value: object) -> str:
    """What a value says of itself. Never raises, though its `__str__` may."""
    try:
        return str(value)
    # SystemExit too: no value's words end the executor.
    except (Exception, SystemExit):  # noqa: BLE001 - whatever it is, the words are missing
        return f"<{type(value).__name__} without words: its __str__ raises>"


def _unfit(kind: str, message: str) -> tuple[Outcome, str]:
    failure = Failure(kind=kind, message=message, retryable=False)
    return Outcome.failed(_fit_failure(failure, str)), "null"


def _fit_failure(failure: Failure, hide: Callable[[str], str]) -> Failure:
    """The failure within the limits. Nothing in it need be of the type it should be."""
    return Failure(
        kind=_fit_kind(failure.kind, hide),
        message=_fit_message(failure.message, hide),
        retryable=bool(failure.retryable),
        details=_fit_details(failure.details),
        retry_after=_fit_wait(failure.retry_after),
    )


def _fit_kind(kind: object, hide: Callable[[str], str]) -> str:
    """Dotted words in lower case: `PaymentDeclined` becomes `payment_declined`."""
    text = "" if kind is None else hide(words_of(kind))[:MAX_KIND]
    if _KIND.fullmatch(text):
        return text
    text = _NO_WORD.sub("_", _HUMP.sub("_", text).lower())
    text = _NO_LETTERS_AT_FIRST.sub("", _DOTS.sub(".", text))
    return text[:MAX_KIND].rstrip("._") or UNKNOWN_KIND


def _fit_message(message: object, hide: Callable[[str], str]) -> str:
    """Secrets go before it is cut, or half of one might stay."""
    text = "" if message is None else hide(words_of(message)).replace("\0", "")
    # A lone surrogate would not survive the wire's UTF-8.
    return text[:MAX_MESSAGE].encode(errors="replace").decode()


def _fit_details(details: Json) -> Json:
    """The details, or none if they cannot be sent: the failure itself matters more."""
    try:
        return load(_text_of(details, MAX_DETAILS_BYTES))
    except (InvalidJson, LimitExceeded):
        return None


def _fit_wait(asked: object) -> timedelta | None:
    """From 0 to MAX_RETRY_AFTER; a number is seconds. None, so that the task's policy holds."""
    if isinstance(asked, timedelta):
        return max(timedelta(), min(asked, MAX_RETRY_AFTER))
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        return None
    seconds = min(asked, MAX_RETRY_AFTER.total_seconds())
    return None if isnan(seconds) else timedelta(seconds=max(0, seconds))


def _text_of(value: Json, max_bytes: int) -> str:
    """Canonical text within limits and without NUL. Raises InvalidJson or LimitExceeded."""
    text = dump(value)
    # Reading it back is what checks its depth; most values are too short to be deep.
    if len(text) > max_bytes // 4 or text.count("[") + text.count("{") > MAX_DEPTH:
        parse(text, "output", max_bytes=max_bytes)
    return dump(_without_nul(load(text))) if "\\u0000" in text else text


def _without_nul(value: Json) -> Json:
    """Recursive, for its depth is within MAX_DEPTH. Of names that become equal, the last stays."""
    match value:
        case str():
            return value.replace("\0", "")
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {name.replace("\0", ""): _without_nul(item) for name, item in value.items()}
        case _:
            return value
