"""The application: its routes, its start and its stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from fastapi_bgtask_lint.reference_app import jobs, problems, reports, status, uploads, users
from fastapi_bgtask_lint.reference_app.body_limit import BodyLimit
from fastapi_bgtask_lint.reference_app.broker import broker
from fastapi_bgtask_lint.reference_app.database import engine
from fastapi_bgtask_lint.reference_app.models import Base
from fastapi_bgtask_lint.reference_app.recovery import recover_forever
from fastapi_bgtask_lint.reference_app.settings import settings
from fastapi_bgtask_lint.reference_app.stall import Watch

STOP_SECONDS = 5


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Make the tables, look after lost jobs; at the end let cancelled jobs give themselves back."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    if broker is not None:
        await broker.startup()
    watch: Watch = app.state.watch
    companions = [asyncio.create_task(recover_forever()), asyncio.create_task(watch.run())]
    try:
        yield
    finally:
        for companion in companions:
            companion.cancel()
        await asyncio.wait(companions, timeout=STOP_SECONDS)
        await jobs.settled(STOP_SECONDS)
        if broker is not None:
            await broker.shutdown()
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
