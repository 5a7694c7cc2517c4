"""What a callable stands for: partials, objects with `__call__` and runners seen through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.knowledge import Row
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.library import offloaded_callable
from fastapi_bgtask_lint.resolving.rows import row_of
from fastapi_bgtask_lint.resolving.values import (
    CallArgument,
    External,
    ExternalMethod,
    Instance,
    Partial,
    Value,
    Values,
)

_SEEN_THROUGH = frozenset({"thread", "await", "call", "new-loop"})


@dataclass(frozen=True, slots=True)
class Target:
    """A callable and the arguments that it gets."""

    value: Value
    arguments: tuple[CallArgument, ...]
    runs_in_thread: bool = False
    """A runner hands it over to a thread of its own."""


def unwrapped(
    evaluator: Evaluator, values: Values, arguments: tuple[CallArgument, ...]
) -> Iterator[tuple[Value, tuple[CallArgument, ...]]]:
    """What calling any of these with these arguments calls, and with which arguments."""
    for value in values:
        match value:
            case Partial():
                yield from unwrapped(evaluator, value.function, (*value.arguments, *arguments))
            case Instance():
                yield from unwrapped(evaluator, evaluator.classes.method(value.cls, "__call__", (value,)), arguments)
            case _:
                yield value, arguments


def targets(evaluator: Evaluator, values: Values, arguments: tuple[CallArgument, ...]) -> Iterator[Target]:
    """What is run in the end when any of these is called: of a runner, what it runs."""
    for value, given in unwrapped(evaluator, values, arguments):
        row = row_of(evaluator, value) if isinstance(value, External | ExternalMethod) else None
        inner, rest = _run_by(row, given)
        if row is None or inner is None:
            yield Target(value, given)
            continue
        for target in targets(evaluator, inner.values, rest):
            yield Target(target.value, target.arguments, target.runs_in_thread or row.runs == "thread")


def _run_by(
    row: Row | None, arguments: tuple[CallArgument, ...]
) -> tuple[CallArgument | None, tuple[CallArgument, ...]]:
    if row is None or row.runs not in _SEEN_THROUGH:
        return None, ()
    return offloaded_callable(row, arguments)
