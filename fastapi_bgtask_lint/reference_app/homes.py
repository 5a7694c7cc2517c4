"""Where files are, and how they go if it comes to nothing. The disk is waited for in threads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import rmtree

from starlette.concurrency import run_in_threadpool

from fastapi_bgtask_lint.reference_app.settings import settings


def home(user_id: str) -> Path:
    """The folder of a user."""
    return settings.data_folder / "homes" / user_id


@asynccontextmanager
async def removed_on_error(path: Path) -> AsyncIterator[None]:
    """Remove a file or a folder again if what makes it needed fails.

    It is removed before the error goes on. A task that removes it would never run: FastAPI drops the tasks of a
    request whose handler raises.
    """
    try:
        yield
    except BaseException:
        await run_in_threadpool(remove, path)
        raise


def remove(path: Path) -> None:
    """Remove a file, or a folder and all that is in it; it may be gone already."""
    if path.is_dir():
        rmtree(path)
    else:
        path.unlink(missing_ok=True)
