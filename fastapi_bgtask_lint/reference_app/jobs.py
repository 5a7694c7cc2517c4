"""The one wrapper of all background tasks.

    @background_task(deadline=30, attempts=3, retry_on=is_temporary)
    async def send_welcome(user_id: str) -> None: ...

    job = send_welcome.job(user.id)           # plain values, checked by the type checker
    session.add(job)                          # in the transaction that the task belongs to
    await session.commit()
    tasks.add_task(send_welcome, job.id)      # runs after the response

A task never raises, so the tasks that are registered after it still run.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Generic, ParamSpec

import stamina
from sqlalchemy import and_, or_, update

from fastapi_bgtask_lint.reference_app.broker import broker, send
from fastapi_bgtask_lint.reference_app.database import new_session
from fastapi_bgtask_lint.reference_app.models import Job, JobState, new_id

P = ParamSpec("P")

logger = logging.getLogger(__name__)

PICKUP_SECONDS = 30.0
"""How long a job may wait to be begun before recovery hands it on."""
MARGIN_SECONDS = 10.0
"""What a lease lasts beyond the deadline: time to write the outcome down."""

in_flight: set[asyncio.Task[Any]] = set()
"""Where this process runs jobs now."""


def never(error: Exception) -> bool:
    """Retry nothing."""
    return False


class Task(Generic[P]):
    """A function that `add_task` can take: called with a job's id, it runs that job.

    It returns nothing, since nobody would get it: a type checker rejects a function that returns a value.
    """

    def __init__(
        self,
        function: Callable[P, Coroutine[Any, Any, None]],
        *,
        deadline: float,
        attempts: int,
        retry_on: Callable[[Exception], bool],
    ) -> None:
        self.function = function
        self.name = function.__name__
        self.deadline = deadline
        self.attempts = attempts
        self.retry_on = retry_on

    def job(self, *args: P.args, **kwargs: P.kwargs) -> Job:
        """A new record of one run. It must be committed before the task is registered."""
        arguments = {"args": list(args), "kwargs": kwargs}
        return Job(id=new_id(), task=self.name, arguments=arguments, leased_until=time.time() + PICKUP_SECONDS)

    async def __call__(self, job_id: str) -> None:
        """Run the job here, or send it to the workers if there are any."""
        try:
            if broker is None:
                await self.run(job_id)
            else:
                await self.send(job_id)
        except Exception:
            # The database or the queue is away. The job is still in the database, and recovery finds it there.
            logger.exception("%s %s is left for recovery", self.name, job_id)

    async def send(self, job_id: str) -> None:
        """Hand the job to the workers."""
        async with asyncio.timeout(self.deadline):
            await postpone(job_id)
            await send(self.name, job_id)

    async def run(self, job_id: str) -> None:
        """Run the job, unless somebody else does or did, and record what came of it. It ends before its lease does."""
        lease = self.deadline + MARGIN_SECONDS
        async with asyncio.timeout(lease):
            arguments = await claim(job_id, seconds=lease)
            if arguments is None:
                logger.info("%s %s is taken or done", self.name, job_id)
                return
            with counted():
                await self.carry_out(job_id, arguments)

    async def carry_out(self, job_id: str, arguments: dict[str, Any]) -> None:
        """Run a claimed job and record what came of it."""
        logger.info("%s %s starts", self.name, job_id)
        started = time.monotonic()
        try:
            error = await self.attempt(*arguments["args"], **arguments["kwargs"])
        except asyncio.CancelledError:
            # The process stops. The next one takes the job up at once instead of waiting for the lease to end.
            await asyncio.shield(release(job_id))
            raise
        seconds = time.monotonic() - started
        logger.info("%s %s %s after %.2f s", self.name, job_id, "failed" if error else "is done", seconds)
        await record(job_id, error, seconds)

    async def attempt(self, *args: P.args, **kwargs: P.kwargs) -> str | None:
        """Call the function until it works, or attempts or time are used up; the error, if it failed."""
        try:
            async with asyncio.timeout(self.deadline):
                async for attempt in stamina.retry_context(on=self.retry_on, attempts=self.attempts, timeout=None):
                    with attempt:
                        await self.function(*args, **kwargs)
        except Exception as error:
            logger.exception("%s failed", self.name)
            return reason(error)
        return None


def background_task(
    *, deadline: float, attempts: int = 1, retry_on: Callable[[Exception], bool] = never
) -> Callable[[Callable[P, Coroutine[Any, Any, None]]], Task[P]]:
    """Make a task of an async function that returns nothing.

    Parameters
    ----------
    deadline
        Seconds for the whole of it, waits between attempts included.
    attempts
        How often it is called at most.
    retry_on
        Whether an error can go away by itself.
    """

    def decorate(function: Callable[P, Coroutine[Any, Any, None]]) -> Task[P]:
        return Task(function, deadline=deadline, attempts=attempts, retry_on=retry_on)

    return decorate


def reason(error: Exception) -> str:
    """What is kept of an error: of several that came together, the first."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


async def claim(job_id: str, *, seconds: float) -> dict[str, Any] | None:
    """Take the job for so many seconds; its arguments, or None when it is somebody else's or over."""
    lost = and_(Job.state == JobState.RUNNING, Job.leased_until < time.time())
    free = or_(Job.state == JobState.PENDING, lost)
    taken = {"state": JobState.RUNNING, "leased_until": time.time() + seconds, "runs": Job.runs + 1}
    async with new_session.begin() as session:
        rows = await session.execute(update(Job).where(Job.id == job_id, free).values(taken).returning(Job.arguments))
        return rows.scalar_one_or_none()


async def record(job_id: str, error: str | None, seconds: float) -> None:
    """Write down what came of a job."""
    state = JobState.DONE if error is None else JobState.FAILED
    await change(job_id, {"state": state, "error": error, "seconds": seconds})


async def release(job_id: str) -> None:
    """Give a job back: who looks next may take it."""
    await change(job_id, {"state": JobState.PENDING, "leased_until": 0.0})


async def postpone(job_id: str) -> None:
    """Leave a job to the workers for a while before recovery sends it once more."""
    await change(job_id, {"leased_until": time.time() + PICKUP_SECONDS})


async def change(job_id: str, values: dict[str, object]) -> None:
    """Set columns of a job, in a transaction of its own."""
    async with new_session.begin() as session:
        await session.execute(update(Job).where(Job.id == job_id).values(values))


@contextmanager
def counted() -> Iterator[None]:
    """Note that a job runs here, so that a process that stops can wait for it."""
    task = asyncio.current_task()
    assert task is not None
    in_flight.add(task)
    try:
        yield
    finally:
        in_flight.discard(task)


async def settled(seconds: float) -> None:
    """Wait until the jobs that run here have ended, so many seconds at most."""
    if in_flight:
        await asyncio.wait(in_flight, timeout=seconds)
