"""Waits without end, as 401 and 402 see them."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.effects.effect import Effect, Timing
from fastapi_bgtask_lint.effects.summaries import Summaries
from fastapi_bgtask_lint.effects.tasks import Task
from fastapi_bgtask_lint.resolving.values import Site

_KINDS = frozenset({"network", "process", "lock", "none", "sleep"})


def unbounded_waits(task: Task, summaries: Summaries, timing: Timing) -> Iterator[Effect]:
    """The waits of the task with this timing that no deadline covers; what waits for a database is not among them."""
    for effect in summaries.of_function(task.function, task.context):
        if effect.timing is timing and not effect.bounded and effect.row is not None and effect.row.kind in _KINDS:
            yield effect


def timeout_site(effect: Effect) -> Site:
    """Where the timeout would be written: in the call, or where the client is made when only that takes one."""
    only_client = effect.client is not None and effect.row is not None and effect.row.timeout is None
    return effect.client if only_client and effect.client is not None else effect.leaf


def disabled_site(effect: Effect) -> Site:
    """Where the timeout is switched off."""
    return effect.client or effect.leaf
