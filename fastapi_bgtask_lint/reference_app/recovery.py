"""Jobs that nobody runs: their process died or was stopped, or the queue was away. They are run again."""

import asyncio
import logging
import time
from typing import Any

from sqlalchemy import select

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
UNFINISHED = (JobState.PENDING, JobState.RUNNING)

logger = logging.getLogger(__name__)


async def recover_forever() -> None:
    """Look for lost jobs, now and then. This belongs to the application, not to a request: it is no background task."""
    while True:
        try:
            await recover()
        except Exception:
            logger.exception("recovery failed; it is tried again in %s s", settings.recovery_seconds)
        await asyncio.sleep(settings.recovery_seconds)


async def recover() -> None:
    """Run a few jobs whose lease is over; claiming them decides between processes that see the same ones."""
    lost = (
        select(Job.task, Job.id)
        .where(Job.task.in_(TASKS), Job.state.in_(UNFINISHED), Job.leased_until < time.time())
        .order_by(Job.leased_until)
        .limit(AT_ONCE)
    )
    async with new_session() as session:
        jobs = (await session.execute(lost)).all()
    async with asyncio.TaskGroup() as group:
        for name, job_id in jobs:
            group.create_task(TASKS[name](job_id))
