"""Jobs that nobody runs: their process died or was stopped, or the queue was away. They are run again."""

import asyncio
import logging
import time
from typing import Any

from sqlalchemy import and_, select, update

from fastapi_bgtask_lint.reference_app.database import new_session
from fastapi_bgtask_lint.reference_app.jobs import Task
from fastapi_bgtask_lint.reference_app.models import Job, JobState
from fastapi_bgtask_lint.reference_app.reports import build_report
from fastapi_bgtask_lint.reference_app.settings import settings
from fastapi_bgtask_lint.reference_app.uploads import discard_file, inspect_upload
from fastapi_bgtask_lint.reference_app.users import confirm_address, send_welcome, tell_staff

TASKS: dict[str, Task[Any]] = {
    task.name: task for task in (send_welcome, tell_staff, confirm_address, inspect_upload, discard_file, build_report)
}
"""Every task by the name that its jobs have in the database and in the queue."""

AT_ONCE = 8
A_LOOK = 100
MOST_RUNS = 10
"""A job that was begun so often and never ended takes its process with it each time."""

logger = logging.getLogger(__name__)


async def recover_forever() -> None:
    """Look for lost jobs, now and then. This belongs to the application, not to a request: it is no background task."""
    recovered: dict[str, asyncio.Task[None]] = {}
    places = asyncio.Semaphore(AT_ONCE)

    async def run(name: str, job_id: str) -> None:
        async with places:
            await TASKS[name](job_id)
        del recovered[job_id]

    async with asyncio.TaskGroup() as group:
        while True:
            try:
                await give_up()
                for name, job_id in await lost_jobs():
                    if job_id not in recovered:
                        recovered[job_id] = group.create_task(run(name, job_id))
            except Exception:
                logger.exception("recovery failed; it is tried again in %s s", settings.recovery_seconds)
            await asyncio.sleep(settings.recovery_seconds)


async def lost_jobs() -> list[tuple[str, str]]:
    """Task and id of jobs whose lease is over. Other processes may see them too: claiming them decides."""
    unfinished = Job.state.in_([JobState.PENDING, JobState.RUNNING])
    lost = (
        select(Job.task, Job.id)
        .where(unfinished, Job.leased_until < time.time(), Job.task.in_(TASKS))
        .order_by(Job.leased_until)
        .limit(A_LOOK)
    )
    async with new_session() as session:
        return [(row.task, row.id) for row in await session.execute(lost)]


async def give_up() -> None:
    """Let jobs fail that never end."""
    hopeless = and_(Job.state == JobState.RUNNING, Job.leased_until < time.time(), Job.runs >= MOST_RUNS)
    values = {"state": JobState.FAILED, "error": f"begun {MOST_RUNS} times and never ended"}
    async with new_session.begin() as session:
        await session.execute(update(Job).where(hopeless).values(values))
