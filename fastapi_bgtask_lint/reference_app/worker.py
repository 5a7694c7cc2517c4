"""The workers' side of the queue:

REDIS_URL=redis://localhost arq fastapi_bgtask_lint.reference_app.worker.WorkerSettings
"""

import logging
from typing import Any

from arq.connections import RedisSettings
from arq.worker import Function, func

from fastapi_bgtask_lint.reference_app.jobs import MARGIN_SECONDS, Task
from fastapi_bgtask_lint.reference_app.recovery import TASKS
from fastapi_bgtask_lint.reference_app.settings import settings

logging.getLogger("fastapi_bgtask_lint").setLevel(logging.INFO)


def function(task: Task[Any]) -> Function:
    """A task as the queue knows it. Its own deadline comes first, and its result is in the database."""

    async def run(ctx: dict[Any, Any], *args: str, **kwargs: str) -> None:
        await task.run(*args)

    return func(run, name=task.name, timeout=task.deadline + 2 * MARGIN_SECONDS, keep_result=0)


class WorkerSettings:
    """What the `arq` command reads."""

    functions = tuple(map(function, TASKS.values()))
    redis_settings = RedisSettings.from_dsn(settings.redis_url)
    job_completion_wait = settings.shutdown_seconds
