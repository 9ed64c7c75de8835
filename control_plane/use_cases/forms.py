"""Hold what a human task came to against its form."""

from control_plane.ports.people import Terms
from control_plane.ports.records import Task
from shared.errors import FormNotKept, LimitExceeded
from shared.forms import MAX_FORM_WORK, TooMuchToCheck, violations
from shared.json import Json


def check_form(task: Task, output: Json) -> None:
    """
    Raises FormNotKept, naming each place, and LimitExceeded where looking would take too long.

    A form never changes, so it does not matter when its task was read.
    """
    form = Terms.of(task.terms).form
    if form is None:
        return
    try:
        found = violations(form, output)
    except TooMuchToCheck as error:
        raise LimitExceeded(
            "values of the form times values of the output",
            actual=error.work,
            maximum=MAX_FORM_WORK,
            field="output",
        ) from error
    if found:
        raise FormNotKept(task.task_id, {_field(one.path): one.message for one in found})


def _field(path: tuple[str | int, ...]) -> str:
    """As `output.lines[0].price`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "output" + "".join(steps)
