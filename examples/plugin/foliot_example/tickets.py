"""Functions that open tickets in somebody's tracker, and say what they take and give."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field, HttpUrl

from executor.functions import Functions, TaskContext, TaskFailed
from shared.json import dump, load

functions = Functions()


class Problem(BaseModel):
    """What a ticket is about."""

    tracker: HttpUrl
    title: Annotated[str, Field(min_length=1, max_length=200)]
    urgency: Annotated[int, Field(ge=1, le=5)] = 3


class Ticket(BaseModel):
    """A ticket that is open."""

    number: int


@functions.register("tickets.open")
async def open_ticket(problem: Problem, context: TaskContext) -> Ticket:
    """Open a ticket, once: the tracker knows a repeat by the idempotency key."""
    token = await context.secrets.resolve("tracker-token")
    answer = await context.http.request(
        "POST",
        f"{problem.tracker}tickets",
        headers={
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
            "idempotency-key": str(context.idempotency_key),
        },
        body=dump({"title": problem.title, "urgency": problem.urgency}).encode(),
        within=timedelta(seconds=10),
    )
    if answer.status != 201:
        raise TaskFailed(
            "tickets.refused",
            f"the tracker answered {answer.status}",
            retryable=answer.status >= 500,
        )
    return Ticket.model_validate(load(answer.body))


@functions.register("tickets.triage")
def triage(problems: list[Problem], context: TaskContext) -> list[str]:
    """The titles, the most urgent first. A plain function: it runs in a thread."""
    ordered = sorted(problems, key=lambda one: -one.urgency)
    for done, _ in enumerate(ordered, 1):
        context.heartbeat({"done": done, "of": len(ordered)})
    return [one.title for one in ordered]
