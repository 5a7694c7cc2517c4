"""Store what is uploaded before the response is sent. The task gets the path: an `UploadFile` ends with its request."""

import codecs
import hashlib
from pathlib import Path

from anyio import Path as AsyncPath
from anyio import open_file
from fastapi import APIRouter, BackgroundTasks, Response, UploadFile, status
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import update
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from fastapi_bgtask_lint.reference_app.database import Session, new_session
from fastapi_bgtask_lint.reference_app.homes import home, remove, removed_on_error
from fastapi_bgtask_lint.reference_app.jobs import background_task
from fastapi_bgtask_lint.reference_app.models import Job, JobState, Upload, User, new_id
from fastapi_bgtask_lint.reference_app.parameters import Id
from fastapi_bgtask_lint.reference_app.problems import BODY, answers, not_found

router = APIRouter(tags=["uploads"])

CHUNK = 1 << 18


class UploadShown(BaseModel):
    """An upload; its checksum is there when the inspection is done."""

    id: str
    size: int
    sha256: str | None
    inspection: JobState
    inspection_job: str


@router.post(
    "/users/{user_id}/uploads",
    status_code=status.HTTP_201_CREATED,
    response_model=UploadShown,
    responses=answers(*BODY, 404, 415),
)
async def upload(
    user_id: Id, file: UploadFile, session: Session, tasks: BackgroundTasks, response: Response
) -> UploadShown | Response:
    """Store a text file in the home of a user. It is inspected after the answer."""
    if await session.get(User, user_id) is None:
        raise not_found("user", user_id)
    await session.rollback()  # the connection is free while the file is written

    upload_id = new_id()
    path = home(user_id) / upload_id
    inspection = inspect_upload.job(upload_id, str(path))
    async with removed_on_error(path):
        try:
            size = await store(file, path)
        except UnicodeDecodeError as error:
            return await refused(path, error, session)
        session.add(inspection)
        await session.flush()
        session.add(Upload(id=upload_id, user_id=user_id, path=str(path), size=size, inspection_id=inspection.id))
        await session.flush()
    await session.commit()

    tasks.add_task(inspect_upload, inspection.id)
    response.headers["Location"] = f"/uploads/{upload_id}"
    return UploadShown(id=upload_id, size=size, sha256=None, inspection=inspection.state, inspection_job=inspection.id)


async def store(file: UploadFile, path: Path) -> int:
    """Write an upload to a file, chunk by chunk; its size. Raises UnicodeDecodeError where it is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    size = 0
    await AsyncPath(path.parent).mkdir(parents=True, exist_ok=True)
    async with await open_file(path, "wb") as target:
        while chunk := await file.read(CHUNK):
            decoder.decode(chunk)
            await target.write(chunk)
            size += len(chunk)
    decoder.decode(b"", final=True)
    return size


async def refused(path: Path, error: UnicodeDecodeError, session: Session) -> JSONResponse:
    """Tell the client that the file is no text, and remove what was stored of it after that.

    The task travels on the response that is returned. Registered in `tasks` before a `raise` it would never run.
    """
    removal = discard_file.job(str(path))
    session.add(removal)
    await session.commit()
    return JSONResponse(
        {"detail": f"The file is not UTF-8 text: {error.reason}."},
        status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
        background=BackgroundTask(discard_file, removal.id),
    )


@router.get("/uploads/{upload_id}", responses=answers(404))
async def show(upload_id: Id, session: Session) -> UploadShown:
    """An upload, and what its inspection found."""
    found = await session.get(Upload, upload_id)
    if found is None:
        raise not_found("upload", upload_id)
    job = await session.get_one(Job, found.inspection_id)
    return UploadShown(id=found.id, size=found.size, sha256=found.sha256, inspection=job.state, inspection_job=job.id)


@background_task(deadline=60)
async def inspect_upload(upload_id: str, path: str) -> None:
    """Note the checksum of an upload. Hashing blocks and computes, so it is done in a thread."""
    digest = await run_in_threadpool(sha256, Path(path))
    async with new_session.begin() as session:
        await session.execute(update(Upload).where(Upload.id == upload_id).values(sha256=digest))


def sha256(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@background_task(deadline=30, retry_on=lambda error: isinstance(error, OSError))
async def discard_file(path: str) -> None:
    """Remove a file that nobody refers to."""
    await run_in_threadpool(remove, Path(path))
