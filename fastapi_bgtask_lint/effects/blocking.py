"""What an async task does on the server's loop that keeps it from serving, as 301 - 304 see it."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.effects.effect import Effect, EffectKind, Side
from fastapi_bgtask_lint.effects.summaries import Summaries
from fastapi_bgtask_lint.effects.tasks import Task


def blocking_calls(task: Task, summaries: Summaries, *kinds: str) -> Iterator[Effect]:
    """The calls of these kinds that block the loop, in the task and what it calls; none of a task in a thread."""
    if not task.on_loop:
        return
    for effect in summaries.of_function(task.function, task.context):
        row = effect.row
        if effect.kind is not EffectKind.CALL or effect.side is not Side.HERE or row is None or row.runs:
            continue
        if row.blocks and row.kind in kinds:
            yield effect
