"""What the tasks did, another go for those that failed, and how the event loop is."""

import time

from fastapi import APIRouter, BackgroundTasks, HTTPException, Request, status
from pydantic import BaseModel
from sqlalchemy import update

from fastapi_bgtask_lint.reference_app.database import Session
from fastapi_bgtask_lint.reference_app.jobs import PICKUP_SECONDS, in_flight
from fastapi_bgtask_lint.reference_app.models import Job, JobState
from fastapi_bgtask_lint.reference_app.parameters import Id
from fastapi_bgtask_lint.reference_app.problems import answers, not_found
from fastapi_bgtask_lint.reference_app.recovery import TASKS
from fastapi_bgtask_lint.reference_app.stall import Watch

router = APIRouter(tags=["status"])


class JobShown(BaseModel):
    """A run of a task. `runs` counts how often it was begun; `seconds` is what the last time took."""

    id: str
    task: str
    state: JobState
    runs: int
    error: str | None
    seconds: float | None


class Health(BaseModel):
    """How the process is. A stall is a time in which the event loop answered nobody."""

    running_jobs: int
    longest_stall_seconds: float


@router.get("/jobs/{job_id}", responses=answers(404))
async def show(job_id: Id, session: Session) -> JobShown:
    """What became of a task."""
    job = await session.get(Job, job_id)
    if job is None:
        raise not_found("job", job_id)
    return shown(job)


@router.post("/jobs/{job_id}/retry", status_code=status.HTTP_202_ACCEPTED, responses=answers(404, 409))
async def retry(job_id: Id, session: Session, tasks: BackgroundTasks) -> JobShown:
    """Run a failed task once more."""
    again = {"state": JobState.PENDING, "leased_until": time.time() + PICKUP_SECONDS, "error": None, "runs": 0}
    failed = (Job.id == job_id) & (Job.state == JobState.FAILED) & Job.task.in_(TASKS)
    changed = await session.scalar(update(Job).where(failed).values(again).returning(Job.id))
    job = await session.get(Job, job_id)
    if job is None:
        raise not_found("job", job_id)
    if changed is None:
        raise HTTPException(status.HTTP_409_CONFLICT, f"The job is {job.state}; only a failed one can be run again.")
    await session.commit()
    tasks.add_task(TASKS[job.task], job.id)
    return shown(job)


@router.get("/health")
async def health(request: Request) -> Health:
    """How the process is."""
    watch: Watch = request.app.state.watch
    return Health(running_jobs=len(in_flight), longest_stall_seconds=watch.longest)


def shown(job: Job) -> JobShown:
    """What the client gets to see."""
    return JobShown(id=job.id, task=job.task, state=job.state, runs=job.runs, error=job.error, seconds=job.seconds)
