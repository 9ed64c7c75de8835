"""
The CEL project's runtime as a process: a line of expressions in, a line of answers out.

It runs in an environment of its own (`environment`), which has nothing of foliot in it.
The first line is the context; each further one a list of expressions. An answer is a value
as `written` writes it, or `{"error": message}`.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from cel_expr_python import cel  # type: ignore[import-not-found,unused-ignore]  # elsewhere
from cel_expr_python.ext import (  # type: ignore[import-not-found,unused-ignore]  # as above
    ext_math,
    ext_strings,
)

# The binding takes more references of None away than it adds; before 3.12, the process would
# end when there are none left.
BALLAST = [None] * 10_000_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def main() -> None:
    """Answers until the input ends."""
    environment = cel.NewEnv(
        variables={"context": cel.Type.DYN},
        extensions=[ext_strings.ExtStrings(), ext_math.ExtMath()],
    )
    data = {"context": json.loads(sys.stdin.readline())}
    for line in sys.stdin:
        answers = [answer(environment, text, data) for text in json.loads(line)]
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


def answer(environment: Any, text: str, data: dict[str, Any]) -> Any:
    """What the runtime makes of an expression."""
    try:
        value = environment.compile(text, disable_check=True).eval(data=data)
        if value.type() == cel.Type.ERROR:
            return {"error": str(value.plain_value())}
        return written(value.plain_value())
    except Exception as error:  # noqa: BLE001  # a binding, whose errors are of no one type
        return {"error": str(error)}


def written(value: Any) -> Any:
    """A value as JSON that keeps its type, numbers to the last bit."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return {"int": str(value)}
        case float():
            return {"double": "nan" if value != value else value.hex()}  # noqa: PLR0124  # NaN
        case datetime():
            return {"timestamp": (value.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)}
        case timedelta():
            return {"duration": value // timedelta(microseconds=1)}
        case list():
            return [written(item) for item in value]
        case dict():
            entries = [[written(key), written(item)] for key, item in value.items()]
            return {"map": sorted(entries, key=json.dumps)}
    return {"other": repr(value)}


if __name__ == "__main__":
    main()
    os._exit(0)  # without the interpreter's last look at what the binding left of None
