"""What an async task does on the server's loop that keeps it from serving, as 301 - 304 see it."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.effects.effect import Effect, Kind, Side
from fastapi_bgtask_lint.effects.tasks import Task
from fastapi_bgtask_lint.rules.application import Application


def blocking_calls(task: Task, app: Application, *kinds: str) -> Iterator[Effect]:
    """The calls of these kinds that block the loop, in the task and what it calls; none of a task in a thread."""
    if not task.on_loop:
        return
    for effect in app.summaries.of_function(task.function, task.frame):
        row = effect.row
        if effect.kind is not Kind.CALL or effect.side is not Side.HERE or row is None or row.runs:
            continue
        if row.blocks and row.kind in kinds:
            yield effect
