"""Large work: answered 202 with a place to ask, done in shards."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from anyio import to_process
from fastapi import APIRouter, BackgroundTasks, Response, status
from pydantic import BaseModel
from sqlalchemy import update
from starlette.concurrency import run_in_threadpool

from fastapi_bgtask_lint.reference_app.database import Session, new_session
from fastapi_bgtask_lint.reference_app.jobs import background_task
from fastapi_bgtask_lint.reference_app.models import Job, JobState, Report, Upload, new_id
from fastapi_bgtask_lint.reference_app.parameters import Id
from fastapi_bgtask_lint.reference_app.problems import BODY, answers, not_found
from fastapi_bgtask_lint.reference_app.settings import settings
from fastapi_bgtask_lint.reference_app.words import count_words, shards, summary

router = APIRouter(prefix="/reports", tags=["reports"])

places = asyncio.Semaphore(settings.shards_at_once)
"""Taken by every shard of every report, so that two large reports do not start twice as many processes."""


class NewReport(BaseModel):
    """What to count."""

    upload_id: Id


class ReportShown(BaseModel):
    """How far a report is; with `done` its result, with `failed` the reason."""

    id: str
    state: JobState
    result: dict[str, Any] | None = None
    error: str | None = None
    job: str


@router.post("", status_code=status.HTTP_202_ACCEPTED, responses=answers(*BODY, 404))
async def order(new: NewReport, session: Session, tasks: BackgroundTasks, response: Response) -> ReportShown:
    """Count the words of an upload. The answer comes at once and says in `Location` where the result will be."""
    if await session.get(Upload, new.upload_id) is None:
        raise not_found("upload", new.upload_id)
    report_id = new_id()
    job = build_report.job(report_id)
    session.add(job)
    await session.flush()
    session.add(Report(id=report_id, upload_id=new.upload_id, build_id=job.id))
    await session.commit()
    tasks.add_task(build_report, job.id)
    response.headers["Location"] = f"/reports/{report_id}"
    return ReportShown(id=report_id, state=job.state, job=job.id)


@router.get("/{report_id}", responses=answers(404))
async def show(report_id: Id, session: Session) -> ReportShown:
    """How far a report is, and its result when it is done."""
    report = await session.get(Report, report_id)
    if report is None:
        raise not_found("report", report_id)
    job = await session.get_one(Job, report.build_id)
    return ReportShown(id=report_id, state=job.state, result=report.result, error=job.error, job=job.id)


@background_task(deadline=300)
async def build_report(report_id: str) -> None:
    """Count the words of an upload, part by part, and write the result in one go: there is no half of a report."""
    async with new_session() as session:
        report = await session.get_one(Report, report_id)
        upload = await session.get_one(Upload, report.upload_id)
        path, size = Path(upload.path), upload.size

    async with asyncio.TaskGroup() as group:
        parts = [group.create_task(count_shard(path, *shard)) for shard in shards(size, settings.shard_size)]
    result = await run_in_threadpool(summary, [part.result() for part in parts])

    async with new_session.begin() as session:
        await session.execute(update(Report).where(Report.id == report_id).values(result=result))


async def count_shard(path: Path, begin: int, end: int) -> Counter[str]:
    """Count one part in a process, which is killed when its time is up or the task is cancelled."""
    async with places, asyncio.timeout(settings.shard_seconds):
        return await to_process.run_sync(count_words, path, begin, end, cancellable=True)
