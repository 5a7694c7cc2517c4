"""The application: its routes, its start and its stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from fastapi_bgtask_lint.reference_app import jobs, problems, reports, status, uploads, users
from fastapi_bgtask_lint.reference_app.body_limit import BodyLimit
from fastapi_bgtask_lint.reference_app.broker import queue
from fastapi_bgtask_lint.reference_app.database import create_tables, engine
from fastapi_bgtask_lint.reference_app.recovery import recover_forever
from fastapi_bgtask_lint.reference_app.settings import settings
from fastapi_bgtask_lint.reference_app.stall import Watch

STOP_SECONDS = 5


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Make the tables, look after lost jobs; at the end let cancelled jobs give themselves back."""
    # The queue is not waited for: while it is away, jobs stay in the database until recovery can send them.
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    await create_tables()
    watch: Watch = app.state.watch
    companions = [asyncio.create_task(recover_forever()), asyncio.create_task(watch.run())]
    try:
        yield
    finally:
        for companion in companions:
            companion.cancel()
        await asyncio.wait(companions, timeout=STOP_SECONDS)
        await jobs.settled(STOP_SECONDS)
        if queue is not None:
            await queue.aclose()
        await engine.dispose()


def build_app() -> FastAPI:
    """The application with all its routes."""
    app = FastAPI(title="Background tasks done right", version="1", description=__doc__, lifespan=lifespan)
    app.state.watch = Watch()
    app.add_middleware(BodyLimit, limit=settings.upload_limit)
    problems.install(app)
    for router in (users.router, uploads.router, reports.router, status.router):
        app.include_router(router)
    return app


app = build_app()
