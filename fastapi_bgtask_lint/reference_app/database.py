"""The engine and the three ways to a session. A session never leaves the request or the task that opened it."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy import Connection, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from fastapi_bgtask_lint.reference_app.models import Base
from fastapi_bgtask_lint.reference_app.settings import settings


def build_engine() -> AsyncEngine:
    """An engine whose every wait is bounded. Nothing connects before the first use."""
    seconds = settings.database_seconds
    if settings.database.get_backend_name() == "sqlite":
        # SQLite takes one transaction at a time. Waiting is for the pool's queue, in order, not for polling a lock.
        pool = {"pool_size": 1, "max_overflow": 0, "pool_timeout": seconds}
        engine = create_async_engine(settings.database, **pool, connect_args={"timeout": seconds})
        event.listen(engine.sync_engine, "connect", prepare_sqlite)
        event.listen(engine.sync_engine, "begin", begin_with_the_lock)
        return engine
    return create_async_engine(
        settings.database,
        pool_timeout=seconds,
        pool_pre_ping=True,
        connect_args={"timeout": seconds, "command_timeout": seconds},
    )


def prepare_sqlite(connection: DBAPIConnection, record: object) -> None:
    """Write ahead, so that a commit is quick, and leave it to us where a transaction begins."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def begin_with_the_lock(connection: Connection) -> None:
    """Wait for SQLite's write lock at the start: who asks for it in mid-transaction is refused without waiting.

    So there is one transaction at a time, readers included. PostgreSQL needs none of this.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def database_away(error: Exception) -> bool:
    """Whether the database could not work, so that the same may work later: it is locked, full or away."""
    if isinstance(error, OperationalError | PoolTimeout | ConnectionError | TimeoutError):
        return True
    # Asyncpg's words for it are no OperationalError. The classes are named in PostgreSQL's appendix A, "Error codes".
    sqlstate = str(getattr(error.orig, "sqlstate", "") or "") if isinstance(error, DBAPIError) else ""
    return sqlstate.startswith(("08", "40", "53", "55", "57"))


engine = build_engine()

new_session = async_sessionmaker(engine, expire_on_commit=False)
"""A task opens its own session with this, and closes it: the request's is not for it."""


async def create_tables() -> None:
    """Make what is missing. A project that lives on changes its tables with migrations, before it starts."""
    async with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(1)"))  # one process at a time
        await connection.run_sync(Base.metadata.create_all)


async def open_session() -> AsyncIterator[AsyncSession]:
    """A session that the handler commits, before it registers tasks that need what it wrote."""
    async with new_session() as session:
        yield session


async def open_transaction() -> AsyncIterator[AsyncSession]:
    """A session that commits when the handler has returned."""
    async with new_session.begin() as session:
        yield session


Session = Annotated[AsyncSession, Depends(open_session)]

# With function scope the dependency ends before the response is sent: the commit comes before the tasks, and a commit
# that fails is an error that the client sees. With the default scope the tasks would run first.
Transaction = Annotated[AsyncSession, Depends(open_transaction, scope="function")]
