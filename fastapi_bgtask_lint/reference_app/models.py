"""The tables."""

from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, Enum, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


def new_id() -> str:
    """An id that no row has yet. It is text: a task's arguments are values that any database and queue can hold."""
    return uuid4().hex


class Base(DeclarativeBase):
    """Ids are known before the row is written, so rows can name each other and jobs can name rows."""

    id: Mapped[str] = mapped_column(String(32), primary_key=True)


class JobState(StrEnum):
    """`failed`: all attempts were made, and nobody tries again unless asked to."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(Base):
    """One run of a task, written in the transaction that makes it necessary, so neither is there without the other."""

    __tablename__ = "jobs"

    task: Mapped[str] = mapped_column(String(100))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[JobState] = mapped_column(
        Enum(JobState, native_enum=False, length=10, values_callable=lambda states: [state.value for state in states]),
        default=JobState.PENDING,
        index=True,
    )
    leased_until: Mapped[float]
    """Unix time. Until then it is somebody's; after it, an unfinished job was lost and may be taken."""
    runs: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    seconds: Mapped[float | None]
    """What the last run took."""


class User(Base):
    """A user and the job that welcomes them."""

    __tablename__ = "users"

    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    welcome_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))


class Upload(Base):
    """A text file in its user's home, and what the task found out about it."""

    __tablename__ = "uploads"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    path: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str | None] = mapped_column(String(64))
    inspection_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))


class Report(Base):
    """The word count of an upload."""

    __tablename__ = "reports"

    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id"))
    build_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
