"""The engine and the three ways to a session. A session never leaves the request or the task that opened it."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from fastapi_bgtask_lint.reference_app.settings import settings


def build_engine() -> AsyncEngine:
    """An engine whose every wait is bounded. Nothing connects before the first use."""
    seconds = settings.database_seconds
    if settings.database.get_backend_name() == "sqlite":
        engine = create_async_engine(settings.database, pool_timeout=seconds, connect_args={"timeout": seconds})
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
    """Readers do not wait for the writer, and SQLAlchemy alone says where a transaction begins."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def begin_with_the_lock(connection: Connection) -> None:
    """Wait for SQLite's write lock at the start: who asks for it in mid-transaction is refused without waiting."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


engine = build_engine()

new_session = async_sessionmaker(engine, expire_on_commit=False)
"""A task opens its own session with this, and closes it: the request's is not for it."""


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
