"""The tasks of a project: functions that registrations run, each in the context that its arguments make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi_bgtask_lint.framework.registrations.registrations import Registration, Registrations
from fastapi_bgtask_lint.resolving.comparison import is_async
from fastapi_bgtask_lint.resolving.evaluation import Evaluator
from fastapi_bgtask_lint.resolving.values import Context, Function


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

    def of(self, registrations: Iterable[Registration]) -> list[Task]:
        """The tasks, each once a context, in the order of their registrations."""
        found: dict[tuple[Function, Context, bool], list[Registration]] = {}
        for registration in registrations:
            for target in self._registrations.targets(registration):
                if not isinstance(target.value, Function):
                    continue
                context = self._evaluator.calls.enter(target.value, target.arguments, registration.site)
                on_loop = is_async(target.value) is True and not target.runs_in_thread
                found.setdefault((target.value, context, on_loop), []).append(registration)
        return [Task(f, context, loop, tuple(regs)) for (f, context, loop), regs in found.items()]
