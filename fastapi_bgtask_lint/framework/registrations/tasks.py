"""The tasks of a project: functions that registrations run, each in the context that its arguments make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi_bgtask_lint.framework.registrations.registrations import Registration, Registrations
from fastapi_bgtask_lint.resolving.comparison import is_async
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Context, Function, Site


@dataclass(frozen=True, slots=True)
class Task:
    """A function that runs after the response."""

    function: Function
    context: Context
    """The context of its body."""
    on_loop: bool
    """It is a coroutine function and runs on the server's loop; else in a thread."""
    registrations: tuple[Registration, ...]


class Tasks:
    """Finds the tasks of registrations."""

    def __init__(self, evaluator: Evaluator, registrations: Registrations) -> None:
        self._evaluator = evaluator
        self._registrations = registrations

    def of(self, registration: Registration) -> Iterator[Task]:
        """What one registration runs."""
        for target in self._registrations.targets(registration):
            if not isinstance(target.value, Function):
                continue
            context = self._evaluator.calls.enter(target.value, target.arguments, registration.site)
            on_loop = is_async(target.value) is True and not target.runs_in_thread
            yield Task(target.value, context, on_loop, (registration,))


def merged(tasks: Iterable[Task]) -> list[Task]:
    """Each task once a context, with all its registrations, sorted by their places."""
    found: dict[tuple[Function, Context, bool], list[Registration]] = {}
    for task in tasks:
        found.setdefault((task.function, task.context, task.on_loop), []).extend(task.registrations)
    return [Task(*key, tuple(sorted(registrations, key=_order))) for key, registrations in found.items()]


def _order(registration: Registration) -> tuple[tuple[str, int], ...]:
    """The place of the call, then those of the calls that lead to it."""
    callers = registration.call_path.calls
    return registration.site.order, *(Site(caller.context, caller.call).order for caller in callers)
