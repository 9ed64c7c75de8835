"""
The claim check: an output that is too large for a row is kept as an object, and the task's
output is the reference to it.
"""

from executor.handlers.fitting import TOO_LARGE
from executor.ports import Ports
from executor.ports.object_storage import ObjectsUnavailable, ObjectTooLarge
from shared.json import MAX_PAYLOAD_BYTES, dump
from shared.tasks import Failure, Outcome

CONTENT_TYPE = "application/json"


def is_too_large(given: Outcome, fitted: Outcome) -> bool:
    """Whether a handler gave an output that, as `fit` has found, cannot be sent for its size."""
    return given.failure is None and fitted.failure is not None and fitted.failure.kind == TOO_LARGE


async def checked_in(outcome: Outcome, ports: Ports) -> Outcome:
    """
    The outcome with a reference instead of its output, which holds no secret where it is kept.

    As it was, where there is no storage of objects, or where its depth is what is too large; it
    stays a success that cannot be sent. Failed, where the storage cannot be reached: the next
    attempt may find it.
    """
    if ports.objects is None:
        return outcome
    text = dump(ports.secrets.redacted_json(outcome.output)).encode()
    if len(text) <= MAX_PAYLOAD_BYTES:
        return outcome
    try:
        return Outcome.succeeded((await ports.objects.put(text, CONTENT_TYPE)).as_json())
    except ObjectTooLarge as error:
        return _failed(TOO_LARGE, error.message, retryable=False)
    except ObjectsUnavailable as error:
        return _failed("output.not_stored", error.message, retryable=True)


def _failed(kind: str, message: str, *, retryable: bool) -> Outcome:
    return Outcome.failed(Failure(kind=kind, message=message, retryable=retryable))
