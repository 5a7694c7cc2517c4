"""ORM object of the request's session reaches a task

A mapped object that was loaded through, or added to, the request's session still belongs to that session. What it has
not loaded yet, and everything after a commit, it loads on first use. In the task that fails: with an `AsyncSession` it
is `MissingGreenlet` on FastAPI before 0.106 and from 0.118 on; on 0.106 - 0.117 the session is closed by then, and it
is `DetachedInstanceError` with every kind of session. Where it works, with a plain `Session` on the other versions, it
goes through the request's session, whose connection is held until the task ends.

Hand over the key, or the plain values that the task needs, and load the object in the task through a session of its
own, made by an injected session factory.

Suppress it where everything that the task reads is known to be loaded, and nothing commits in between.

## Bad
```py app.py
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

logger = logging.getLogger(__name__)
engine = create_async_engine("sqlite+aiosqlite:///shop.db")
session_factory = async_sessionmaker(engine)
sent: list[str] = []


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session


async def send_welcome(user: User) -> None:
    try:
        sent.append(user.address)
    except SQLAlchemyError:
        logger.exception("no welcome was sent")


@app.post("/users")
async def create_user(
    address: str, tasks: BackgroundTasks, session: AsyncSession = Depends(get_session)
) -> dict[str, str]:
    user = User(address=address)
    session.add(user)
    await session.commit()
    tasks.add_task(send_welcome, user)  # BGT202
    return {"status": "created"}
```

## Good
```py app.py
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, Depends, FastAPI
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

logger = logging.getLogger(__name__)
engine = create_async_engine("sqlite+aiosqlite:///shop.db")
session_factory = async_sessionmaker(engine)
sent: list[str] = []


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session


def get_session_factory() -> async_sessionmaker[AsyncSession]:
    return session_factory


async def send_welcome(make_session: async_sessionmaker[AsyncSession], user_id: int) -> None:
    try:
        async with make_session() as session:
            user = await session.get_one(User, user_id)
            sent.append(user.address)
    except SQLAlchemyError:
        logger.exception("no welcome was sent")


@app.post("/users")
async def create_user(
    address: str,
    tasks: BackgroundTasks,
    session: AsyncSession = Depends(get_session),
    make_session: async_sessionmaker[AsyncSession] = Depends(get_session_factory),
) -> dict[str, str]:
    user = User(address=address)
    session.add(user)
    await session.flush()
    user_id = user.id
    await session.commit()
    tasks.add_task(send_welcome, make_session, user_id)
    return {"status": "created"}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_bgtask_lint.application import Application
from fastapi_bgtask_lint.findings import Severity
from fastapi_bgtask_lint.framework.registrations.registrations import Registration
from fastapi_bgtask_lint.framework.request_scope.lifetimes import ResourceKind
from fastapi_bgtask_lint.rules.escaping import ending, what
from fastapi_bgtask_lint.rules.rule import Harm, Report, Rule

_ATTACHED = (
    "what it has not loaded needs that session: with an AsyncSession it is MissingGreenlet, with a Session its"
    " connection is held until the task ends"
)

rule = Rule(
    __doc__,
    code="BGT202",
    name="request-orm-object-in-task",
    severity=Severity.WARNING,
    harms=(
        Harm("MissingGreenlet", _ATTACHED, "<0.106"),
        Harm("DetachedInstanceError", "what it has not loaded raises DetachedInstanceError", ">=0.106,<0.118"),
        Harm("MissingGreenlet", _ATTACHED, ">=0.118"),
    ),
)


@rule.check
def objects(registration: Registration, app: Application) -> Iterator[Report]:
    """A mapped object of the request's session reaches the task."""
    targets = app.registrations.targets(registration)
    for escaping in app.lifetimes.of(registration, targets):
        if escaping.kind is ResourceKind.ENTITY:
            harm = ending(rule, escaping, registration, app)
            yield Report(
                f"{what(escaping)} belongs to the request's session: {harm}; hand over its key or plain values and load"
                " it in the task",
                registration.site,
                ((escaping.source, "it comes from here"),),
            )
