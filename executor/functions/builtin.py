"""The functions every executor has: enough to try a definition before writing one's own."""

from executor.functions import Functions, TaskContext, TaskFailed
from shared.json import Json

functions = Functions()


@functions.register("noop")
async def noop(_: Json, __: TaskContext) -> Json:
    """Do nothing, successfully."""
    return None


@functions.register("echo")
async def echo(value: Json, _: TaskContext) -> Json:
    """Give back what was given."""
    return value


@functions.register("greet")
async def greet(value: Json, _: TaskContext) -> Json:
    """Greet `name`."""
    name = value.get("name") if isinstance(value, dict) else value
    return {"greeting": f"Hello, {name or 'world'}!"}


@functions.register("fail")
async def fail(value: Json, context: TaskContext) -> Json:
    """
    Fail the first `times` attempts, all of them if it is not set; then succeed.

    `kind`, `message` and `retryable` say how.
    """
    wanted = value if isinstance(value, dict) else {}
    times = wanted.get("times")
    if isinstance(times, int) and context.attempt > times:
        return {"attempt": context.attempt}
    raise TaskFailed(
        str(wanted.get("kind", "demo.failed")),
        str(wanted.get("message", "this task was asked to fail")),
        retryable=wanted.get("retryable") is not False,
    )
